"""--reflect on the reflection service that Python's users have."""
import os
import pathlib
import signal

import pytest

import h1
from harness import Gateway, Process, eventually, free_port, protoc

SERVER = pathlib.Path(__file__).parent / "reflection_server.py"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("server")
    pb = protoc(folder / "echo.pb", "demo/v1/echo.proto")
    port = free_port()
    p = Process([os.environ["PYPI_PYTHON"], SERVER, pb, port], folder)
    p.await_port(port)
    p.target = f"127.0.0.1:{port}"
    yield p
    p.kill()


@pytest.fixture
def gateway(server, tmp_path):
    g = Gateway(tmp_path / "gateway", upstream=server.target, args=["--reflect"])
    yield g
    g.stop()


def test_calls_follow_the_rules_that_the_server_told(gateway):
    answer = h1.call(gateway.port, "POST", "/v1/echo", json={"text": "hi", "id": 7})
    assert answer.status == 200 and answer.json == {"text": "hi", "id": "7"}, answer
    assert h1.call(gateway.port, "GET", "/v1/echo/nowhere").status == 404


def test_the_server_has_nothing_to_complain_about(gateway, server):
    gateway.signal(signal.SIGHUP)
    assert eventually(lambda: "configuration 2 is in force" in gateway.stderr()), gateway.stderr()
    assert server.stderr() == ""
