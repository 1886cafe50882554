"""Refusals and failures: one shape for all of them, each with its place."""
import re
import time

import pytest

import h1
from demo import ECHO, FAIL
from harness import Gateway, assert_error, eventually, violations

# google.rpc.Code -> HTTP status
HTTP = {1: 499, 2: 500, 3: 400, 4: 504, 5: 404, 6: 409, 7: 403, 8: 429, 9: 400, 10: 409, 11: 400,
        12: 501, 13: 500, 14: 503, 15: 500, 16: 401}


@pytest.mark.parametrize("code", sorted(HTTP))
def test_each_grpc_status_has_its_http_status(call, code):
    answer = call("POST", "/v1/fail", json={"code": code, "message": "because ü \"x\""})
    assert_error(answer, HTTP[code], code)
    assert answer.json == {"code": code, "message": "because ü \"x\"", "details": []}


@pytest.mark.parametrize("text", [
    "ends with a blank ", " begins with one", " ", "", "\t", "100% %41"])
def test_a_status_message_may_be_any_text(call, text):
    assert call("POST", "/v1/fail", json={"code": 5, "message": text}).json == {
        "code": 5, "message": text, "details": []}


def test_details_are_expanded(call):
    answer = call("POST", "/v1/fail", json={
        "code": "NOT_FOUND", "message": "m", "withErrorInfo": True, "withRetryInfo": True,
        "withBadRequest": True, "withUnknownDetail": True})
    assert_error(answer, 404, 5)
    assert answer.json["details"] == [
        {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "DEMO",
         "domain": "demo.postern", "metadata": {"k": "v"}},
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "2s"},
        {"@type": "type.googleapis.com/google.rpc.BadRequest",
         "fieldViolations": [{"field": "text", "description": "too short"}]},
        {"@type": "type.googleapis.com/nobody.Knows", "value": "CAE="}]


def test_details_of_the_standard_types_need_no_schema_of_them(start, backend):
    g = start(backend.target, set="echo")
    answer = h1.call(g.port, "POST", "/v1/fail", json={"code": 3, "withErrorInfo": True})
    assert_error(answer, 400, 3)
    assert answer.json["details"][0]["reason"] == "DEMO"


def test_details_that_are_no_message_do_not_break_the_error(call):
    answer = call("POST", "/v1/fail", json={"code": 5, "message": "m", "withMalformedDetail": True})
    assert_error(answer, 404, 5)
    assert answer.json["message"] == "m"


def test_an_answer_of_ok_by_fail_is_no_failure(call):
    answer = call("POST", "/v1/fail", json={})
    assert (answer.status, answer.json) == (200, {})


# ---- bad JSON: place and path ----

# (body, field path, first and last byte of what is wrong)
BAD_JSON = {
    "a wrong type": (b'{"text": 5}', "text", 9, 10),
    "an unknown member": (b'{"text":"a","nope":1}', "nope", 12, 18),
    "an unknown member in a list": (b'{"messages":[{},{"x":1}]}', "messages[1].x", 17, 20),
    "a wrong type in a list": (b'{"values":[1,2,"x"]}', "values[2]", 15, 18),
    "an int64 too large": (b'{"id":9223372036854775808}', "id", 6, 25),
    "an int64 with a fraction": (b'{"id":1.5}', "id", 6, 9),
    "a float too large": (b'{"values":[1e400]}', "values[0]", 11, 16),
    "bad base64": (b'{"blob":"A*"}', "blob", 8, 12),
    "a member twice": (b'{"text":"a","text":"b"}', "text", 12, 18),
    "no JSON": (b'nope', "", 0, 1),
    "cut short": (b'{"text":"a"', "", 11, 11),
    "cut short in a string": (b'{"text":"a', "text", 8, 10),
    "a trailing comma": (b'{"text":"a",}', "", 11, 12),
    "a comment": (b'{/**/"text":"a"}', "", 1, 2),
    "single quotes": (b"{'text':'a'}", "", 1, 2),
    "a bare name": (b'{text:"a"}', "", 1, 2),
    "bytes behind the value": (b'{"text":"a"} x', "", 13, 13),
    "a second value": (b'{"text":"a"}{}', "", 12, 13),
    "NUL behind the value": (b'{"text":"a"}\0', "", 12, 12),
    "an array for an object": (b'[]', "", 0, 1),
    "a string for an object": (b'"x"', "", 0, 1),
    "a byte order mark": (b'\xef\xbb\xbf{}', "", 0, 0),
    "a control character": (b'{"text":"a\nb"}', "text", 10, 10),
    "bad UTF-8": (b'{"text":"a\xffb"}', "text", 10, 11),
    "an overlong slash": (b'{"text":"\xc0\xaf"}', "text", 9, 11),
    "a lone surrogate": (b'{"text":"\\ud800"}', "text", 8, 16),
    "reversed surrogates": (b'{"text":"\\udc00\\ud800"}', "text", 8, 22),
    "an unknown escape": (b'{"text":"\\x41"}', "text", 8, 12),
    "a leading zero": (b'{"id":01}', "id", 6, 8),
    "a leading plus": (b'{"id":+1}', "id", 6, 8),
    "no digit behind the point": (b'{"values":[1.]}', "values[0]", 11, 14),
    "no digit behind the exponent": (b'{"values":[1e]}', "values[0]", 11, 14),
    "bare NaN": (b'{"values":[NaN]}', "values[0]", 11, 14),
    "bare Infinity": (b'{"values":[-Infinity]}', "values[0]", 11, 20),
    "upper case true": (b'{"text":True}', "text", 8, 12),
}


