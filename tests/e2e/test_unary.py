"""JSON to one RPC and back: http rules, binding, bodies, methods. (google/api/http.proto)"""
import pytest

import h1
from demo import ECHO, TEXT
from harness import assert_error, violations

FULL = {"text": "grüße \U0001f600\n", "values": [1.5, -0.25, 3],
        "messages": [{"role": "user", "content": "a"}, {"content": "\x00\u2028"}],
        "blob": "AAH/", "id": "9007199254740993"}


def received(backend):
    """What the backend got last, as JSON by Python's own mapping."""
    return backend.schema.json(backend.calls[-1].request)


def test_json_becomes_a_message_and_the_answer_json_again(call, backend):
    answer = call("POST", "/v1/echo", json=FULL)
    assert answer.status == 200 and answer.json == FULL, answer
    assert answer.header("content-type").startswith("application/json")
    assert received(backend) == FULL
    assert backend.calls[-1].method == ECHO


def test_a_default_answer_is_an_empty_object(call):
    assert call("POST", "/v1/echo", json={"text": "", "values": [], "id": 0}).text == "{}"


@pytest.mark.parametrize("body", [None, b"", b"{}", b" {\n} "])
def test_a_body_without_fields_is_the_default_message(call, backend, body):
    answer = call("POST", "/v1/echo", body=body)
    assert (answer.status, answer.text) == (200, "{}")
    assert received(backend) == {}


def test_both_spellings_of_a_field_name_are_taken(call, backend):
    for key in "maxTokens", "max_tokens":
        assert call("POST", "/v1/models/m:generate", json={key: 7}).status == 200
        assert received(backend)["maxTokens"] == 7


@pytest.mark.parametrize("content_type", [
    "application/json", "application/json; charset=utf-8", "Application/JSON"])
def test_json_is_taken_by_any_way_to_call_it_so(call, content_type):
    answer = call("POST", "/v1/echo", body=b'{"text":"x"}', headers={"Content-Type": content_type})
    assert answer.status == 200, answer


@pytest.mark.parametrize("content_type", [
    "text/plain", "application/xml", "application/x-www-form-urlencoded", "multipart/mixed"])
def test_a_body_of_another_type_is_415(call, backend, content_type):
    answer = call("POST", "/v1/echo", body=b'{"text":"x"}', headers={"Content-Type": content_type})
    assert_error(answer, 415)
    assert not backend.calls


# ---- path ----

PATHS = [
    ("POST", "/v1/models/tiny:generate", "Generate", {"model": "tiny"}),
    ("POST", "/v1/models/llama:7b:generate", "Generate", {"model": "llama:7b"}),
    ("GET", "/v1/models/llama:7b", "GetModel", {"name": "llama:7b"}),
    ("GET", "/v1/models/a%2Fb", "GetModel", {"name": "a/b"}),
    ("GET", "/v1/models/a%20b%C3%BC", "GetModel", {"name": "a bü"}),
    ("GET", "/v1/models/a%2520b", "GetModel", {"name": "a%20b"}),
    ("GET", "/v1/models/a+b", "GetModel", {"name": "a+b"}),
    ("GET", "/v1/%6dodels/x", "GetModel", {"name": "x"}),
    ("DELETE", "/v1/models/x?force=true", "DeleteModel", {"name": "x", "force": True}),
    ("GET", "/v1/models", "ListModels", {}),
]


@pytest.mark.parametrize("method, target, rpc, expected", PATHS, ids=[p[1] for p in PATHS])
def test_the_path_chooses_the_rpc_and_fills_its_variables(call, backend, method, target, rpc,
                                                           expected):
    answer = call(method, target)
    assert answer.status == 200, answer
    assert backend.calls[-1].method == TEXT + rpc
    assert received(backend) == expected


def test_the_body_may_repeat_what_the_path_says(call, backend):
    assert call("POST", "/v1/models/m:generate", json={"model": "m", "prompt": "p"}).status == 200
    assert received(backend) == {"model": "m", "prompt": "p"}


