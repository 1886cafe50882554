"""gRPC core as the channel to what a control plane names: LDS, RDS, CDS and EDS over one ADS stream."""
import json
import os
import subprocess

import pytest

import demo
import h1
from backend import Backend
from demo import ECHO
from harness import Gateway, Schema, assert_error, eventually, free_port, protoc


class ControlPlane:
    """Serves one target, `echo`, whose endpoints each announce() replaces."""

    def __init__(self, folder):
        self.address = f"127.0.0.1:{free_port()}"
        self.child = subprocess.Popen([os.environ["XDS_CONTROL_PLANE"], self.address, "echo"], text=True,
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      stderr=open(folder / "control-plane.log", "wb"))

    def announce(self, *targets):
        self.child.stdin.write(" ".join(targets) + "\n")
        self.child.stdin.flush()
        assert self.child.stdout.readline().strip().isdigit()

    def stop(self):
        self.child.kill()
        self.child.wait()


@pytest.fixture(scope="module")
def schema(tmp_path_factory):
    return protoc(tmp_path_factory.mktemp("set") / "demo.pb", "demo/v1/echo.proto", "demo/v1/text_generation.proto",
                  "google/rpc/status.proto")


@pytest.fixture(scope="module")
def servers(schema):
    all_ = [Backend(Schema(schema), demo.SERVICES) for _ in range(2)]
    yield all_
    for b in all_:
        b.stop()


@pytest.fixture
def control(tmp_path):
    c = ControlPlane(tmp_path)
    yield c
    c.stop()


@pytest.fixture
def gateway(schema, control, tmp_path, servers):
    """A gateway that knows its servers by name only."""
    for b in servers:
        b.reset()
    bootstrap = tmp_path / "bootstrap.json"
    bootstrap.write_text(json.dumps({
        "xds_servers": [{"server_uri": control.address, "channel_creds": [{"type": "insecure"}],
                         "server_features": ["xds_v3"]}],
        "node": {"id": "postern"}}))
    config = {"upstream": "models",
              "clusters": [{"name": "models", "target": "xds:///echo", "transport": "GRPC_CORE"}]}
    g = Gateway(tmp_path / "gateway", schema, config=config,
                env={"GRPC_XDS_BOOTSTRAP": str(bootstrap)})
    yield g
    g.stop()


def echo(gateway, text="x", timeout="20S"):
    return h1.call(gateway.port, "POST", "/v1/echo", json={"text": text}, headers={"Grpc-Timeout": timeout})


def got(server):
    return sum(c.method == ECHO for c in server.calls)


def test_calls_go_to_all_endpoints_that_are_announced(gateway, control, servers):
    control.announce(*(b.target for b in servers))
    answers = [echo(gateway, f"text {i}") for i in range(40)]
    assert [(a.status, a.json) for a in answers] == [(200, {"text": f"text {i}"}) for i in range(40)]
    assert eventually(lambda: all(echo(gateway).status == 200 and got(b) >= 10 for b in servers))


def test_a_stream_and_a_deadline(gateway, control, servers):
    control.announce(servers[0].target)
    assert echo(gateway).status == 200
    answer = h1.call(gateway.port, "POST", "/v1/models/tiny:streamGenerate",
                     json={"prompt": "a b", "maxTokens": 3}, headers={"Accept": "application/x-ndjson"})
    assert answer.status == 200 and len(answer.body.splitlines()) == 3, answer
    servers[0].does[ECHO] = lambda call: call.ended.wait(5)
    assert_error(echo(gateway, timeout="200m"), 504, 4)


def test_endpoints_that_move_are_followed_without_a_failed_call(gateway, control, servers):
    first, second = servers
    control.announce(first.target)
    assert echo(gateway).status == 200 and got(first) == 1 and got(second) == 0
    control.announce(second.target)
    assert eventually(lambda: echo(gateway).status == 200 and got(second))
    moved = got(first)
    assert [echo(gateway).status for _ in range(10)] == [200] * 10
    assert got(first) == moved


def test_a_target_that_the_control_plane_takes_away_is_503_until_it_is_back(gateway, control, servers):
    control.announce(servers[0].target)
    assert echo(gateway).status == 200
    control.announce()
    assert eventually(lambda: echo(gateway, timeout="1S").status == 503)
    control.announce(servers[0].target)
    assert eventually(lambda: echo(gateway).status == 200)
