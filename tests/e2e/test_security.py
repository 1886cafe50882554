"""Clients and backends that mean harm: what they may cost, and that no answer is lost or looks whole
when it is not."""
import multiprocessing
import os
import signal
import socket
import time

import pytest

import h1
import h2peer as h2
from harness import IN_SANITIZER, POSTERN, assert_error, eventually

HI = b"\x0a\x02hi"                       # EchoMessage{text: "hi"}
TURN = b"\x08\x01\x12\x05hello"           # ChatReply{turn: 1, text: "hello"}
NDJSON = "application/x-ndjson"
TEXT = "/demo.v1.TextGeneration/"
MIB = 1 << 20
LINE = b'{"text":"' + b"a" * 4000 + b'"}\n'


@pytest.fixture
def before(start):
    """before(peer): a gateway before that peer."""
    return lambda peer, **config: start(peer.target, config)


@pytest.fixture
def connect():
    made = []

    def make(g, data=b"", **how):
        made.append(h1.Connection(g.port, **how))
        made[-1].send(data)
        return made[-1]
    yield make
    for c in made:
        c.close()


def upload(c, most):
    """Sends chunks until the gateway takes no more, or has closed; how many bytes it took."""
    chunks, sent = (b"%x\r\n%s\r\n" % (len(LINE), LINE)) * 64, 0
    c.sock.settimeout(1)
    while sent < most:
        try:
            sent += c.sock.send(chunks[sent % len(chunks):])
        except OSError:
            break
    else:
        c.sock.settimeout(h1.TIMEOUT)
        c.try_send(chunks[sent % len(chunks):] + b"0\r\n\r\n")
    c.sock.settimeout(h1.TIMEOUT)
    return sent


def streaming(path, **headers):
    return h1.request("POST", path, headers={"Transfer-Encoding": "chunked",
                                             "Content-Type": NDJSON, **headers})


# ---- metadata of the upstream ----

@pytest.mark.parametrize("place", ["headers", "trailers"])
@pytest.mark.parametrize("metadata", [
    [("x-empty", "")], [("x-blank", "   ")], [("x-a", "1"), ("x-empty", ""), ("x-b", "2")]],
    ids=["empty", "blank", "between others"])
def test_metadata_without_a_value_does_not_cost_the_answer(before, place, metadata):
    with h2.Peer(h2.answers(HI, **{place: metadata})) as peer:
        g = before(peer)
        answer = h1.call(g.port, "POST", "/v1/echo", json={})
        assert answer.status == 200 and answer.json == {"text": "hi"} and answer.clean, answer
        for name, value in metadata:
            assert answer.header(name) == (value.strip() or None), answer


@pytest.mark.parametrize("size, count", [(7000, 2), (2900, 5), (100, 90)])
@pytest.mark.parametrize("place", ["headers", "trailers"])
def test_metadata_that_has_no_room_beside_the_requests_head_does_not_cost_the_answer(
        before, place, size, count):
    metadata = [(f"x-{i}", "v" * size) for i in range(count)]
    wide = {f"h{i}": "w" * 3000 for i in range(5)}
    with h2.Peer(h2.answers(HI, **{place: metadata})) as peer:
        g = before(peer)
        with h1.Connection(g.port) as c:
            for headers in ({}, wide, {"Cookie": "; ".join(f"c{i}=1" for i in range(100))}):
                c.send(h1.request("POST", "/v1/echo?" + "&" * 100, json={}, headers=headers))
                answer = c.response()
                assert answer.status == 200 and answer.json == {"text": "hi"}, answer
                assert answer.header("x-request-id") and answer.header("content-type")


def test_metadata_beyond_every_bound_is_an_error_and_no_silence(before):
    metadata = [(f"x-{i}", "v" * 8000) for i in range(10)]
    with h2.Peer(h2.answers(HI, headers=metadata), h2.answers(HI)) as peer:
        g = before(peer)
        answer = h1.call(g.port, "POST", "/v1/echo", json={})
        assert_error(answer, (429, 500, 502, 503))
        assert h1.call(g.port, "POST", "/v1/echo", json={}).status == 200


# ---- answers before the request has ended ----

def breaks_off(conn, request):
    conn.headers(request.stream)
    conn.data(request.stream, h2.message(TURN))
    conn.trailers(request.stream, "13", "lost")


@pytest.mark.parametrize("framing", [NDJSON, "text/event-stream", "application/json"])
@pytest.mark.parametrize("more", [0, 3 * MIB], ids=["ends at once", "goes on sending"])
def test_a_bidi_answer_that_breaks_is_seen_to_be_broken(before, connect, framing, more):
    with h2.Peer(on_head=breaks_off) as peer:
        g = before(peer)
        c = connect(g, streaming("/v1/models/m:chat", Accept=framing))
        c.send(b"%x\r\n%s\r\n" % (len(LINE), LINE))
        assert eventually(lambda: peer.conns and peer.conns[0].requests)
        time.sleep(0.05)
        upload(c, more)
        answer = c.response()
        assert answer.status == 200 and b"hello" in answer.body and b"lost" in answer.body, answer
        assert not answer.clean, "a broken answer that ends well"
        assert c.at_end()
    line, = g.logged()
    assert line["grpc_status"] == "INTERNAL", line


