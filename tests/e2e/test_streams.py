"""Streams: server streaming as SSE, NDJSON or a JSON array; client streaming; both."""
import json
import threading
import time

import pytest

import h1
from demo import ECHO_STREAM, TEXT
from harness import assert_error, eventually, violations

SSE, NDJSON, ARRAY = "text/event-stream", "application/x-ndjson", "application/json"
FRAMINGS = [SSE, NDJSON, ARRAY]


def parse(framing, body):
    """The messages of a stream that ended well."""
    if framing == ARRAY:
        return json.loads(body)
    if framing == NDJSON:
        assert not body or body.endswith(b"\n")
        return [json.loads(line) for line in body.splitlines()]
    messages = []
    for event in body.decode().split("\n\n")[:-1]:
        lines = [line for line in event.split("\n") if not line.startswith(":")]
        assert all(line.startswith("data: ") for line in lines), event
        if lines:
            messages.append(json.loads("\n".join(line[6:] for line in lines)))
    return messages


def ask(count, interval_ms=0, accept=None, end_code=0, **message):
    headers = {"Accept": accept} if accept else {}
    return h1.request("POST", "/v1/echo:stream", headers=headers, json={
        "message": message, "count": count, "intervalMs": interval_ms, "endCode": end_code,
        "endMessage": "because" if end_code else ""})


@pytest.fixture
def connect(gateway, backend):
    made = []

    def make(data=b"", port=None, **more):
        made.append(h1.Connection(port or gateway.port, **more))
        made[-1].send(data)
        return made[-1]
    yield make
    for c in made:
        c.close()


# ---- one shape for each Accept ----

@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("count", [0, 1, 3, 500])
def test_the_messages_come_as_the_client_accepts_them(connect, framing, count):
    c = connect(ask(count, accept=framing, text="a\nb"))
    answer = c.response()
    assert answer.status == 200 and answer.clean
    assert answer.header("content-type").split(";")[0] == framing
    expected = [{"text": "a\nb", "id": str(i + 1)} for i in range(count)]
    assert parse(framing, answer.body) == expected
    c.send(ask(1))                          # and the connection goes on
    assert c.response().json == [{"id": "1"}]


@pytest.mark.parametrize("accept, framing", [
    (None, ARRAY), ("*/*", ARRAY), ("application/json", ARRAY), ("text/html", ARRAY),
    ("text/html, text/event-stream", SSE), ("text/event-stream; charset=utf-8", SSE),
    ("Text/Event-Stream", SSE), ("application/x-ndjson;q=0.9, */*;q=0.1", NDJSON),
    ("text/event-stream;q=0, application/x-ndjson", NDJSON),
])
def test_accept_is_read_as_http_means_it(connect, accept, framing):
    answer = connect(ask(2, accept=accept)).response()
    assert answer.header("content-type").split(";")[0] == framing
    assert len(parse(framing, answer.body)) == 2


def test_sse_is_not_to_be_cached_or_buffered(connect):
    answer = connect(ask(1, accept=SSE)).response()
    assert "no-cache" in answer.header("cache-control", "") or \
        "no-store" in answer.header("cache-control", "")


def test_a_unary_answer_is_json_whatever_is_accepted(gateway, backend):
    for accept in FRAMINGS:
        answer = h1.call(gateway.port, "POST", "/v1/echo", json={"id": "1"},
                         headers={"Accept": accept})
        assert answer.json == {"id": "1"} and answer.header("content-type") == ARRAY


# ---- time ----

@pytest.mark.parametrize("framing", FRAMINGS)
def test_the_first_message_does_not_wait_for_the_second(connect, framing):
    began = time.monotonic()
    c = connect(ask(2, 700, accept=framing))
    _, body = c.open()
    first = body.until(b"}")
    took = time.monotonic() - began
    assert b'"1"' in first and took < 0.4, (first, took)
    rest = body.rest()
    assert time.monotonic() - began > 0.6
    assert len(parse(framing, first + rest)) == 2


