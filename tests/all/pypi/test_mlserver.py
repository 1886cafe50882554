"""MLServer with a model of our own, reached by REST through the gateway alone."""
import base64
import concurrent.futures
import os
import pathlib
import struct
import time

import pytest

import h1
from harness import (Gateway, Process, assert_error, eventually, free_port, protoc,
                     violations)

MODELS = pathlib.Path(__file__).parent / "models"
START_SECONDS = 90


@pytest.fixture(scope="module")
def mlserver(tmp_path_factory):
    """The target of its gRPC server. It insists on an HTTP server too; nobody talks to that."""
    folder = tmp_path_factory.mktemp("mlserver")
    port = free_port()
    p = Process([os.environ["PYPI_PYTHON"], "-m", "mlserver.cli.main", "start", MODELS], folder, env={
        "MLSERVER_HOST": "127.0.0.1", "MLSERVER_GRPC_PORT": str(port), "MLSERVER_DEBUG": "false",
        "MLSERVER_HTTP_PORT": str(free_port()), "MLSERVER_METRICS_ENDPOINT": "",
        "MLSERVER_PARALLEL_WORKERS": "0", "PYTHONDONTWRITEBYTECODE": "1"})
    p.port = port
    yield p
    p.kill()


@pytest.fixture(scope="module")
def gateway(mlserver, tmp_path_factory):
    folder = tmp_path_factory.mktemp("gateway")
    pb = protoc(folder / "inference.pb", "inference/grpc_service.proto")
    g = Gateway(folder, pb, f"127.0.0.1:{mlserver.port}")
    end = time.monotonic() + START_SECONDS
    while h1.call(g.port, "GET", "/v2/models/arithmetic/ready").status != 200:
        assert mlserver.alive() and time.monotonic() < end, mlserver.stdout() + mlserver.stderr()
        time.sleep(0.2)
    yield g
    g.stop()


@pytest.fixture
def call(gateway):
    return lambda method, target, **parts: h1.call(gateway.port, method, target, **parts)


def good(answer):
    assert answer.status == 200 and answer.clean, answer
    return answer.json


def fp32(*numbers, shape=None):
    return {"name": "x", "datatype": "FP32", "shape": shape or [len(numbers)],
            "contents": {"fp32Contents": numbers}}


def infer(call, *tensors, target="/v2/models/arithmetic/infer", **more):
    return call("POST", target, json={"inputs": tensors, **more})


def test_it_lives_and_is_ready(call):
    assert good(call("GET", "/v2/health/live")) == {"live": True}
    assert good(call("GET", "/v2/health/ready")) == {"ready": True}


@pytest.mark.parametrize("target", ["/v2/models/arithmetic/ready",
                                    "/v2/models/arithmetic/versions/v1/ready"])
def test_the_model_is_ready(call, target):
    assert good(call("GET", target)) == {"ready": True}


def test_the_server_describes_itself(call):
    about = good(call("GET", "/v2"))
    assert about["name"] == "mlserver" and about["version"] == "1.7.1"


def test_the_model_describes_itself(call):
    about = good(call("GET", "/v2/models/arithmetic"))
    assert about["name"] == "arithmetic" and about["platform"] == "postern-test"
    assert about["inputs"] == [{"name": "x", "datatype": "FP32", "shape": ["-1", "2"]},
                               {"name": "text", "datatype": "BYTES", "shape": ["-1"]}]
    assert [o["name"] for o in about["outputs"]] == ["doubled", "echo"]


@pytest.mark.parametrize("target", ["/v2/models/arithmetic/infer",
                                    "/v2/models/arithmetic/versions/v1/infer"])
def test_numbers_go_there_and_come_back(call, target):
    numbers = [0.1, -2.5, 3.4028234e+37, 1e-45, 0, 16777217]
    answer = good(infer(call, fp32(*numbers, shape=[3, 2]), target=target, id="call-1"))
    assert answer["modelName"] == "arithmetic" and answer["modelVersion"] == "v1"
    assert answer["id"] == "call-1"
    output, = answer["outputs"]
    assert (output["name"], output["datatype"], output["shape"]) == ("doubled", "FP32", ["3", "2"])
    as_float = struct.Struct("f")
    want = [as_float.unpack(as_float.pack(2 * as_float.unpack(as_float.pack(n))[0]))[0]
            for n in numbers]
    got = [as_float.unpack(as_float.pack(n))[0] for n in output["contents"]["fp32Contents"]]
    assert got == want


