"""HTTP/1.1 as a client may rightly use it, and clients that are slow or leave."""
import socket
import threading
import time

import pytest

import h1
from demo import SLEEP
from harness import Gateway, assert_error, eventually, violations

ECHO = h1.request("POST", "/v1/echo", json={"text": "hi"})


def echo(n):
    return h1.request("POST", "/v1/echo", json={"id": str(n)})


@pytest.fixture
def connect(gateway, backend):
    made = []

    def make(port=None, **more):
        made.append(h1.Connection(port or gateway.port, **{"timeout": 5, **more}))
        return made[-1]
    yield make
    for c in made:
        c.close()


# ---- keep-alive and pipelining ----

def test_a_connection_serves_many_requests(connect):
    c = connect()
    for i in range(1, 51):
        c.send(echo(i))
        answer = c.response()
        assert answer.json == {"id": str(i)} and answer.clean and answer.version == "HTTP/1.1"


def test_a_thousand_pipelined_requests_are_answered_in_order(connect):
    c = connect()
    sender = threading.Thread(target=c.send, args=(b"".join(echo(i) for i in range(1, 1001)),))
    sender.start()
    for i in range(1, 1001):
        answer = c.response()
        assert answer.json == {"id": str(i)}, (i, answer)
    sender.join()


def test_pipelined_answers_wait_for_the_slow_one_before(connect):
    c = connect()
    c.send(h1.request("POST", "/v1/sleep", json={"duration": "0.300s"}) + echo(2)
           + h1.request("GET", "/nowhere") + echo(4))
    assert c.response().json == {"slept": "0.300s"}
    assert c.response().json == {"id": "2"}
    assert c.response().status == 404
    assert c.response().json == {"id": "4"}


def test_connection_close_is_obeyed(connect):
    c = connect()
    c.send(h1.request("POST", "/v1/echo", json={"id": "1"}, headers={"Connection": "close"}))
    answer = c.response()
    assert answer.json == {"id": "1"} and answer.header("connection", "").lower() == "close"
    assert c.at_end()


def test_http_1_0_ends_after_its_answer(connect):
    c = connect()
    c.send(h1.request("POST", "/v1/echo", json={"id": "1"}, version="HTTP/1.0"))
    answer = c.response()
    assert answer.json == {"id": "1"} and answer.header("transfer-encoding") is None
    assert c.at_end()


def test_http_1_0_needs_no_host(connect):
    c = connect()
    c.send(h1.request("GET", "/v1/models/m", version="HTTP/1.0", host=None))
    assert c.response().status == 200


def test_http_1_0_may_ask_to_keep_the_connection(connect):
    c = connect()
    for i in "12":
        c.send(h1.request("POST", "/v1/echo", json={"id": i}, version="HTTP/1.0",
                          headers={"Connection": "keep-alive"}))
        answer = c.response()
        assert answer.json == {"id": i}
        if answer.header("connection", "").lower() != "keep-alive":
            assert c.at_end()
            return


def test_empty_lines_before_a_request_are_skipped(connect):
    c = connect()
    c.send(b"\r\n" + ECHO)
    assert c.response().status == 200


def test_an_absolute_target_of_our_own_host_is_taken(connect):
    c = connect()
    c.send(h1.request("GET", "http://gateway/v1/models/m", host="gateway"))
    assert c.response().status == 200


@pytest.mark.parametrize("target, what, at", [
    (b"/v1/caf\xc3\xa9", "byte 0xc3", 7), (b"/v1/models/m#top", "%23", 12),
    (b"v1/models/m", "must be a path", 0)])
def test_a_target_that_is_none_is_refused_at_its_byte(connect, target, what, at):
    c = connect()
    c.send(b"GET " + target + b" HTTP/1.1\r\nHost: g\r\n\r\n")
    answer = c.response()
    assert what in assert_error(answer, 400)
    assert violations(answer)[0][1].endswith(f"(at byte {at} of the request target)")


# ---- bodies ----

def test_continue_is_sent_when_the_body_is_wanted(connect):
    c = connect()
    head, body = ECHO.split(b"\r\n\r\n")
    c.send(head + b"\r\nExpect: 100-continue\r\n\r\n")
    interim = c.head()
    assert interim.status == 100, interim
    c.send(body)
    assert c.response().json == {"text": "hi"}


@pytest.mark.parametrize("target, extra, status", [
    ("/nowhere", "", 404), ("/v1/echo", "Content-Type: text/plain\r\n", 415),
    ("/v1/echo", "", 413)])
def test_continue_is_not_sent_when_the_head_decides(connect, target, extra, status):
    c = connect()
    length = 1 << 40 if status == 413 else 10
    c.send(f"POST {target} HTTP/1.1\r\nHost: g\r\n{extra}Content-Length: {length}\r\n"
           "Expect: 100-continue\r\n\r\n".encode())
    answer = c.response()
    assert_error(answer, status)
    assert not answer.interim