def test_a_silent_sse_stream_is_kept_alive_with_comments(connect, start, backend):
    g = start(backend.target, {"overrides": [{"selector": "demo.v1.*", "policy": {
        "stream": {"keepalive": "100ms"}}}]})
    c = connect(ask(2, 550, accept=SSE), g.port)
    _, body = c.open()
    text = body.rest()
    assert 3 <= text.count(b":\n\n") <= 6, text
    assert len(parse(SSE, text)) == 2 and body.clean
    c.send(ask(2, 350, accept=NDJSON))      # others have no such thing
    assert parse(NDJSON, c.response().body) == [{"id": "1"}, {"id": "2"}]


def test_a_stream_has_no_deadline_of_its_own_but_the_clients(connect, backend):
    c = connect(h1.request("POST", "/v1/echo:stream", headers={
        "Accept": NDJSON, "grpc-timeout": "300m"}, json={"count": 100, "intervalMs": 100}))
    began = time.monotonic()
    answer = c.response()
    assert time.monotonic() - began < 1
    assert answer.status == 200 and not answer.clean
    assert json.loads(answer.body.splitlines()[-1])["error"]["code"] == 4
    assert backend.calls[-1].ended.wait(1)


# ---- failures ----

@pytest.mark.parametrize("framing", FRAMINGS)
def test_an_error_before_the_first_message_has_its_own_status(connect, framing):
    c = connect(ask(0, accept=framing, end_code=5))
    answer = c.response()
    assert_error(answer, 404, 5)
    assert answer.json["message"] == "because" and answer.clean
    c.send(ask(1))
    assert c.response().status == 200


@pytest.mark.parametrize("framing", FRAMINGS)
def test_an_error_after_the_first_message_is_visible_and_ends_uncleanly(connect, gateway, framing):
    c = connect(h1.request("POST", "/v1/echo:stream", json={
        "count": 2, "endCode": 14, "endMessage": "died"},
        headers={"Accept": framing, "X-Request-Id": "late-" + framing}))
    answer = c.response()
    assert answer.status == 200 and not answer.clean, answer
    text = answer.text
    if framing == SSE:
        events = text.split("\n\n")
        assert len(events) == 4 and events[2].startswith("event: error\ndata: ")
        error = json.loads(events[2].split("data: ", 1)[1])
        error = error.get("error", error)
    elif framing == NDJSON:
        error = json.loads(text.splitlines()[-1])["error"]
        assert len(text.splitlines()) == 3
    else:
        with pytest.raises(ValueError):
            json.loads(text)
        error = json.loads(text + "]")[-1]["error"]
    assert (error["code"], error["message"]) == (14, "died")
    line = gateway.logged(where=lambda x: x["request_id"] == "late-" + framing)[0]
    assert line["grpc_status"] == "UNAVAILABLE"


def test_a_bad_message_after_the_first_ends_the_stream_visibly(connect, backend):
    backend.does[ECHO_STREAM] = lambda call: iter([b"\x28\x01", b"\x0a\x01\xff", b"\x28\x02"])
    answer = connect(ask(3, accept=NDJSON)).response()
    lines = answer.text.splitlines()
    assert json.loads(lines[0]) == {"id": "1"} and not answer.clean
    assert json.loads(lines[-1])["error"]["code"] == 13 and len(lines) == 2
    assert backend.calls[-1].ended.wait(1)


# ---- flow ----

def test_a_slow_reader_slows_the_backend_not_the_gateway(connect, gateway, backend):
    sent, text = [], "a" * 60000

    def flood(call):
        for i in range(2000):               # 120 MB if nobody stops it
            if not call.active():
                return
            sent.append(i)
            yield call.output(text=text, id=i + 1)
    h1.call(gateway.port, "POST", "/v1/echo:stream", json={"count": 0})
    backend.does[ECHO_STREAM] = flood
    before = gateway.rss_kib()
    c = connect(ask(1, accept=NDJSON), receive_buffer=8192)
    c.open()
    eventually(lambda: len(sent) > 1990, 1.0)
    held = len(sent)
    assert held < 400, f"{held} messages left the backend unread"
    assert gateway.rss_kib() - before < 8 << 10, "the gateway holds them"
    cpu = gateway.cpu_seconds()
    time.sleep(0.5)
    assert len(sent) - held < 50 and gateway.cpu_seconds() - cpu < 0.2
    c.close()
    assert backend.calls[-1].ended.wait(2)


