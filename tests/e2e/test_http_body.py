"""google.api.HttpBody: bytes of any type through the gateway, up and down, whole and as they come."""
import hashlib
import os
import time

import pytest

import h1
from backend import Backend
from harness import Gateway, assert_error, eventually

BODIES = "/bodies.Bodies/"
MIB = 1 << 20


@pytest.fixture(scope="module")
def bodies_server(schemas):
    b = Backend(schemas["bodies"])
    yield b
    b.stop()


@pytest.fixture(scope="module")
def bodies_gateway(sets, bodies_server, tmp_path_factory):
    g = Gateway(tmp_path_factory.mktemp("bodies"), sets["bodies"], bodies_server.target)
    yield g
    g.stop()


@pytest.fixture
def bodies(bodies_server, bodies_gateway):
    bodies_server.reset()
    bodies_server.gateway = bodies_gateway
    yield bodies_server
    bodies_server.reset()


def send(bodies, method, target, body=None, headers=()):
    return h1.call(bodies.gateway.port, method, target, body=body, headers=headers)


@pytest.mark.parametrize("size", [0, 1, 127, 128, 65535, 65536, 5 * MIB])
@pytest.mark.parametrize("chunked", [False, True])
def test_bytes_come_back_as_they_went(bodies, size, chunked):
    data = os.urandom(size)
    bodies.does[BODIES + "Echo"] = lambda call: call.request
    headers = [("Content-Type", "application/x-noise")]
    body = data
    if chunked:
        headers.append(("Transfer-Encoding", "chunked"))
        body = h1.chunked(*(data[i:i + 40000] for i in range(0, size, 40000)))
    answer = send(bodies, "POST", "/echo", body, headers)
    assert answer.status == 200 and answer.clean and answer.body == data
    assert answer.header("content-type") == "application/x-noise"
    assert answer.header("content-length") == str(size)


def test_a_body_above_the_ceiling_is_refused(bodies, start, sets):
    g = start(bodies.target, {"bounds": {"request_body_bytes": 1000}}, set="bodies")
    for headers in ([], [("Transfer-Encoding", "chunked")]):
        body = h1.chunked(b"x" * 1001) if headers else b"x" * 1001
        answer = h1.call(g.port, "POST", "/echo", body=body, headers=headers)
        assert_error(answer, 413, 8)
    assert not bodies.calls


def test_pieces_of_a_stream_arrive_as_they_are_sent(bodies):
    with h1.Connection(bodies.gateway.port) as c:
        c.send(h1.request("POST", "/receive/n", headers=[("Content-Type", "audio/wav"),
                                                         ("Transfer-Encoding", "chunked")]))
        for i, piece in enumerate([b"one", b"two", b"\0three"]):
            c.send(b"%x\r\n%s\r\n" % (len(piece), piece))
            assert eventually(lambda: bodies.calls and len(bodies.calls[0].received) == i + 1)
            got = bodies.calls[0].received[i]
            assert got.file.data == piece and got.name == "n"
            assert got.file.content_type == ("audio/wav" if i == 0 else "")
        c.send(b"0\r\n\r\n")
        assert c.response().status == 200
    assert len(bodies.calls[0].received) == 3


def test_a_long_stream_up_costs_no_memory_of_its_own(bodies):
    """64 MiB through a server that takes its time."""
    seen, total = hashlib.sha256(), hashlib.sha256()

    def slow(call):
        for i, r in enumerate(call.requests):
            seen.update(r.file.data)
            call.received.clear()
            if i % 256 == 0:
                time.sleep(0.02)
        return call.output(name="done")

    bodies.does[BODIES + "Receive"] = slow
    before, peak, piece = bodies.gateway.rss_kib(), 0, os.urandom(MIB)
    with h1.Connection(bodies.gateway.port, timeout=60) as c:
        c.send(h1.request("POST", "/receive/n", headers=[("Content-Length", str(64 * MIB))]))
        for _ in range(64):
            total.update(piece)
            c.send(piece)
            peak = max(peak, bodies.gateway.rss_kib())
        assert c.response().json == {"name": "done"}
    assert seen.digest() == total.digest()
    assert peak - before < 8 << 10, f"{before} KiB, then {peak}"


def test_a_long_stream_down_costs_no_memory_of_its_own(bodies):
    piece = os.urandom(MIB)
    bodies.does[BODIES + "Download"] = lambda call: (call.output(content_type="x/y", data=piece)
                                                     for _ in range(64))
    before, peak, total = bodies.gateway.rss_kib(), 0, hashlib.sha256()
    with h1.Connection(bodies.gateway.port, timeout=60) as c:
        c.send(h1.request("GET", "/download/n"))
        head, reader = c.open()
        assert head.status == 200 and head.header("content-type") == "x/y"
        n = 0
        while part := reader.some():
            n += len(part)
            total.update(part)
            peak = max(peak, bodies.gateway.rss_kib())
            time.sleep(0.001 if n % MIB == 0 else 0)
    assert reader.clean and n == 64 * MIB
    assert total.digest() == hashlib.sha256(piece * 64).digest()
    assert peak - before < 16 << 10, f"{before} KiB, then {peak}"


def test_a_stream_that_fails_midway_is_cut_and_nothing_is_put_into_it(bodies):
    def fails(call):
        yield call.output(content_type="x/y", data=b"begun")
        call.fail(13, "broken")

    bodies.does[BODIES + "Download"] = fails
    answer = send(bodies, "GET", "/download/n")
    assert answer.status == 200 and answer.body == b"begun" and not answer.clean


@pytest.mark.parametrize("first", ["x/y", ""])
def test_a_stream_whose_type_changes_is_cut(bodies, first):
    bodies.does[BODIES + "Download"] = lambda call: iter([
        call.output(content_type=first, data=b"begun"), call.output(content_type="text/html", data=b"zz")])
    answer = send(bodies, "GET", "/download/n")
    assert answer.status == 200 and answer.body == b"begun" and not answer.clean


def test_a_stream_that_fails_at_once_is_an_error(bodies):
    bodies.does[BODIES + "Download"] = lambda call: call.fail(5, "no such file")
    assert assert_error(send(bodies, "GET", "/download/n"), 404, 5) == "no such file"


@pytest.mark.parametrize("wrong", [b"\x0a\x05a\r\nb", b"\x0a\x09text/\0pla", b"\x12\x05abc",
                                   b"\x0a\xd0\x0f" + b"a" * 2000])
def test_an_http_body_that_makes_no_sense_is_internal(bodies, wrong):
    bodies.answers[BODIES + "Echo"] = wrong
    assert_error(send(bodies, "POST", "/echo", b"x"), 500, 13)
    bodies.answers[BODIES + "Download"] = [wrong]
    assert_error(send(bodies, "GET", "/download/n"), 500, 13)


def test_both_sides_may_stream_bytes(bodies):
    bodies.does[BODIES + "Pipe"] = lambda call: (call.output(data=r.data.upper(), content_type="a/b")
                                                 for r in call.requests)
    answer = send(bodies, "POST", "/pipe", b"some text" * 1000)
    assert answer.status == 200 and answer.clean and answer.body == b"SOME TEXT" * 1000
    assert answer.header("content-type") == "a/b"
