"""tests/vectors/*.json through the gateway: what a request binds, what comes back.

A vector is an object:
  behaviour  what it shows; the test's name
  request    [method, target]
  headers    of the request, by name
  type       its content type; null: none. Absent: application/json where there is a body
  body       the body as JSON, `raw` as text, or `hex` as bytes; none of them: no body
  rpc        the method that must be called
  bound      what it must get, in protobuf's text format; a list: the messages of a client's stream
  reply      what it answers, in text format (a list: a stream), or `reply_hex`, as bytes; absent: `bound`, where the
             types allow
  metadata   what must arrive beside it, by name: a list of values; [] for none
  fails      {"code", "message", "details"}: the server ends so; details are a google.rpc.Status in
             text format
  sends      metadata that comes with the reply, by name
  answer     the JSON that must come back, or `answer_text` or `answer_hex` to the byte
  answer_type     its content type
  answer_headers  others of its headers
  status     200 unless said; with another one nothing is called (with `rpc`: its answer is refused), and
  field      is the path of the BadRequest,
  at         where it says the fault is: "byte 5 of the request target"
  message    a part of the error's message

A file's vectors speak of kitchen.KitchenService, or of the service named below.
"""
import json

import pytest

import h1
from backend import Backend
from harness import REPO, Gateway, assert_error, same, same_json, violations

SERVICE = "/kitchen.KitchenService/"
SERVICES = {"http_body": ("bodies", "/bodies.Bodies/"),
            "multipart": ("bodies", "/bodies.Bodies/"),
            "update_mask": ("bodies", "/bodies.Bodies/"),
            "path_types": ("bodies", "/bodies.Bodies/"),
            "errors": ("demo", "/demo.v1.Echo/"),
            "metadata": ("demo", "/demo.v1.Echo/"),
            "json_switches": ("switches", "/switches.Switches/"),
            "json_mapping_proto2": ("kitchen2", "/kitchen2.Kitchen2Service/")}
VECTORS = [pytest.param(path.stem, v, id=f"{path.stem}: {v['behaviour']}")
           for path in sorted((REPO / "tests/vectors").glob("*.json"))
           for v in json.loads(path.read_text())]
KEYS = {"behaviour", "request", "headers", "type", "body", "raw", "hex", "rpc", "bound", "reply", "reply_hex",
        "answer", "answer_text", "answer_hex", "answer_type", "answer_headers", "status", "field",
        "at", "message", "metadata", "fails", "sends"}


@pytest.fixture(scope="module")
def stands(schemas, sets, tmp_path_factory):
    """Gateway and server for a set of protos, made when they are first asked for."""
    made = {}

    def stand(name):
        if name not in made:
            server = Backend(schemas[name])
            made[name] = Gateway(tmp_path_factory.mktemp(name), sets[name], server.target), server
        return made[name]
    yield stand
    for gateway, server in made.values():
        gateway.stop()
        server.stop()


def send(gateway, v):
    assert set(v) <= KEYS, set(v) - KEYS
    method, target = v["request"]
    body = (bytes.fromhex(v["hex"]) if "hex" in v else v["raw"] if "raw" in v
            else json.dumps(v["body"]) if "body" in v else None)
    headers = list(v.get("headers", {}).items())
    if v.get("type", "") is None:       # h1 adds one to a body unless it is given
        headers += [("Content-Length", str(len(body)))]
        with h1.Connection(gateway.port) as c:
            c.send(h1.request(method, target, headers=headers) + body.encode())
            return c.response(method)
    if v.get("type"):
        headers.append(("Content-Type", v["type"]))
    return h1.call(gateway.port, method, target, body=body, headers=headers)


def full(schema, method, answer_type, text):
    message = schema.methods[method][answer_type].DESCRIPTOR.full_name
    return schema.new(message, text)


def check_refusal(answer, v):
    message = assert_error(answer, v["status"])
    assert v.get("message", "") in message
    for k, value in v.get("answer_headers", {}).items():
        assert answer.header(k) == value, answer
    if "field" in v:
        assert [f for f, _ in violations(answer)] == [v["field"]], answer
    if "at" in v:
        assert [d.endswith(f"(at {v['at']})") for _, d in violations(answer)] == [True], answer


def check_answer(answer, v):
    assert answer.status == 200 and answer.clean, answer
    if "answer_text" in v:
        assert answer.text == v["answer_text"]
    elif "answer_hex" in v:
        assert answer.body.hex() == v["answer_hex"]
    elif "answer" in v:
        assert answer.json == v["answer"]
    if "answer_type" in v:
        assert answer.all("content-type") == [v["answer_type"]]
    for k, value in v.get("answer_headers", {}).items():
        assert answer.header(k) == value, answer