def test_a_slow_reader_gets_every_message(connect, backend):
    backend.does[ECHO_STREAM] = lambda call: (
        call.output(text="a" * 20000, id=i + 1) for i in range(200))
    _, body = connect(ask(1, accept=NDJSON), receive_buffer=8192).open()
    got = b""
    while piece := body.some():
        got += piece
        time.sleep(0.0005)
    assert [int(json.loads(x)["id"]) for x in got.splitlines()] == list(range(1, 201))
    assert body.clean


@pytest.mark.parametrize("framing", FRAMINGS)
def test_leaving_in_the_middle_cancels_the_call(connect, backend, framing):
    c = connect(ask(1000, 20, accept=framing))
    _, body = c.open()
    body.until(b"}")
    left = time.monotonic()
    c.abort()
    assert backend.calls[-1].ended.wait(2)
    assert backend.calls[-1].ended_at - left < 0.2


# ---- client streaming ----

PIECES = [{"model": "m", "text": f"piece {i}"} for i in range(5)]
UPLOADS = {
    "an array": json.dumps(PIECES),
    "an indented array": json.dumps(PIECES, indent=2) + "\n",
    "NDJSON": "".join(json.dumps(p) + "\n" for p in PIECES),
    "NDJSON without the last line end": "\n".join(json.dumps(p) for p in PIECES),
    "values one behind the other": "".join(json.dumps(p) for p in PIECES),
}


def summarize(body, **more):
    return h1.request("POST", "/v1/models/m:summarize", body=body, **more)


@pytest.mark.parametrize("case", UPLOADS)
def test_a_body_of_many_messages_is_a_client_stream(connect, backend, case):
    answer = connect(summarize(UPLOADS[case])).response()
    assert answer.json == {"model": "m", "chunks": 5, "characters": "35"}, answer
    assert [backend.schema.json(r) for r in backend.calls[-1].received] == PIECES


@pytest.mark.parametrize("content_type", ["application/json", "application/x-ndjson"])
def test_a_client_stream_may_be_named_either_way(connect, content_type):
    c = connect(summarize(UPLOADS["NDJSON"], headers={"Content-Type": content_type}))
    assert c.response().json["chunks"] == 5


@pytest.mark.parametrize("body", ["[]", "", " [ ] "])
def test_a_client_stream_may_be_empty(connect, backend, body):
    answer = connect(summarize(body)).response()
    assert answer.status == 200, answer
    assert len(backend.calls[-1].received) == 0


def test_each_message_gets_what_the_path_says(connect, backend):
    assert connect(summarize('[{"text":"a"},{"text":"b"}]')).response().json["chunks"] == 2
    assert [r.model for r in backend.calls[-1].received] == ["m", "m"]


def test_a_client_stream_is_cut_at_any_byte(connect, backend):
    body = b'[{"text":"a"},{"text":"b"}]'
    c = connect()
    for cut in range(1, len(body)):
        c.send(h1.request("POST", "/v1/models/m:summarize",
                          headers={"Transfer-Encoding": "chunked"})
               + h1.chunked(body[:cut], body[cut:]))
        assert c.response().json["chunks"] == 2, cut


def test_the_first_message_leaves_before_the_second_is_there(connect, backend):
    c = connect(h1.request("POST", "/v1/models/m:summarize",
                           headers={"Transfer-Encoding": "chunked"}))
    for i, piece in enumerate([b'[{"text":"a"},', b'{"text":"b"}', b"]"]):
        c.send(b"%x\r\n%s\r\n" % (len(piece), piece))
        n = min(i + 1, 2)
        assert eventually(lambda: backend.calls and len(backend.calls[0].received) >= n, 2), i
    c.send(b"0\r\n\r\n")
    assert c.response().json["chunks"] == 2


@pytest.mark.parametrize("body, path", [
    (b'[{"text":"a"},{"text":5}]', "[1].text"), (b'{"text":"a"}\n{"nope":1}\n', "[1].nope"),
    (b'[{"text":"a"}', ""), (b'[{"text":"a"},]', ""), (b'[{"text":"a"}] x', ""),
    (b'{"text":"a"}{"text":', "")])
