"""postern explain METHOD TARGET: what would be done with a request, without anybody behind it."""
import json
import subprocess

import pytest

from harness import POSTERN

# set, method, target, lines that must stand there, exit code
CASES = {
    "path and query": ("kitchen", "GET", "/sinks/by/g/42?key.tags=a&key.tags=b&pageSize=0", [
        "route     GET /sinks/by/{key.group}/{key.id.number}  (kitchen_sink.proto:",
        "rpc       kitchen.KitchenService.Find(kitchen.FindRequest) returns (kitchen.FindResponse)",
        'path      key.group = "g"  (string)',
        "path      key.id.number = 42  (int64)",
        'query     key.tags = ["a","b"]  (repeated string)',
        "query     page_size = 0  (int32)",
        "body      none: a request body is refused",
        "answer    field sinks as JSON",
        "timeout   60s; a client's grpc-timeout can lower it",
        "sizes     body up to 67108864 bytes, answer up to 268435456",
        "upstream  not known here (--upstream)"], 0),
    "types": ("kitchen", "GET", "/query?mString[a]=b&kDuration=1.5s&fColor=2&fBytes=AAE&wInt64=1", [
        'query     m_string = {"a":"b"}  (map<string, string>)',
        'query     k_duration = "1.500s"  (google.protobuf.Duration)',
        'query     f_color = "GREEN"  (kitchen.Color)',
        'query     f_bytes = "AAE="  (bytes)',
        "query     w_int64 = 1  (google.protobuf.Int64Value)"], 0),
    "a stream": ("kitchen", "GET", "/sinks/a%2Fb:watch", [
        'path      name = "a/b"  (string)',
        "answer    a stream of field sink as JSON (an array; text/event-stream, application/x-ndjson"
        " by Accept)",
        "timeout   none, unless the client sends grpc-timeout",
        "stream    server-sent events: a comment after 15s of silence"], 0),
    "a client's stream": ("kitchen", "POST", "/sinks:pipe", [
        "body      a stream of the whole message as JSON (an array, or application/x-ndjson)"], 0),
    "a form": ("bodies", "POST", "/images/7", [
        "body      the whole message as JSON, or its fields as multipart/form-data"], 0),
    "bytes": ("bodies", "PUT", "/files/a/b", [
        'path      name = "a/b"  (string)',
        "body      bytes of any type as they are: field file, a google.api.HttpBody",
        "answer    the bytes of field file under its content type"], 0),
    "bytes in pieces": ("bodies", "POST", "/receive/n", [
        "body      bytes of any type as they are: field file, a google.api.HttpBody, in pieces"], 0),
    "a mask": ("bodies", "PATCH", "/things/n", [
        "body      its keys fill update_mask when that is empty"], 0),
    "without a rule": ("kitchen", "POST", "/kitchen.KitchenService/Plain", [
        "rpc       kitchen.KitchenService.Plain(kitchen.Sink) returns (kitchen.Sink)"], 0),
    "a bad value": ("kitchen", "GET", "/sinks/n/revisions/x", [
        "route     GET /sinks/{name}/revisions/{revision}  (kitchen_sink.proto:",
        'path      name = "n"  (string)',
        'refused   400: revision: path variable "revision": "x" is not a whole number'], 1),
    "an unknown parameter": ("kitchen", "GET", "/sinks/n?bogus=1", [
        'refused   400: bogus: query parameter "bogus" is unknown: there is no such field in '
        "kitchen.GetRequest (at byte 9 of the request target)"], 1),
    "a required field that nothing sets": ("kitchen2", "GET", "/two/boxes/1/2?id=1", [
        "path      box.width = 1  (int32)",
        'refused   400: label: the required field "label" is missing'], 1),
    "a required field inside what the path began": ("kitchen2", "PUT", "/two/hold/LOW", [
        'refused   400: middle.get.id: the required field "id" is missing'], 1),
    "a required field beside the body": ("kitchen2", "PATCH", "/two/sinks/a/parts/b:patch", [
        'refused   400: id: the required field "id" is missing'], 1),
    "a required field that the body may set": ("kitchen2", "PUT", "/two/labels/7", [
        "body      field label as JSON"], 0),
    "required fields that body: * may set": ("kitchen2", "POST", "/two/hold/LOW", [
        "body      the whole message as JSON"], 0),
    "a method for proxies": ("kitchen", "CONNECT", "/any/n", ["refused   501: CONNECT"], 1),
    "another method": ("kitchen", "POST", "/sinks/n/revisions/7", [
        "refused   405: this path does not take POST; Allow: GET, HEAD",
        "instead   GET /sinks/{name}/revisions/{revision}  kitchen.KitchenService.Get"], 1),
    "a slip of the pen": ("kitchen", "GET", "/sink/n/revision/7", [
        "refused   404: no RPC is served at /sink/n/revision/7",
        "near      GET /sinks/{name}/revisions/{revision}  kitchen.KitchenService.Get"], 1),
    "nothing like it": ("kitchen", "GET", "/x/y/z/1/2/3/4/5/6/7", [
        "refused   404: no RPC is served at /x/y/z/1/2/3/4/5/6/7"], 1),
    "a bad path": ("kitchen", "GET", "/sinks/..", ["refused   400: a path begins with"], 1),
    "too long": ("kitchen", "GET", "/" + "a" * 9000, ["refused   414: "], 1),
}


def run(*args):
    return subprocess.run([str(POSTERN), "explain", *map(str, args)], capture_output=True,
                          text=True, timeout=20, check=False)


@pytest.mark.parametrize("case", CASES)
def test_explain(sets, case):
    name, method, target, lines, code = CASES[case]
    result = run(method, target, "--descriptors", sets[name])
    assert result.returncode == code, result
    said = result.stdout.splitlines()
    assert said[0] == f"{method} {target}" and not result.stderr
    for line in lines:
        assert any(s.startswith(line) for s in said), f"{line!r} is not in {result.stdout}"
    if case == "nothing like it":
        assert len(said) == 2, said


def test_policies_come_from_options_and_configuration(sets, tmp_path):
    config = tmp_path / "postern.yaml"
    config.write_text(json.dumps({
        "clusters": [{"name": "llm", "endpoints": ["127.0.0.1:1"]},
                     {"name": "canary", "endpoints": ["127.0.0.1:2"]}],
        "upstream": "llm",
        "overrides": [{"selector": "kitchen.*", "policy": {
            "timeout": "250ms", "idempotent": True, "max_request_bytes": 1000,
            "json": {"short_enums": True, "proto_names": True},
            "route": [{"header": "x-canary", "equals": "1", "to": "canary"}]}}]}))
    result = run("GET", "/sinks/n", "--descriptors", sets["kitchen"], "--config", config)
    assert result.returncode == 0, result
    for line in ("timeout   250ms; a client's grpc-timeout can lower it",
                 "sizes     body up to 1000 bytes, answer up to 268435456",
                 'upstream  canary when header x-canary is "1"', "upstream  llm otherwise",
                 "repeat    idempotent: sent again when an endpoint dies before it answers",
                 "json      short_enums", "json      proto_names"):
        assert line in result.stdout.splitlines(), result.stdout


@pytest.mark.parametrize("args", [[], ["GET"], ["GET", "--descriptors"]])
def test_explain_says_how_it_is_called(args):
    result = run(*args)
    assert result.returncode == 2 and "explain METHOD TARGET" in result.stderr


def test_a_schema_that_does_not_load_is_told(tmp_path):
    result = run("GET", "/x", "--descriptors", tmp_path / "none.pb")
    assert result.returncode == 2 and "none.pb" in result.stderr
