"""The demo services behave alike on two gRPC stacks: what their .proto says, seen through REST."""
import json

import pytest

import h1
from harness import assert_error


@pytest.fixture
def call(either):
    return lambda method, target, **parts: h1.call(either.port, method, target, **parts)


def test_echo(call):
    message = {"text": "x" * 100000, "values": [0.5], "messages": [{"role": "r", "content": "c"}],
               "blob": "AQID", "id": "-1"}
    assert call("POST", "/v1/echo", json=message).json == message


@pytest.mark.parametrize("count", [0, 1, 5])
def test_echo_stream_counts_from_one(call, count):
    answer = call("POST", "/v1/echo:stream", json={"message": {"text": "t"}, "count": count})
    assert answer.json == [{"text": "t", "id": str(i + 1)} for i in range(count)]


def test_echo_stream_ends_with_the_status_asked_for(call):
    answer = call("POST", "/v1/echo:stream", headers={"Accept": "application/x-ndjson"}, json={
        "message": {"text": "t"}, "count": 1, "endCode": "RESOURCE_EXHAUSTED", "endMessage": "m"})
    lines = [json.loads(x) for x in answer.text.splitlines()]
    assert lines[0] == {"text": "t", "id": "1"} and len(lines) == 2
    assert (lines[1]["error"]["code"], lines[1]["error"]["message"]) == (8, "m")
    assert not answer.clean


@pytest.mark.parametrize("code, status", [(3, 400), (5, 404), (8, 429), (14, 503), (16, 401)])
def test_fail_has_the_status_asked_for(call, code, status):
    answer = call("POST", "/v1/fail", json={"code": code, "message": "why", "withRetryInfo": True})
    assert_error(answer, status, code)
    assert answer.json["message"] == "why"
    assert {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "2s"} \
        in answer.json["details"]


def test_fail_takes_numbers_that_have_no_name(call, either):
    if either.server == "python":
        return                              # it has no way to send them
    answer = call("POST", "/v1/fail", json={"code": 77, "message": "m"})
    assert_error(answer, 500, 2)


def test_sleep_sleeps_and_hears_of_deadlines(call):
    assert call("POST", "/v1/sleep", json={"duration": "0.050s"}).status == 200
    answer = call("POST", "/v1/sleep", json={"duration": "5s"}, headers={"grpc-timeout": "150m"})
    assert_error(answer, 504, 4)


def test_metadata_asked_for_comes_back(call):
    answer = call("POST", "/v1/fail", json={"code": 5, "trailers": {"x-a": "1", "b-bin": "AAE="}})
    assert answer.header("x-a") == "1" and answer.header("b-bin").rstrip("=") == "AAE"


def test_generate_answers_for_the_model_asked(call):
    answer = call("POST", "/v1/models/tiny:generate", json={"prompt": "Once upon", "maxTokens": 4,
                                                            "labels": {"a": "b"}})
    assert answer.status == 200 and answer.json["model"] == "tiny" and answer.json["text"]
    assert answer.json["labels"] == {"a": "b"}


def test_stream_generate_comes_in_pieces_of_one_answer(call):
    pieces = call("POST", "/v1/models/tiny:streamGenerate",
                  json={"prompt": "Once upon", "maxTokens": 4}).json
    assert len(pieces) > 1 and len({p["id"] for p in pieces}) == 1
    assert [p.get("index", 0) for p in pieces] == list(range(len(pieces)))
    assert "finishReason" in pieces[-1] and "finishReason" not in pieces[0]


def test_summarize_takes_many_pieces(call):
    answer = call("POST", "/v1/models/tiny:summarize", body='{"text":"one two"}\n{"text":"three"}')
    assert answer.status == 200 and answer.json["chunks"] == 2 and answer.json["model"] == "tiny"


def test_chat_answers_each_turn(call):
    answer = call("POST", "/v1/models/tiny:chat", json=[{"text": "hello"}, {"text": "again"}])
    assert answer.status == 200 and {m["turn"] for m in answer.json} == {1, 2}


def test_the_model_server_is_live_and_ready(call):
    assert call("GET", "/v2/health/live").json == {"live": True}
    assert call("GET", "/v2/health/ready").json == {"ready": True}


@pytest.mark.parametrize("either", ["demo-backend"], indirect=True)
def test_all_models_are_listed_and_each_can_be_had_alone(call):
    listed = call("GET", "/v1/models").json
    assert listed["totalSize"] == len(listed["models"]) == 5 and "nextPageToken" not in listed
    for model in listed["models"]:
        assert call("GET", f"/v1/models/{model['name']}").json == model
        assert model["createTime"].endswith("Z")