def test_a_chunked_body_is_taken_in_any_pieces(connect):
    body = b'{"text":"chunked","id":"7"}'
    c = connect()
    for cut in range(1, len(body)):
        c.send(h1.request("POST", "/v1/echo", headers={"Transfer-Encoding": "chunked"})
               + h1.chunked(body[:cut], body[cut:]))
        assert c.response().json == {"text": "chunked", "id": "7"}, cut
    c.send(h1.request("POST", "/v1/echo", headers={"Transfer-Encoding": "chunked"})
           + h1.chunked(*(body[i:i + 1] for i in range(len(body)))))
    assert c.response().json == {"text": "chunked", "id": "7"}


@pytest.mark.parametrize("chunked", [False, True])
def test_a_request_may_be_cut_at_every_byte(connect, chunked):
    body = b'{"id":"7"}'
    data = h1.request("POST", "/v1/echo", headers={"Transfer-Encoding": "chunked"}) \
        + h1.chunked(body) if chunked else h1.request("POST", "/v1/echo", body=body)
    c = connect()
    for cut in range(1, len(data)):
        c.send(data[:cut])
        time.sleep(0.0005)
        c.send(data[cut:])
        assert c.response().json == {"id": "7"}, data[:cut]


def test_a_request_may_come_byte_by_byte(connect):
    c = connect()
    for byte in h1.request("POST", "/v1/echo", headers={"Transfer-Encoding": "chunked"}) \
            + h1.chunked(b'{"te', b'xt":"hi"}'):
        c.send(bytes([byte]))
        time.sleep(0.0003)
    assert c.response().json == {"text": "hi"}


def test_chunk_extensions_and_trailers_are_read_over(connect, backend):
    c = connect()
    c.send(h1.request("POST", "/v1/echo", headers={"Transfer-Encoding": "chunked"})
           + b'2;a="b;c"\r\n{}\r\n0;x\r\nAuthorization: evil\r\nX-T: evil\r\n\r\n')
    assert c.response().json == {}
    assert "evil" not in str(backend.calls[-1].metadata)
    c.send(ECHO)
    assert c.response().status == 200


def test_a_get_with_a_body_leaves_the_connection_in_step(connect, backend):
    c = connect()
    c.send(h1.request("GET", "/v1/models/m", body=b"GET /v1/models/smuggled HTTP/1.1\r\n\r\n"))
    assert c.response().status in (200, 400, 415)
    if not c.at_end(0.2):
        c.send(ECHO)
        assert c.response().json == {"text": "hi"}
    assert not [x for x in backend.calls if "smuggled" in str(x.request)]


# ---- clients that are slow ----

# ---- a refused body ----

REFUSED = [b"transfer-encoding: chunked\r\n\r\n", b"content-length: 2\r\n\r\n", b"content-length: 60000\r\n\r\n",
           b"content-length: 1000000\r\n\r\nsome of it"]


@pytest.mark.parametrize("rest", REFUSED, ids=["chunked", "2 bytes", "60 KB", "1 MB begun"])
def test_who_is_refused_hears_it_before_the_body_is_there(connect, rest):
    c = connect()
    begun = time.monotonic()
    c.send(b"POST /nowhere HTTP/1.1\r\nhost: g\r\n" + rest)
    answer = c.response()
    assert answer.status == 404 and time.monotonic() - begun < 2
    assert c.at_end()


def test_a_body_that_is_refused_in_its_middle_is_not_waited_for(connect):
    c = connect()
    begun = time.monotonic()
    c.send(b"POST /v1/echo HTTP/1.1\r\nhost: g\r\ncontent-length: 50000\r\n\r\n{\"text\" 1")
    drip(c, b" " * 40, most=1)
    assert_error(c.response(), 400, 3)
    assert time.monotonic() - begun < 3


def test_a_refused_body_that_comes_at_once_leaves_the_connection_in_use(connect):
    c = connect()
    c.send(h1.request("POST", "/nowhere", json={"text": "x" * 1000}) + echo(2))
    assert c.response().status == 404
    assert c.response().json == {"id": "2"}


@pytest.fixture(scope="module")
def hasty(sets, demo_server, tmp_path_factory):
    g = Gateway(tmp_path_factory.mktemp("hasty"), sets["demo"], demo_server.target, {"bounds": {
        "header_deadline": "400ms", "body_deadline": "400ms", "body_rate": 100000, "idle": "600ms",
        "write_stall": "700ms"}})
    yield g
    g.stop()


def drip(c, data, pause=0.05, most=4):
    """Sends byte by byte until the peer has something to say; seconds that took."""
    began = time.monotonic()
    for byte in data:
        if not c.silent(pause) or not c.try_send(bytes([byte])) or time.monotonic() > began + most:
            break
    return time.monotonic() - began


def test_a_slow_head_is_408_at_an_absolute_deadline(connect, hasty):
    c = connect(hasty.port)
    took = drip(c, ECHO)
    assert_error(c.response(), 408)
    assert c.at_end() and 0.3 < took < 1.2, took