def test_a_bad_message_in_a_client_stream_is_400_with_its_index(connect, backend, body, path):
    answer = connect(summarize(body)).response()
    assert_error(answer, 400, 3)
    field, description = violations(answer)[0]
    assert field == path or path == "", answer
    assert any(ch.isdigit() for ch in description)
    assert eventually(lambda: all(c.ended.is_set() for c in backend.calls), 2), \
        "the call goes on though its input failed"


def test_a_backend_that_answers_early_need_not_hear_the_rest(connect, backend):
    backend.does[TEXT + "Summarize"] = lambda call: call.output(summary="enough")
    c = connect(h1.request("POST", "/v1/models/m:summarize",
                           headers={"Transfer-Encoding": "chunked"}))
    c.send(b'e\r\n[{"text":"a"},\r\n')
    assert eventually(lambda: backend.calls, 2)
    time.sleep(0.05)
    c.try_send(b'd\r\n{"text":"b"}]\r\n0\r\n\r\n')
    assert c.response().json == {"summary": "enough"}


def test_one_message_of_a_client_stream_has_its_ceiling_not_the_whole(connect, start, backend):
    g = start(backend.target, {"overrides": [{"selector": "demo.v1.*", "policy": {
        "max_request_bytes": 2000}}]})
    many = json.dumps([{"text": "a" * 1000}] * 20)
    assert connect(summarize(many), g.port).response().json["chunks"] == 20
    answer = connect(summarize(json.dumps([{"text": "a" * 5000}])), g.port).response()
    assert_error(answer, 413, (3, 8))


def test_a_slow_backend_slows_the_sender(connect, gateway, backend):
    release = threading.Event()

    def slow(call):
        release.wait(5)
        return call.output(chunks=sum(1 for _ in call.requests))
    backend.does[TEXT + "Summarize"] = slow
    before = gateway.rss_kib()
    c = connect(h1.request("POST", "/v1/models/m:summarize",
                           headers={"Transfer-Encoding": "chunked"}), timeout=0.5)
    message = json.dumps({"text": "a" * 60000}).encode() + b"\n"
    sent = 0
    while sent < 1000 and c.try_send(b"%x\r\n%s\r\n" % (len(message), message)):
        sent += 1
    assert sent < 1000, "60 MB were taken though nobody reads"
    assert gateway.rss_kib() - before < 8 << 10
    release.set()


# ---- both ----

def test_both_sides_talk(connect, backend):
    c = connect(h1.request("POST", "/v1/models/m:chat", headers={
        "Accept": NDJSON, "Transfer-Encoding": "chunked"}))
    line = b'{"text":"one"}\n'
    c.send(b"%x\r\n%s\r\n" % (len(line), line) * 2 + b"0\r\n\r\n")
    answer = c.response()
    assert parse(NDJSON, answer.body) == [
        {"turn": 1, "text": "you said one"}, {"turn": 2, "text": "you said one"}]
    assert answer.clean


@pytest.mark.parametrize("framing", FRAMINGS)
def test_a_bidi_call_takes_an_array_and_answers_as_accepted(connect, framing):
    answer = connect(h1.request("POST", "/v1/models/m:chat", headers={"Accept": framing},
                                json=[{"text": "a"}, {"text": "b"}, {"text": "c"}])).response()
    assert [m["turn"] for m in parse(framing, answer.body)] == [1, 2, 3]


def test_response_body_applies_to_each_message_of_a_stream(kitchen_gateway, kitchen):
    schema = kitchen.schema
    kitchen.answers["/kitchen.KitchenService/Watch"] = [
        schema.new("kitchen.UpdateResponse", f"sink {{ f_int32: {i} }} revision: 9")
        for i in (1, 2)]
    answer = h1.call(kitchen_gateway.port, "GET", "/sinks/a:watch")
    assert answer.json == [{"fInt32": 1}, {"fInt32": 2}], answer


def test_many_streams_go_on_side_by_side(connect):
    readers = [connect(ask(20, 10, accept=FRAMINGS[i % 3])) for i in range(40)]
    for i, c in enumerate(readers):
        answer = c.response()
        assert len(parse(FRAMINGS[i % 3], answer.body)) == 20 and answer.clean
