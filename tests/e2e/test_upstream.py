"""Backends that break gRPC's rules: each fault has its mapped error, and the gateway lives on."""
import json
import struct
import time

import pytest

import h1
import h2peer as h2
from harness import assert_error, eventually

HI = b"\x0a\x02hi"                       # EchoMessage{text: "hi"}
CONFIG = {"upstream": "peer", "clusters": [{
    "name": "peer", "connect_timeout": "600ms", "keepalive_interval": "300ms",
    "keepalive_timeout": "300ms"}]}


@pytest.fixture
def behind(start):
    """behind(peer): a gateway before that peer, with impatient timeouts."""
    def make(peer, **config):
        cluster = {**CONFIG["clusters"][0], "endpoints": [peer.target]}
        return start(None, {**CONFIG, "clusters": [cluster], **config})
    return make


def echo(g, target="/v1/echo", **headers):
    return h1.call(g.port, "POST", target, json={"text": "hi"},
                   headers={k.replace("_", "-"): v for k, v in headers.items()})


def well(g):
    """The next call goes through: the fault before has hurt nobody else."""
    answer = echo(g)
    assert answer.status == 200 and answer.json == {"text": "hi"}, answer


def answering(status="0", body=h2.message(HI), text=None, headers=(), http="200",
              content_type="application/grpc", trailers=(), initial=()):
    def behave(c, r):
        c.headers(r.stream, initial, status=http, content_type=content_type)
        if body is not None:
            c.data(r.stream, body)
        c.trailers(r.stream, status, text, trailers)
    return behave


def trailers_only(status="0", http="200", content_type="application/grpc", headers=()):
    def behave(c, r):
        fields = [] if status is None else [("grpc-status", status)]
        c.headers(r.stream, fields + list(headers), http, content_type, end=True)
    return behave


def headers_then(*actions):
    def behave(c, r):
        c.headers(r.stream)
        for act in actions:
            act(c, r)
    return behave


def reset(code, data=None):
    """RST_STREAM after the headers, or after the whole message."""
    steps = [lambda c, r: c.data(r.stream, h2.message(data))] if data is not None else []
    return headers_then(*steps, lambda c, r: c.rst(r.stream, code))


def raw(*frames):
    def behave(c, r):
        c.send(b"".join(f(r.stream) if callable(f) else f for f in frames))
    return behave


def half_then_close(c, r):
    c.headers(r.stream)
    c.data(r.stream, h2.message(HI)[:4])
    c.close()


def continuation_flood(stream):
    block = h2.header_block([("x-a", "b" * 100)])
    head = h2.header_block([(":status", "200"), ("content-type", "application/grpc")])
    return h2.frame(h2.HEADERS, 0, stream, head) \
        + h2.frame(h2.CONTINUATION, 0, stream, block) * 2000


def big_headers(count, size):
    return lambda c, r: (c.headers(r.stream, [(f"x-{i}", "v" * size) for i in range(count)]),
                         c.data(r.stream, h2.message(HI)), c.trailers(r.stream))