def test_a_client_cannot_send_for_ever_after_a_broken_answer(before, connect):
    with h2.Peer(on_head=breaks_off) as peer:
        g = before(peer)
        c = connect(g, streaming("/v1/models/m:chat", Accept=NDJSON))
        c.send(b"%x\r\n%s\r\n" % (len(LINE), LINE))
        assert eventually(lambda: peer.conns and peer.conns[0].requests)
        memory = g.rss_kib()
        sent = upload(c, 256 * MIB)
        assert sent < 32 * MIB, f"{sent >> 20} MiB were taken for an answer that is over"
        assert g.rss_kib() - memory < 8 << 10
        assert not c.response().clean
        assert c.at_end()
        assert len(g.logged()) == 1


@pytest.mark.parametrize("size", [1000, 3 * MIB])
def test_an_early_answer_reaches_a_client_that_still_sends_whole(start, connect, backend, size):
    """A backend that has heard enough of a client's stream answers; HTTP/1.1's client goes on."""
    g = start(backend.target)
    backend.does[TEXT + "Summarize"] = lambda call: call.output(summary="s" * size)
    c = connect(g, streaming("/v1/models/m:summarize"), receive_buffer=16384)
    c.send(b"%x\r\n%s\r\n" % (len(LINE), LINE))
    assert eventually(lambda: backend.calls)
    sent = upload(c, 256 * MIB)
    assert sent < 32 * MIB
    answer = c.response()
    assert answer.status == 200 and answer.clean, answer
    assert answer.json == {"summary": "s" * size}
    assert answer.header("connection") == "close" and c.at_end()
    line, = g.logged()
    assert line["status"] == 200 and line["bytes_out"] == len(answer.body), line


def test_a_head_request_that_is_refused_in_its_body_gets_no_body(start, connect, backend):
    """Else the body would be taken for the next answer of the connection."""
    g = start(backend.target)
    c = connect(g, h1.request("HEAD", "/nowhere", headers={
        "Content-Type": "application/json", "Content-Length": str(100 * MIB)}))
    answer = c.response("HEAD")
    assert answer.status in (404, 413), answer
    assert c.rest() == b""


# ---- the end of the process ----

def test_a_request_in_the_socket_at_term_is_answered(start, connect, backend):
    g = start(backend.target)
    used, fresh = connect(g), connect(g)
    used.send(h1.request("POST", "/v1/echo", json={"text": "1"}))
    assert used.response().status == 200
    time.sleep(0.1)
    g.signal(signal.SIGSTOP)
    try:
        for c in used, fresh:
            c.send(h1.request("POST", "/v1/echo", json={"text": "2"}))
        g.signal(signal.SIGTERM)
    finally:
        g.signal(signal.SIGCONT)
    for c in used, fresh:
        answer = c.response()
        assert answer.status == 200 and answer.json == {"text": "2"}, answer
        assert answer.header("connection", "").lower() == "close" and c.at_end()
    assert g.wait(3) == 0


# ---- descriptors ----

def with_few_descriptors(tmp_path, n):
    """The gateway, started with no more than so many: postern raises the soft limit to the hard."""
    program = tmp_path / "postern-with-few"
    program.write_text(f'#!/bin/sh\nulimit -n {n}\nexec "{POSTERN}" "$@"\n')
    program.chmod(0o755)
    return program


def served(g):
    try:
        return h1.call(g.port, "POST", "/v1/echo", json={}).status == 200
    except (h1.Closed, OSError):
        return False


def open_many(port, n):
    """So many connections as far as they come about, each with a request."""
    clients = []
    for _ in range(n):
        s = socket.socket()
        s.settimeout(1)
        try:
            s.connect(("127.0.0.1", port))
            s.sendall(h1.request("POST", "/v1/sleep", json={"duration": "8s"}))
        except OSError:
            pass
        clients.append(s)
    return clients


@pytest.mark.parametrize("workers", [1, 2])
def test_without_descriptors_clients_are_turned_away_and_nothing_spins(
        start, backend, tmp_path, workers):
    limit = 64 + 32 * workers
    g = start(backend.target, {"bounds": {"connections": 100000}, "workers": workers},
              program=with_few_descriptors(tmp_path, limit))
    clients = open_many(g.port, 3 * limit)
    try:
        time.sleep(0.3)
        assert len(os.listdir(f"/proc/{g.pid}/fd")) > limit - 8, "the test did not use them up"
        cpu = g.cpu_seconds()
        time.sleep(1)
        assert g.cpu_seconds() - cpu < 0.2, "the loop spins"
        assert g.alive()
    finally:
        for s in clients:
            s.close()
    assert eventually(lambda: served(g))
    assert "Too many open files" not in g.stderr()