SYNTAX = list(BAD_JSON)[list(BAD_JSON).index("no JSON"):]


@pytest.mark.parametrize("case", BAD_JSON)
def test_bad_json_is_400_with_path_and_offset(call, backend, case):
    body, path, first, last = BAD_JSON[case]
    answer = call("POST", "/v1/echo", body=body)
    assert_error(answer, 400, 3)
    assert len(violations(answer)) == 1, answer
    field, description = violations(answer)[0]
    # Where the JSON itself is broken, the innermost field may not be known yet.
    assert field == path or (field == "" and case in SYNTAX), answer
    offset = int(re.findall(r"(?:byte|offset) (\d+)\b", description)[-1])
    assert first <= offset <= last, answer
    assert not backend.calls


@pytest.mark.parametrize("spell", [b'{"text":"a","text":"a"}', b'{"max_tokens":1,"maxTokens":1}'])
def test_one_field_by_two_members_is_400(call, spell):
    target = "/v1/echo" if b"text" in spell else "/v1/models/m:generate"
    assert_error(call("POST", target, body=spell), 400, 3)


def test_two_members_of_a_oneof_are_400(call):
    answer = call("POST", "/v1/models/m:generate", json={"regex": "a", "choice": {}})
    assert_error(answer, 400, 3)
    assert "choice" in violations(answer)[0][0] or "regex" in violations(answer)[0][0]


def test_an_unknown_enum_name_is_400_with_its_path(call):
    answer = call("POST", "/v1/fail", json={"code": "NOPE"})
    assert_error(answer, 400, 3)
    assert violations(answer)[0][0] == "code"


def test_nesting_beyond_the_bound_is_400(call, backend):
    for depth in 101, 100000:
        body = b'{"jsonSchema":' + b'{"a":' * depth + b"1" + b"}" * depth + b"}"
        assert_error(call("POST", "/v1/models/m:generate", body=body), 400)
    body = b'{"jsonSchema":' + b'{"a":' * 30 + b"1" + b"}" * 30 + b"}"
    assert call("POST", "/v1/models/m:generate", body=body).status == 200


def test_null_leaves_a_field_unset(call, backend):
    assert call("POST", "/v1/echo", body=b'{"text":null,"values":null,"id":null}').json == {}


def test_the_connection_goes_on_after_a_bad_request(gateway, backend):
    with h1.Connection(gateway.port) as c:
        for body, status in (b"{", 400), (b"{}", 200), (b'{"nope":1}', 400), (b"{}", 200):
            c.send(h1.request("POST", "/v1/echo", body=body))
            assert c.response().status == status


# ---- ceilings ----

@pytest.fixture(scope="module")
def small(sets, demo_server, tmp_path_factory):
    g = Gateway(tmp_path_factory.mktemp("small"), sets["demo"], demo_server.target,
                args=["--max-request-body", "1000"])
    yield g
    g.stop()


def test_a_body_at_the_ceiling_passes(small, backend):
    body = b'{"text":"' + b"a" * (1000 - 11) + b'"}'
    assert h1.call(small.port, "POST", "/v1/echo", body=body).status == 200
    assert len(body) == 1000


def test_a_sized_body_above_the_ceiling_is_413_unread(small, backend):
    with h1.Connection(small.port) as c:
        c.send(h1.request("POST", "/v1/echo", headers={"Content-Length": "1001"}))
        assert_error(c.response(), 413)
    assert not backend.calls


def test_a_sized_body_above_the_ceiling_is_413_when_sent(small, backend):
    answer = h1.call(small.port, "POST", "/v1/echo", body=b'{"text":"' + b"a" * 5000 + b'"}')
    assert_error(answer, 413)
    assert not backend.calls


@pytest.mark.parametrize("extra", [1, 5000, 200000])
def test_a_chunked_body_above_the_ceiling_is_413(small, backend, extra):
    body = b'{"text":"' + b"a" * (989 + extra) + b'"}'
    pieces = [body[i:i + 4000] for i in range(0, len(body), 4000)]
    with h1.Connection(small.port) as c:
        c.send(h1.request("POST", "/v1/echo", headers={"Transfer-Encoding": "chunked"}))
        c.try_send(h1.chunked(*pieces))
        assert_error(c.response(), 413)
    assert not backend.calls