@pytest.mark.parametrize("method, target, json", [
    ("POST", "/v1/models/m:generate", {"model": "other"}),
    ("POST", "/v1/models/m:generate", {"model": ""}),
    ("GET", "/v1/models/m?name=other", None),
    ("PATCH", "/v1/models/m", {"name": "other"}),
], ids=["body", "body default", "query", "body in a message"])
def test_nothing_changes_a_field_that_the_path_has_bound(call, backend, method, target, json):
    answer = call(method, target, json=json)
    assert_error(answer, 400, 3)
    assert any("name" in f or "model" in f for f, _ in violations(answer)), answer
    assert not backend.calls


@pytest.mark.parametrize("target", [
    "/v1/models/%zz", "/v1/models/%4", "/v1/models/a%00b", "/v1/models/%c0%ae", "/v1/models/%ff"])
def test_a_path_that_does_not_decode_is_400(call, backend, target):
    assert_error(call("GET", target), 400, 3)
    assert not backend.calls


# ---- query ----

def test_query_parameters_fill_fields_of_every_kind(call, backend):
    answer = call("GET", "/v1/models?pageSize=2&state=READY&family=tiny&family=base+x"
                  "&filter.minContextLength=1024&filter.max_price=1.5&quantized=false"
                  "&created_after=2024-01-02T03:04:05Z&readMask=name,displayName"
                  "&page_token=a%26b%3D%C3%BC")
    assert answer.status == 200, answer
    assert received(backend) == {
        "pageSize": 2, "state": "READY", "family": ["tiny", "base x"],
        "filter": {"minContextLength": 1024, "maxPrice": 1.5}, "quantized": False,
        "createdAfter": "2024-01-02T03:04:05Z", "readMask": "name,displayName",
        "pageToken": "a&b=ü"}


@pytest.mark.parametrize("query, field", [
    ("pageSize=x", "pageSize"), ("pageSize=1&pageSize=2", "pageSize"),
    ("pageSize=1&page_size=1", "pageSize"), ("pageSize=2147483648", "pageSize"),
    ("state=NOPE", "state"), ("filter=x", "filter"), ("filter.nope=1", "filter.nope"),
    ("nope=1", "nope"), ("createdAfter=yesterday", "createdAfter"), ("family=%zz", "family"),
    ("quantized=yes", "quantized")])
def test_a_bad_query_parameter_is_400_and_named(call, backend, query, field):
    answer = call("GET", "/v1/models?" + query)
    message = assert_error(answer, 400, 3)
    snake = "".join("_" + c.lower() if c.isupper() else c for c in field)
    told = [message] + [f for f, _ in violations(answer)] + [d for _, d in violations(answer)]
    assert any(field in t or snake in t for t in told), answer
    assert violations(answer), answer
    assert not backend.calls


def test_a_body_that_is_one_field_leaves_the_rest_to_the_query(call, backend):
    answer = call("PATCH", "/v1/models/m1?updateMask=displayName,labels",
                  json={"displayName": "x", "labels": {"a": "b"}})
    assert answer.status == 200, answer
    assert received(backend) == {
        "model": {"name": "m1", "displayName": "x", "labels": {"a": "b"}},
        "updateMask": "displayName,labels"}


def test_a_query_parameter_beside_a_body_of_everything_is_unknown(call, backend):
    assert_error(call("POST", "/v1/echo?text=x", json={}), 400, 3)
    assert not backend.calls


# ---- the answer's status by target and method ----

@pytest.mark.parametrize("target", [
    "/", "/v1", "/v1/echo/", "/v1/echo/x", "/v1/models/", "//v1/echo", "/V1/echo", "/v1/models/a/b",
    "/v1/echo:nope", "/demo.v1.Echo/Nope"])
def test_an_unknown_path_is_404(call, backend, target):
    assert_error(call("POST", target, json={}), 404, (5, 12))
    assert not backend.calls


@pytest.mark.parametrize("method, target, allowed", [
    ("GET", "/v1/echo", {"POST"}), ("PUT", "/v1/models/m", {"GET", "PATCH", "DELETE"}),
    ("POST", "/v1/models", {"GET"}), ("FROB", "/v1/echo", {"POST"}),
    ("DELETE", "/v1/models/m:generate", None)])