def test_the_limit_of_clients_leaves_room_for_the_rest(start, backend, tmp_path):
    """By default half of the descriptors are for clients: those above are turned away at once."""
    g = start(backend.target, program=with_few_descriptors(tmp_path, 128))
    clients = open_many(g.port, 100)
    try:
        def gone(s):
            s.settimeout(0.01)
            try:
                return s.recv(1) == b""
            except socket.timeout:
                return False
            except OSError:
                return True
        assert eventually(lambda: sum(map(gone, clients)) >= 36)
        assert len(os.listdir(f"/proc/{g.pid}/fd")) < 100
        assert h1.call(g.admin, "GET", "/healthz").status == 200
    finally:
        for s in clients:
            s.close()
    assert eventually(lambda: served(g))


# ---- one client must not cost the others their time ----

def nested_query(depth):
    return "/v1/echo?" + ".".join(["a"] * depth) + "=1"


HUNGRY = {
    "64 MiB of blanks": [b" " * MIB] * 63 + [b"{}"],
    "a string without an end": [b'{"text":"'] + [b"a" * MIB] * 62,
    "a string of escapes": [b'{"text":"'] + [b"\\u00e9" * 170000] * 60 + [b'"}'],
    "a key without an end": [b'{"'] + [b"k" * MIB] * 62,
    "a number without an end": [b'{"id":'] + [b"1" * MIB] * 62,
    "a million fields": [b"{"] + [b'"text":"a",' * 95000] * 62,
    "brackets without an end": [b"[" * MIB] * 62,
    "invalid UTF-8 late": [b'{"text":"'] + [b"a" * MIB] * 30 + [b"\xff"],
}


def ping(port, over, told):
    """A process of its own: neither the attacker's nor the backend's Python is to be measured."""
    longest = 0.0
    with h1.Connection(port) as c:
        while not over.is_set():
            began = time.monotonic()
            c.send(h1.request("GET", "/nowhere"))
            assert c.response().status == 404
            longest = max(longest, time.monotonic() - began)
            time.sleep(0.001)
    told.put(longest)


@pytest.mark.parametrize("case", HUNGRY)
def test_a_hungry_body_is_answered_and_starves_nobody(start, backend, case):
    g = start(backend.target)
    before, pieces = g.rss_kib(), HUNGRY[case]
    over, told = multiprocessing.Event(), multiprocessing.Queue()
    pinger = multiprocessing.Process(target=ping, args=(g.port, over, told))
    pinger.start()
    with h1.Connection(g.port, timeout=30) as c:
        c.try_send(h1.request("POST", "/v1/echo", headers={
            "Content-Type": "application/json", "Content-Length": str(sum(map(len, pieces)))}))
        all(c.try_send(p) for p in pieces)
        answer = c.response()
    assert answer.status in (200, 400, 413), answer
    over.set()
    longest = told.get(timeout=10)
    pinger.join()
    assert IN_SANITIZER or longest < 0.25, f"an answer took {longest * 1000:.0f} ms"
    assert g.rss_kib() - before < 10 * 64 << 10


def test_a_query_that_nests_without_end_is_400_at_once(start, backend):
    g = start(backend.target)
    for target in (nested_query(3000), "/v1/echo?" + "&".join(["text=a"] * 1000),
                   "/v1/echo?" + "%" * 4000, "/v1/" + "%2e/" * 1500, "/" * 8000,
                   "/v1/models/" + ":" * 7000):
        began = time.monotonic()
        assert h1.call(g.port, "POST", target, json={}).status in (400, 404, 405, 414, 431), target[:40]
        assert time.monotonic() - began < 0.2, target[:40]
    assert not backend.calls


def test_a_thousand_clients_that_reset_at_once_leave_nothing(start, backend):
    g = start(backend.target)
    h1.call(g.port, "POST", "/v1/echo", json={})

    def descriptors():
        return len(os.listdir(f"/proc/{g.pid}/fd"))
    before = descriptors()
    for i in range(1000):
        c = h1.Connection(g.port)
        c.try_send(h1.request("POST", "/v1/sleep", json={"duration": "5s"})[:(i % 200) + 20 or None])
        c.abort()
    assert eventually(lambda: descriptors() <= before + 3, 5), f"{before} -> {descriptors()}"
    assert served(g)


def test_a_client_that_pipelines_and_never_reads_is_bounded(start, backend):
    g = start(backend.target)
    one = h1.request("POST", "/v1/echo", json={"text": "a" * 8000})
    with h1.Connection(g.port, receive_buffer=4096) as c:
        before, sent = g.rss_kib(), 0
        c.sock.settimeout(1)
        try:
            while sent < 256 * MIB:
                sent += c.sock.send(one[sent % len(one):])
        except OSError:
            pass
        assert sent < 32 * MIB, f"{sent >> 20} MiB were taken"
        assert g.rss_kib() - before < 8 << 10
    assert served(g)