def test_a_chunked_body_far_above_the_ceiling_is_cut_off(small, backend):
    with h1.Connection(small.port) as c:
        c.send(h1.request("POST", "/v1/echo", headers={"Transfer-Encoding": "chunked"}))
        sent, piece = 0, b"10000\r\n" + b" " * 65536 + b"\r\n"
        while sent < 64 << 20 and c.try_send(piece):
            sent += 65536
        assert sent < 16 << 20, "the whole of it was read"
    assert not backend.calls
    assert h1.call(small.port, "POST", "/v1/echo", json={}).status == 200


def test_a_long_target_is_414(call, backend):
    assert_error(call("GET", "/v1/models/" + "a" * 9000), 414)
    assert call("GET", "/v1/models/" + "a" * 7000).status == 200
    assert len(backend.calls) == 1


def test_many_headers_are_431(call, backend):
    assert_error(call("GET", "/v1/models/m", headers=[(f"x-{i}", "v") for i in range(101)]), 431)
    assert call("GET", "/v1/models/m", headers=[(f"x-{i}", "v") for i in range(90)]).status == 200
    assert len(backend.calls) == 1


@pytest.mark.parametrize("headers", [
    [("x", "v" * 17000)], [(f"x-{i}", "v" * 900) for i in range(20)], [("x", "v" * 60000)]],
    ids=["one of 17 K", "many of 18 K", "one of 60 K"])
def test_large_headers_are_431(call, backend, headers):
    assert_error(call("GET", "/v1/models/m", headers=headers), 431)
    assert not backend.calls


def test_headers_below_the_bound_pass(call):
    """This one stays here: a Python server takes 8 KiB of metadata."""
    assert call("GET", "/v1/models/m", headers={"Content-Language": "v" * 12000}).status == 200


def test_an_answer_above_its_ceiling_is_resource_exhausted(start, backend):
    backend.answers[ECHO] = backend.schema.new("demo.v1.EchoMessage", f'text: "{"a" * 5000}"')
    g = start(backend.target, {"bounds": {"response_bytes": 4000}})
    backend.does.pop(ECHO)
    assert_error(h1.call(g.port, "POST", "/v1/echo", json={}), 429, 8)


# ---- deadlines ----

def test_the_clients_deadline_is_sent_and_enforced(call, backend):
    began = time.monotonic()
    answer = call("POST", "/v1/sleep", json={"duration": "5s"}, headers={"grpc-timeout": "300m"})
    took = time.monotonic() - began
    assert_error(answer, 504, 4)
    assert 0.25 <= took < 1.0, took
    seen = backend.calls[-1]
    assert 0 < seen.time_left <= 0.3
    assert seen.ended.wait(1) and seen.ended_at - began < took + 0.3


@pytest.mark.parametrize("text, seconds", [
    ("2S", 2), ("1500m", 1.5), ("1M", 60), ("1H", 60), ("5000000u", 5), ("99999999n", 0.1)])
def test_units_of_grpc_timeout(call, backend, text, seconds):
    """An hour is lowered to the default of 60 s."""
    assert call("POST", "/v1/echo", json={}, headers={"grpc-timeout": text}).status == 200
    assert seconds - 0.5 <= backend.calls[-1].time_left <= seconds + 0.01


@pytest.mark.parametrize("text", ["5", "S", "1.5S", "-1S", "5s", "123456789S", "", "1 S", "0x1S"])
def test_a_malformed_grpc_timeout_is_400(call, backend, text):
    assert_error(call("POST", "/v1/echo", json={}, headers={"grpc-timeout": text}), 400, 3)
    assert not backend.calls


def test_the_routes_timeout_cannot_be_raised_by_the_client(start, backend):
    g = start(backend.target, {"overrides": [{"selector": "demo.v1.Echo.Sleep",
                                              "policy": {"timeout": "200ms"}}]})
    began = time.monotonic()
    answer = h1.call(g.port, "POST", "/v1/sleep", json={"duration": "5s"},
                     headers={"grpc-timeout": "5S"})
    assert_error(answer, 504, 4)
    assert time.monotonic() - began < 1
    assert backend.calls[-1].time_left <= 0.2


def test_a_call_in_time_is_not_touched_by_its_deadline(call):
    answer = call("POST", "/v1/sleep", json={"duration": "0.100s"}, headers={"grpc-timeout": "2S"})
    assert answer.json == {"slept": "0.100s"}


def test_the_backend_hears_of_a_deadline_once(call, backend):
    call("POST", "/v1/sleep", json={"duration": "3s"}, headers={"grpc-timeout": "100m"})
    assert eventually(lambda: backend.calls[-1].ended.is_set(), 1)
    assert len(backend.calls) == 1 and backend.calls[0].method.endswith("Sleep")
    assert FAIL not in {c.method for c in backend.calls}