def test_a_slow_second_head_is_408_too(connect, hasty):
    c = connect(hasty.port)
    c.send(ECHO)
    assert c.response().status == 200
    took = drip(c, ECHO)
    assert_error(c.response(), 408)
    assert took < 1.5


@pytest.mark.parametrize("chunked", [False, True])
def test_a_slow_body_is_408(connect, hasty, backend, chunked):
    c = connect(hasty.port)
    framing = {"Transfer-Encoding": "chunked"} if chunked else {"Content-Length": "1000"}
    c.send(h1.request("POST", "/v1/echo", headers=framing))
    took = drip(c, (b"1\r\n \r\n" if chunked else b" ") * 1000)
    assert_error(c.response(), 408)
    assert took < 1.5 and not backend.calls


def test_a_body_at_a_good_rate_may_take_longer_than_the_deadline(connect, start, backend):
    g = start(backend.target, {"bounds": {"body_deadline": "200ms", "body_rate": 1000}})
    c = connect(g.port)
    c.send(h1.request("POST", "/v1/echo", headers={"Content-Length": "2002"}))
    for _ in range(20):
        c.send(b" " * 100)
        time.sleep(0.04)
    c.send(b"{}")
    assert c.response().status == 200


def test_an_idle_connection_is_closed(connect, hasty):
    c = connect(hasty.port)
    c.send(ECHO)
    assert c.response().status == 200
    began = time.monotonic()
    c.rest()
    assert 0.3 < time.monotonic() - began < 2


def test_a_waiting_call_is_not_idle(connect, hasty):
    c = connect(hasty.port)
    c.send(h1.request("POST", "/v1/sleep", json={"duration": "1.500s"}))
    assert c.response().json == {"slept": "1.500s"}


def test_a_reader_that_takes_nothing_is_cut_off(connect, hasty, backend):
    c = connect(hasty.port, receive_buffer=4096)
    c.send(h1.request("POST", "/v1/echo", json={"text": "a" * (16 << 20)}))
    assert eventually(lambda: backend.calls, 5)
    line = hasty.logged(where=lambda x: x["bytes_in"] > 16 << 20, timeout=6)[0]
    assert line["status"] == 499 and not line["complete"]
    assert hasty.alive()


def test_a_slow_reader_gets_everything(connect, backend):
    c = connect(receive_buffer=4096)
    text = "0123456789" * 50000
    c.send(h1.request("POST", "/v1/echo", json={"text": text}))
    head, body = c.open()
    got = b""
    while piece := body.some():
        got += piece
        time.sleep(0.0005)
    assert head.status == 200 and body.clean and len(got) == len(text) + 11


# ---- clients that leave ----

def leave_by_close(c):
    c.close()


def leave_by_reset(c):
    c.abort()


def leave_by_half_close(c):
    c.sock.shutdown(socket.SHUT_WR)


@pytest.mark.parametrize("leave", [leave_by_close, leave_by_reset, leave_by_half_close])
def test_a_client_that_leaves_cancels_its_call_within_100_ms(connect, gateway, backend, leave):
    c = connect()
    c.send(h1.request("POST", "/v1/sleep", json={"duration": "5s"},
                      headers={"X-Request-Id": leave.__name__}))
    assert eventually(lambda: backend.calls)
    time.sleep(0.05)
    left = time.monotonic()
    leave(c)
    assert backend.calls[0].ended.wait(2), "the backend was never told"
    assert backend.calls[0].ended_at - left < 0.1 + 0.05        # 50 ms for two busy cores
    line = gateway.logged(where=lambda x: x["request_id"] == leave.__name__)[0]
    assert line["status"] == 499 and line["grpc_status"] == "CANCELLED" and not line["complete"]


def test_a_half_close_may_be_allowed(connect, start, backend):
    g = start(backend.target, {"allow_half_close": True})
    c = connect(g.port)
    c.send(h1.request("POST", "/v1/sleep", json={"duration": "0.300s"}))
    c.sock.shutdown(socket.SHUT_WR)
    assert c.response().json == {"slept": "0.300s"}


def test_a_client_that_leaves_in_its_body_makes_no_call(connect, gateway, backend):
    c = connect()
    c.send(ECHO[:-3])
    time.sleep(0.05)
    c.close()
    time.sleep(0.1)
    assert not backend.calls
    with h1.Connection(gateway.port) as other:
        other.send(ECHO)
        assert other.response().status == 200


def test_others_are_served_while_many_leave(connect, gateway, backend):
    waiting = [connect() for _ in range(50)]
    for c in waiting:
        c.send(h1.request("POST", "/v1/sleep", json={"duration": "10s"}))
    assert eventually(lambda: len(backend.calls) == 50)
    for c in waiting:
        c.abort()
    with h1.Connection(gateway.port) as c:
        c.send(ECHO)
        assert c.response().status == 200
    assert eventually(lambda: all(x.ended.is_set() for x in backend.calls
                                  if x.method == SLEEP), 2)