# behaviour, HTTP status, grpc code
FAULTS = {
    # RST_STREAM: PROTOCOL-HTTP2's table
    "reset NO_ERROR": (reset(h2.NO_ERROR), 500, 13),
    "reset PROTOCOL_ERROR": (reset(h2.PROTOCOL_ERROR), 500, 13),
    "reset INTERNAL_ERROR": (reset(h2.INTERNAL_ERROR), 500, 13),
    "reset FLOW_CONTROL_ERROR": (reset(h2.FLOW_CONTROL_ERROR), 500, 13),
    "reset SETTINGS_TIMEOUT": (reset(h2.SETTINGS_TIMEOUT), 500, 13),
    "reset FRAME_SIZE_ERROR": (reset(h2.FRAME_SIZE_ERROR), 500, 13),
    "reset COMPRESSION_ERROR": (reset(h2.COMPRESSION_ERROR), 500, 13),
    "reset CONNECT_ERROR": (reset(h2.CONNECT_ERROR), 500, 13),
    "reset CANCEL": (reset(h2.CANCEL), 499, 1),
    "reset ENHANCE_YOUR_CALM": (reset(h2.ENHANCE_YOUR_CALM), 429, 8),
    "reset INADEQUATE_SECURITY": (reset(h2.INADEQUATE_SECURITY), 403, 7),
    "reset after all data": (reset(h2.NO_ERROR, HI), 500, 13),
    "cancel after all data": (reset(h2.CANCEL, HI), 499, 1),
    # an end without a status
    "trailers without grpc-status": (answering(None, trailers=[("x", "y")]), 500, 2),
    "data that ends the stream": (headers_then(
        lambda c, r: c.data(r.stream, h2.message(HI), end=True)), 500, (2, 13)),
    "headers that end the stream": (trailers_only(None), 500, 2),
    "grpc-status of letters": (answering("abc"), 500, 2),
    "grpc-status negative": (answering("-1"), 500, 2),
    "grpc-status 99": (answering("99"), 500, 2),
    "grpc-status 00": (answering("00"), 500, 2),
    "grpc-status empty": (answering(""), 500, 2),
    "grpc-status with a blank": (answering("0 "), (200, 500), None),
    "grpc-status too long": (answering("0" * 100), 500, 2),
    # what came does not fit the call
    "OK without a message": (trailers_only("0"), (500, 501), (12, 13)),
    "OK without a message, in two blocks": (answering("0", None), (500, 501), (12, 13)),
    "two messages for a unary call": (answering(body=h2.message(HI) * 2), (500, 501), (12, 13)),
    "half a message": (answering(body=h2.message(HI)[:6]), 500, 13),
    "half a prefix": (answering(body=b"\0\0\0"), 500, 13),
    "a prefix of 4 GiB": (answering(body=struct.pack(">BI", 0, 2 ** 32 - 1)), 429, 8),
    "a prefix of 1 GiB": (answering(body=struct.pack(">BI", 0, 2 ** 30)), 429, 8),
    "compressed without a coding": (answering(body=h2.message(HI, 1)), 500, 13),
    "compressed by an unknown coding": (answering(
        body=h2.message(HI, 1), initial=[("grpc-encoding", "foo")]), (500, 501), (12, 13)),
    "a flag that is neither": (answering(body=h2.message(HI, 2)), 500, 13),
    # not gRPC at all
    **{f"HTTP {http} without grpc-status": (trailers_only(None, str(http), "text/plain"), to, code)
       for http, to, code in [(400, 500, 13), (401, 401, 16), (403, 403, 7), (404, 501, 12),
                              (429, 503, 14), (502, 503, 14), (503, 503, 14), (504, 503, 14),
                              (500, 500, 2), (418, 500, 2), (301, 500, 2)]},
    "a web page": (lambda c, r: (c.headers(r.stream, content_type="text/html"),
                                 c.data(r.stream, b"<h1>It works</h1>", end=True)), 500, 2),
    "grpc-status wins over HTTP's": (trailers_only("5", "500"), 404, 5),
    "grpc-status wins over a web page": (trailers_only("7", "503", "text/html"), 403, 7),
    # frames
    "a frame larger than allowed": (raw(
        lambda s: h2.frame(h2.DATA, 0, s, b"a" * 20000)), (500, 503), (13, 14)),
    "a push": (raw(lambda s: h2.frame(h2.PUSH_PROMISE, 4, s, struct.pack(">I", 2)
                                      + h2.header_block([(":method", "GET")]))),
               (500, 503), (13, 14)),
    "data before headers": (raw(lambda s: h2.frame(h2.DATA, 0, s, h2.message(HI))),
                            (500, 503), (13, 14)),
    "data on stream 0": (raw(h2.frame(h2.DATA, 0, 0, b"a")), (500, 503), (13, 14)),
    "a header block that is no HPACK": (raw(
        lambda s: h2.frame(h2.HEADERS, 4, s, b"\xff" * 40)), (500, 503), (13, 14)),
    "upper case header names": (lambda c, r: c.headers(r.stream, [("X-Bad", "v")]),
                                (500, 503), (2, 13, 14)),
    "no :status": (lambda c, r: c.headers(r.stream, status=None), (500, 503), (2, 13, 14)),
    "a window that overflows": (raw(lambda s: h2.frame(
        h2.WINDOW_UPDATE, 0, 0, struct.pack(">I", 2 ** 31 - 1)) * 2), (500, 503), (13, 14)),
    "CONTINUATION without end": (raw(continuation_flood), (429, 500, 502, 503), (8, 13, 14)),
    "a thousand headers": (big_headers(1000, 10), (429, 500, 502), (2, 8, 13, 14)),
    "a header of 64 KiB": (big_headers(1, 65536), (429, 500, 502, 503), (2, 8, 13, 14)),
    # the connection
    "closed in a message": (half_then_close, 503, 14),
    "closed before the headers": (lambda c, r: c.close(), 503, 14),
    "aborted": (lambda c, r: c.abort(), 503, 14),
    "GOAWAY that keeps our stream, then closed": (
        lambda c, r: (c.goaway(r.stream), time.sleep(0.05), c.close()), 503, 14),
    # protobuf
    "a varint of eleven bytes": (h2.answers(b"\x28" + b"\xff" * 11), 500, 13),
    "a truncated varint": (h2.answers(b"\x28\xff"), 500, 13),
    "a length beyond the end": (h2.answers(b"\x0a\x7fa"), 500, 13),
    "a length beyond 31 bits": (h2.answers(b"\x0a\xff\xff\xff\xff\x0fa"), 500, 13),
    "a packed list that lies": (h2.answers(b"\x12\x03abc"), 500, 13),
    "text that is not UTF-8": (h2.answers(b"\x0a\x02\xff\xfe"), 500, 13),
    "field number 0": (h2.answers(b"\x00\x01"), 500, 13),
    "wire type 6": (h2.answers(b"\x0e\x01"), 500, 13),
    "a group that never ends": (h2.answers(b"\x3b" * 5), 500, 13),
    "groups 100,000 deep": (h2.answers(b"\x3b" * 100000 + b"\x3c" * 100000), 500, 13),
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_fault_of_the_backend_has_its_error_and_hurts_nobody_else(behind, case):
    behaviour, status, code = FAULTS[case]
    with h2.Peer(behaviour, h2.echoes) as peer:
        g = behind(peer)
        rss, began = g.rss_kib(), time.monotonic()
        answer = echo(g)
        if answer.status != 200 or status != (200, 500):
            assert_error(answer, status, code)
        assert time.monotonic() - began < 2, "not at once"
        assert sum(r.data == h2.message(HI) for r in peer.calls) == 1, "sent twice"
        assert g.rss_kib() - rss < 16 << 10
        well(g)


GOOD = {
    "an unknown frame": raw(h2.frame(0x42, 0xff, 0, b"x" * 50),
                            lambda s: h2.frame(0x43, 0, s, b"y")),
    "HTTP 103 first": lambda c, r: c.headers(r.stream, status="103", content_type=None),
    "a PRIORITY frame": raw(lambda s: h2.frame(h2.PRIORITY, 0, s, b"\0\0\0\0\x10")),
    "empty data": lambda c, r: None,
    "a PING": raw(h2.frame(h2.PING, 0, 0, b"12345678")),
}


@pytest.mark.parametrize("case", GOOD)
def test_what_a_peer_may_do_besides_is_no_fault(behind, case):
    def behave(c, r):
        GOOD[case](c, r)
        c.headers(r.stream)
        c.data(r.stream, b"")
        c.data(r.stream, h2.message(HI))
        c.trailers(r.stream)
    with h2.Peer(behave) as peer:
        g = behind(peer)
        well(g)
        assert len(peer.conns) == 1
        if case == "a PING":
            assert eventually(lambda: peer.conns[0].pings_acked == 1)


@pytest.mark.parametrize("text, shown", [
    ("a%20b%C3%BC", "a bü"), ("100%", "100%"), ("%zz%41", "A"), ("%C3%28x", "x"),
    ("quote\" back\\slash", "quote\" back\\slash"), ("%00%01", None)])
def test_a_status_message_stays_readable_and_the_json_valid(behind, text, shown):
    with h2.Peer(answering("5", None, text)) as peer:
        message = assert_error(echo(behind(peer)), 404, 5)
        assert shown is None or shown in message, message


def test_a_message_comes_in_frames_of_any_size(behind):
    data = h2.message(HI)

    def behave(c, r):
        c.headers(r.stream)
        for i in range(len(data)):
            c.data(r.stream, data[i:i + 1])
        c.trailers(r.stream)
    with h2.Peer(behave) as peer:
        well(behind(peer))


def test_null_in_a_text_is_kept_not_cut(behind):
    with h2.Peer(h2.answers(b"\x0a\x03a\0b")) as peer:
        assert echo(behind(peer)).json == {"text": "a\0b"}


def test_fields_that_the_schema_does_not_know_are_skipped(behind):
    unknown = b"\xa8\x06\x01" + b"\xaa\x06\x02xy" + b"\xb3\x06\x08\x01\xb4\x06" + b"\xb5\x06abcd"
    with h2.Peer(h2.answers(unknown + HI + unknown)) as peer:
        well(behind(peer))


# ---- retries that are safe ----

def refuse(c, r):
    c.rst(r.stream, h2.REFUSED_STREAM)


def goaway_before(c, r):
    c.goaway(0)
    time.sleep(0.02)
    c.close()


@pytest.mark.parametrize("behaviour", [refuse, goaway_before])
def test_a_call_that_surely_did_not_start_is_sent_again(behind, behaviour):
    with h2.Peer(behaviour, h2.echoes) as peer:
        g = behind(peer)
        well(g)
        assert len(peer.calls) == 2
        assert g.logged()[0]["retries"] == 1


def test_a_call_refused_for_ever_is_unavailable(behind):
    with h2.Peer(refuse) as peer:
        assert_error(echo(behind(peer)), 503, 14)
        assert 2 <= len(peer.calls) <= 10


def test_a_large_body_is_sent_again_whole(behind):
    text = "0123456789" * 1000
    with h2.Peer(refuse, h2.echoes) as peer:
        answer = h1.call(behind(peer).port, "POST", "/v1/echo", json={"text": text})
        assert answer.json == {"text": text}


def test_a_call_that_may_have_started_is_sent_again_only_if_idempotent(behind):
    for policy, status, calls in ({}, 503, 1), ({"idempotent": True}, 200, 2):
        with h2.Peer(lambda c, r: c.close(), h2.echoes) as peer:
            g = behind(peer, overrides=[{"selector": "*", "policy": policy}])
            assert echo(g).status == status and len(peer.calls) == calls


def test_goaway_lets_accepted_streams_finish_and_opens_another_connection(behind):
    def behave(c, r):
        c.headers(r.stream)
        c.goaway(r.stream)
        time.sleep(0.1)
        c.data(r.stream, h2.message(HI))
        c.trailers(r.stream)
    with h2.Peer(behave, h2.echoes) as peer:
        g = behind(peer)
        well(g)
        well(g)
        assert len(peer.conns) == 2 and len(peer.calls) == 2


# ---- silence ----

def test_a_peer_that_never_speaks_is_unavailable_after_the_connect_timeout(behind):
    with h2.Peer(on_connect=lambda c: time.sleep(30)) as peer:
        g, began = behind(peer), time.monotonic()
        assert_error(echo(g), 503, 14)
        assert 0.4 < time.monotonic() - began < 2.5


def test_a_peer_that_stops_answering_pings_is_given_up(behind):
    with h2.Peer(lambda c, r: None, h2.echoes, ack_pings=False) as peer:
        g, began = behind(peer), time.monotonic()
        assert_error(echo(g), 503, 14)
        assert 0.4 < time.monotonic() - began < 3
        well(g)


def test_a_quiet_peer_that_answers_pings_is_waited_for(behind):
    def late(c, r):
        time.sleep(1.5)
        h2.echoes(c, r)
    with h2.Peer(late) as peer:
        well(behind(peer))
        assert len(peer.conns) == 1


def test_a_window_that_stays_shut_ends_by_deadline_without_a_busy_loop(behind):
    with h2.Peer(h2.echoes, settings=[(h2.INITIAL_WINDOW_SIZE, 0)]) as peer:
        g = behind(peer)
        cpu = g.cpu_seconds()
        assert_error(echo(g, grpc_timeout="800m"), 504, 4)
        assert g.cpu_seconds() - cpu < 0.3


def test_a_deadline_resets_the_stream_as_cancelled(behind):
    with h2.Peer(lambda c, r: None) as peer:
        assert_error(echo(behind(peer), grpc_timeout="200m"), 504, 4)
        at, code = peer.conns[0].wait_reset(peer.calls[0].stream)
        assert code == h2.CANCEL and at - peer.calls[0].began < 0.5


def test_a_client_that_leaves_resets_the_stream_as_cancelled(behind):
    with h2.Peer(lambda c, r: None) as peer:
        with h1.Connection(behind(peer).port) as c:
            c.send(h1.request("POST", "/v1/echo", json={}))
            assert eventually(lambda: peer.calls)
            left = time.monotonic()
        at, code = peer.conns[0].wait_reset(peer.calls[0].stream)
        assert code == h2.CANCEL and at - left < 0.15


# ---- flow control and limits ----

def test_a_window_shrunk_in_flight_is_obeyed(behind):
    text = "0123456789" * 20000

    def on_connect(c):
        c.settings()

        def squeeze():
            time.sleep(0.05)
            c.settings((h2.INITIAL_WINDOW_SIZE, 1000))
        c.peer.start(squeeze)
    with h2.Peer(h2.echoes, on_connect=on_connect) as peer:
        g = behind(peer)
        for _ in range(3):
            answer = h1.call(g.port, "POST", "/v1/echo", json={"text": text})
            assert answer.json == {"text": text}


def test_calls_wait_for_a_stream_when_the_peer_allows_only_one(behind):
    def slowly(c, r):
        time.sleep(0.05)
        h2.echoes(c, r)
    with h2.Peer(slowly, settings=[(h2.MAX_CONCURRENT_STREAMS, 1)]) as peer:
        g = behind(peer, clusters=[{"name": "peer", "endpoints": [peer.target],
                                    "max_connections": 3}])
        conns = [h1.Connection(g.port) for _ in range(12)]
        for c in conns:
            c.send(h1.request("POST", "/v1/echo", json={"text": "hi"}))
        assert [c.response().status for c in conns] == [200] * 12
        assert len(peer.conns) == 3
        for c in conns:
            c.close()


def test_a_peer_that_allows_no_stream_ends_in_time(behind):
    with h2.Peer(h2.echoes, settings=[(h2.MAX_CONCURRENT_STREAMS, 0)]) as peer:
        assert_error(echo(behind(peer), grpc_timeout="500m"), (503, 504), (4, 14))


@pytest.mark.parametrize("flood", [
    h2.frame(h2.PING, 0, 0, b"12345678"), h2.frame(h2.SETTINGS, 0, 0, b""),
    h2.frame(h2.DATA, 0, 1, b"")], ids=["PING", "SETTINGS", "empty DATA"])
def test_a_flood_of_control_frames_is_survived(behind, flood):
    def behave(c, r):
        c.headers(r.stream)
        for _ in range(50):
            c.send(flood * 1000)
        h2.echoes(c, r)
    with h2.Peer(behave, h2.echoes, ack_settings=False) as peer:
        g = behind(peer)
        rss = g.rss_kib()
        echo(g)
        assert g.rss_kib() - rss < 8 << 10
        assert eventually(lambda: echo(g).status == 200)


def test_settings_without_end_close_the_connection(behind):
    with h2.Peer(h2.echoes, on_connect=lambda c: c.settings(*[(0x99, 1)] * 5000)) as peer:
        assert_error(echo(behind(peer)), (500, 503), (13, 14))


def test_streams_that_are_all_reset_are_all_reported(behind):
    with h2.Peer(*[reset(h2.INTERNAL_ERROR)] * 100, h2.echoes) as peer:
        g = behind(peer)
        with h1.Connection(g.port) as c:
            for _ in range(100):
                c.send(h1.request("POST", "/v1/echo", json={}))
                assert c.response().status in (500, 503)
        assert eventually(lambda: echo(g).status == 200)


def test_a_status_of_details_that_lie_about_their_length_is_harmless(behind):
    details = "CAUSAm1lGv////8P"
    with h2.Peer(answering("5", None, "m", trailers=[("grpc-status-details-bin", details)])) as p:
        assert assert_error(echo(behind(p)), 404, 5) == "m"
        assert json.dumps(echo(behind(p)).json)
