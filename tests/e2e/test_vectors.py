"""tests/vectors/*.json through the gateway: what a request binds, what comes back.

A vector is an object:
  behaviour  what it shows; the test's name
  request    [method, target]
  body       the body as JSON, or `raw` as text; neither: none
  rpc        the method of kitchen.KitchenService that must be called
  bound      what it must get, in protobuf's text format
  reply      what it answers, in text format; absent: `bound`, where the types allow
  answer     the JSON that must come back, or `answer_text` to the byte
  status     200 unless said; with another one nothing is called, and
  field      is the path of the BadRequest
"""
import json

import pytest

import h1
from harness import REPO, assert_error, violations

SERVICE = "/kitchen.KitchenService/"
VECTORS = [pytest.param(v, id=f"{path.stem}: {v['behaviour']}")
           for path in sorted((REPO / "tests/vectors").glob("*.json"))
           for v in json.loads(path.read_text())]
KEYS = {"behaviour", "request", "body", "raw", "rpc", "bound", "reply", "answer", "answer_text",
        "status", "field"}


def send(gateway, v):
    assert set(v) <= KEYS, set(v) - KEYS
    method, target = v["request"]
    body = v["raw"] if "raw" in v else json.dumps(v["body"]) if "body" in v else None
    return h1.call(gateway.port, method, target, body=body)


def full(schema, method, answer_type, text):
    message = schema.methods[method][answer_type].DESCRIPTOR.full_name
    return schema.new(message, text)


def same(a, b):
    """Any holds its fields in any order; and no NaN equals another but by its bytes."""
    return a == b or a.SerializeToString(deterministic=True) == b.SerializeToString(
        deterministic=True)


@pytest.mark.parametrize("v", VECTORS)
def test_vector(kitchen_gateway, kitchen, v):
    if v.get("status", 200) != 200:
        answer = send(kitchen_gateway, v)
        assert_error(answer, v["status"])
        assert not kitchen.calls
        if "field" in v:
            assert [f for f, _ in violations(answer)] == [v["field"]], answer
        return
    method = SERVICE + v["rpc"]
    bound = full(kitchen.schema, method, 0, v["bound"])
    reply = full(kitchen.schema, method, 1, v.get("reply", v["bound"]))
    kitchen.answers[method] = [reply] if kitchen.schema.methods[method][3] else reply
    answer = send(kitchen_gateway, v)
    assert answer.status == 200, answer
    assert [c.method for c in kitchen.calls] == [method]
    assert same(kitchen.calls[0].request, bound), f"{kitchen.calls[0].request} is not {bound}"
    if "answer_text" in v:
        assert answer.text == v["answer_text"]
    elif "answer" in v:
        assert answer.json == v["answer"]


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
        v = p.values[0]
        if v.get("rpc") not in ("Create", "Plain") or v["bound"] in seen:
            continue
        seen.add(v["bound"])
        message = kitchen.schema.new("kitchen.Sink", v["bound"])
        kitchen.reset()
        kitchen.answers[SERVICE + "Plain"] = message
        answer = h1.call(kitchen_gateway.port, "POST", SERVICE + "Plain",
                         json=kitchen.schema.json(message))
        assert answer.status == 200, (v["behaviour"], answer)
        assert same(kitchen.calls[0].request, message), v["behaviour"]
        assert answer.json == kitchen.schema.json(message), v["behaviour"]
    assert len(seen) > 20