def test_another_method_is_405_with_the_ones_allowed(call, backend, method, target, allowed):
    if allowed is None:          # "m:generate" is also a legal name for DELETE /v1/models/{name}
        assert call(method, target).status == 200
        return
    answer = call(method, target)
    assert_error(answer, 405)
    listed = {m.strip() for m in answer.header("allow").split(",")}
    assert allowed <= listed <= allowed | {"HEAD", "OPTIONS"}, answer
    assert not backend.calls


def test_head_is_get_without_the_body(call, backend):
    got, head = call("GET", "/v1/models/m"), call("HEAD", "/v1/models/m")
    assert (head.status, head.body) == (200, b"")
    assert head.header("content-length") in (None, got.header("content-length"))
    assert head.header("content-type") == got.header("content-type")
    assert len(backend.calls) == 2


def test_head_where_there_is_no_get_is_405(call):
    answer = call("HEAD", "/v1/echo")
    assert answer.status == 405 and "POST" in answer.header("allow")


def test_an_rpc_without_a_rule_answers_under_its_own_name(kitchen_gateway, kitchen):
    answer = h1.call(kitchen_gateway.port, "POST", "/kitchen.KitchenService/Plain",
                     json={"name": "n"})
    assert answer.status == 200, answer
    assert kitchen.calls[-1].method == "/kitchen.KitchenService/Plain"
    answer = h1.call(kitchen_gateway.port, "GET", "/kitchen.KitchenService/Plain")
    assert answer.status == 405 and answer.header("allow") == "POST"


# ---- sizes ----

def test_a_megabyte_passes_whole_both_ways(call, backend):
    text = "0123456789abcdef" * 65536
    answer = call("POST", "/v1/echo", json={"text": text})
    assert answer.status == 200 and answer.json == {"text": text}
    assert backend.calls[-1].request.text == text


def test_a_large_tensor_passes_whole_both_ways(call, backend):
    values = [i / 8 for i in range(100000)]
    answer = call("POST", "/v1/echo", json={"values": values})
    assert answer.status == 200 and answer.json == {"values": values}


def test_a_switch_lets_unknown_names_pass(start, backend):
    g = start(backend.target, {"overrides": [{"selector": "demo.v1.*", "policy": {
        "json": {"ignore_unknown_fields": True, "ignore_unknown_query": True}}}]})
    answer = h1.call(g.port, "POST", "/v1/echo", json={"nope": {"a": [1]}, "id": 5})
    assert answer.json == {"id": "5"}
    assert h1.call(g.port, "GET", "/v1/models?nope=1&pageSize=3").status == 200
    assert backend.calls[-1].request.page_size == 3


def test_switches_of_the_output(start, backend):
    backend.answers[TEXT + "GetModel"] = backend.schema.new(
        "demo.v1.Model", "display_name: 'x' state: READY parameter_count: 7")
    g = start(backend.target, {"overrides": [{"selector": "demo.v1.*", "policy": {"json": {
        "emit_defaults": True, "enums_as_numbers": True, "proto_names": True,
        "int64_as_numbers": True}}}]})
    got = h1.call(g.port, "GET", "/v1/models/m").json
    assert got == {"name": "", "display_name": "x", "family": "", "state": 2, "context_length": 0,
                   "parameter_count": 7, "checksum": "", "labels": {}}


def test_an_answer_whose_json_grows_beyond_measure_is_refused(start, serve):
    """One byte of a packed enum is a name of 24 letters in JSON."""
    server = serve({}, set="switches")
    g = start(server.target, set="switches")
    for size, status in (1 << 18, 200), (4 << 20, 429):
        length = bytes([size & 127 | 128, size >> 7 & 127 | 128, size >> 14 & 127 | 128, size >> 21])
        server.answers["/switches.Switches/Plain"] = b"\x12" + length + b"\x02" * size
        answer = h1.call(g.port, "POST", "/switches.Switches/Plain", json={})
        assert answer.status == status, answer.status
    assert "larger than allowed" in answer.json["message"]
    assert h1.call(g.port, "POST", "/switches.Switches/EnumNumbers", json={}).status == 200