def failing(server, v):
    """Ends the call as v["fails"] says."""
    fails, trailers = v["fails"], []
    if "details" in fails:
        status = server.schema.new("google.rpc.Status", fails["details"])
        trailers = [("grpc-status-details-bin", status.SerializeToString())]
    return lambda call: call.fail(fails["code"], fails["message"], trailers)


def sending(v, reply):
    def does(call):
        call.context.send_initial_metadata([(k, bytes.fromhex(x) if k.endswith("-bin") else x)
                                            for k, values in v["sends"].items() for x in values])
        return reply
    return does


def check_failure(answer, v):
    assert_error(answer, v["status"])
    assert answer.json == v["answer"]


def check_metadata(call, v):
    for name, values in v.get("metadata", {}).items():
        assert [x.hex() if isinstance(x, bytes) else x for x in call.values(name)] == values, \
            call.metadata


@pytest.mark.parametrize("file, v", VECTORS)
def test_vector(stands, file, v):
    name, service = SERVICES.get(file, ("kitchen", SERVICE))
    gateway, server = stands(name)
    server.reset()
    if v.get("status", 200) != 200 and "rpc" not in v:
        check_refusal(send(gateway, v), v)
        assert not server.calls
        return
    method = service + v["rpc"]
    bound = v["bound"] if isinstance(v["bound"], list) else [v["bound"]]
    bound = [full(server.schema, method, 0, text) for text in bound]
    reply = v.get("reply", v["bound"])
    reply = [full(server.schema, method, 1, text)
             for text in (reply if isinstance(reply, list) else [reply])]
    if "reply_hex" in v:
        reply = [bytes.fromhex(v["reply_hex"])]
    server.answers[method] = reply if server.schema.methods[method][3] else reply[0]
    if "fails" in v:
        server.does[method] = failing(server, v)
    elif "sends" in v:
        server.does[method] = sending(v, reply[0])
    answer = send(gateway, v)
    assert [c.method for c in server.calls] == [method], answer
    received = server.calls[0].received
    assert len(received) == len(bound)
    for got, want in zip(received, bound):
        assert same(got, want), f"{got} is not {want}"
    check_metadata(server.calls[0], v)
    if "fails" in v:
        check_failure(answer, v)
    elif "status" in v:
        check_refusal(answer, v)
    else:
        check_answer(answer, v)


def test_an_answer_too_deep_or_truncated_at_any_byte_is_internal(kitchen_gateway, kitchen):
    """Sink nests in itself: one level is field 21, a length and what is inside."""
    def nested(levels):
        heads, size = [], 0
        for _ in range(levels):
            n, length = size, b""
            while n > 127:
                length, n = length + bytes([n & 127 | 128]), n >> 7
            heads.append(b"\xaa\x01" + length + bytes([n]))
            size += len(heads[-1])
        return b"".join(reversed(heads))
    for levels, status in (50, 200), (102, 500), (100000, 500):
        kitchen.answers[SERVICE + "Plain"] = nested(levels)
        answer = h1.call(kitchen_gateway.port, "POST", SERVICE + "Plain", json={})
        assert answer.status == status, (levels, answer)
    whole = nested(3)
    for n in range(1, len(whole)):
        kitchen.answers[SERVICE + "Plain"] = whole[:n]
        answer = h1.call(kitchen_gateway.port, "POST", SERVICE + "Plain", json={})
        assert_error(answer, 500, 13)


def test_a_round_trip_agrees_with_protobufs_own_json(kitchen_gateway, kitchen):
    """Python's mapping and ours, both ways, over every vector's message."""
    seen = set()
    for p in VECTORS:
        v = p.values[1]
        if (p.values[0] in SERVICES or v.get("rpc") not in ("Create", "Plain")
                or v["bound"] in seen):
            continue
        seen.add(v["bound"])
        message = kitchen.schema.new("kitchen.Sink", v["bound"])
        kitchen.reset()
        kitchen.answers[SERVICE + "Plain"] = message
        answer = h1.call(kitchen_gateway.port, "POST", SERVICE + "Plain",
                         json=kitchen.schema.json(message))
        assert answer.status == 200, (v["behaviour"], answer)
        assert same(kitchen.calls[0].request, message), v["behaviour"]
        assert same_json(answer.json, kitchen.schema.json(message)), v["behaviour"]
    assert len(seen) > 20