def test_a_large_tensor_goes_there_and_comes_back(call):
    numbers = [i / 8 for i in range(100000)]
    output, = good(infer(call, fp32(*numbers)))["outputs"]
    assert output["contents"]["fp32Contents"] == [2 * n for n in numbers]


def test_bytes_go_there_and_come_back(call):
    words = ["snow \u2744", "", "zero \0 byte", "x" * 5000]
    coded = [base64.b64encode(w.encode()).decode() for w in words]
    output, = good(infer(call, {"name": "text", "datatype": "BYTES", "shape": [len(words)],
                                "contents": {"bytesContents": coded}}))["outputs"]
    assert output["name"] == "echo" and output["contents"]["bytesContents"] == coded


def test_raw_contents_are_bytes_in_and_out(call):
    raw = struct.pack("<2f", 1.5, -4)
    answer = good(call("POST", "/v2/models/arithmetic/infer", json={
        "inputs": [{"name": "x", "datatype": "FP32", "shape": [2]}],
        "rawInputContents": [base64.b64encode(raw).decode()]}))
    output, = answer["outputs"]
    if "rawOutputContents" in answer:
        got = list(struct.unpack("<2f", base64.b64decode(answer["rawOutputContents"][0])))
    else:
        got = output["contents"]["fp32Contents"]
    assert got == [3, -8]


def test_many_inferences_at_once(call):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda i: infer(call, fp32(i), id=str(i)), range(100)))
    for i, answer in enumerate(answers):
        output, = good(answer)["outputs"]
        assert answer.json["id"] == str(i) and output["contents"]["fp32Contents"] == [2 * i]


@pytest.mark.parametrize("method, target, body", [
    ("GET", "/v2/models/nobody", None),
    ("GET", "/v2/models/arithmetic/versions/v9", None),
    ("POST", "/v2/models/nobody/infer", {"inputs": [fp32(1)]}),
])
def test_an_unknown_model_is_404_in_the_servers_words(call, method, target, body):
    message = assert_error(call(method, target, json=body), 404, 5)
    assert "not found" in message.lower(), message


def test_what_the_model_refuses_has_the_servers_status(call):
    answer = infer(call, {"name": "x", "datatype": "INT64", "shape": [1],
                          "contents": {"int64Contents": ["1"]}})
    message = assert_error(answer, (400, 500))
    assert "INT64 is not for arithmetic" in message


@pytest.mark.parametrize("tensor, field", [
    (fp32("many"), "inputs[0].contents.fp32Contents[0]"),
    ({**fp32(1), "shape": [1.5]}, "inputs[0].shape[0]"),
    ({**fp32(1), "data": [1]}, "inputs[0].data"),
    ({"name": "t", "datatype": "BYTES", "shape": [1], "contents": {"bytesContents": ["*"]}},
     "inputs[0].contents.bytesContents[0]"),
])
def test_bad_input_is_400_and_never_sent(gateway, mlserver, call, tensor, field):
    def seen():
        return mlserver.stdout().count("inference of arithmetic\n")
    before = seen()
    answer = infer(call, tensor)
    assert_error(answer, 400, 3)
    assert [f for f, _ in violations(answer)] == [field]
    good(infer(call, fp32(1)))
    assert eventually(lambda: seen() > before) and seen() == before + 1


def test_the_repository_loads_and_unloads(call):
    models = good(call("POST", "/v2/repository/index", json={}))["models"]
    assert [m["name"] for m in models] == ["arithmetic"] and models[0]["state"].endswith("READY")
    good(call("POST", "/v2/repository/models/arithmetic/unload", json={}))
    assert_error(infer(call, fp32(1)), 404, 5)
    good(call("POST", "/v2/repository/models/arithmetic/load", json={}))
    good(infer(call, fp32(1)))
