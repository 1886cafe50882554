"""Envoy's reference rate-limit service decides, and Redis stalls for long."""
import os
import signal
import time

import pytest

from demo import ECHO_STREAM
from harness import Process, eventually, free_port
from redis_server import Redis
from test_limits import echo, limit, limited, metric, statuses, stream

RULES = """
domain: inference
descriptors:
  - key: per-user
    rate_limit: {unit: hour, requests_per_unit: 3}
  - key: tokens
    rate_limit: {unit: hour, requests_per_unit: 10}
"""


@pytest.fixture
def redis():
    r = Redis()
    yield r
    r.end()


@pytest.fixture
def service(tmp_path, redis):
    rules = tmp_path / "runtime/ratelimit/config"
    rules.mkdir(parents=True)
    (rules / "rules.yaml").write_text(RULES)
    port = free_port()
    p = Process([os.environ["RATELIMIT"]], tmp_path, {
        "RUNTIME_ROOT": str(tmp_path / "runtime"), "RUNTIME_SUBDIRECTORY": "ratelimit",
        "RUNTIME_WATCH_ROOT": "false", "USE_STATSD": "false", "BACKEND_TYPE": "redis",
        "REDIS_SOCKET_TYPE": "unix", "REDIS_URL": redis.path, "HOST": "127.0.0.1",
        "GRPC_HOST": "127.0.0.1", "GRPC_PORT": str(port), "PORT": str(free_port()),
        "DEBUG_HOST": "127.0.0.1", "DEBUG_PORT": str(free_port()), "LOG_LEVEL": "warn"})
    p.await_port(port)
    p.target = f"127.0.0.1:{port}"
    yield p
    p.kill()


def served(service, *limits, selector="demo.v1.Echo.*"):
    return limited(*limits, selector=selector, rate_limit_service={
        "upstream": service.target, "domain": "inference", "timeout": "500ms"})


def test_it_counts_by_key(start, backend, service):
    g = start(backend.target, served(service, limit("per-user", "3/h", shared=True,
                                                    counting="SERVICE", when_away="CLOSED",
                                                    key="headers['x-user']")))
    assert statuses(g, 5, {"X-User": "ann"}) == [200] * 3 + [429] * 2
    assert statuses(g, 1, {"X-User": "bob"}) == [200]
    refused = echo(g, {"X-User": "ann"})
    assert 1 <= int(refused.header("retry-after")) <= 3600
    assert refused.header("ratelimit").startswith('"per-user";r=0;t=')


def test_it_is_told_the_cost(start, backend, service):
    g = start(backend.target, served(service, limit("tokens", "10/h", shared=True,
                                                    counting="SERVICE", when_away="CLOSED",
                                                    cost="request.count"),
                                     selector=ECHO_STREAM[1:].replace("/", ".")))
    assert [stream(g, n).status for n in (6, 3, 2)] == [200, 200, 429]


def test_what_it_has_no_rule_for_passes(start, backend, service):
    g = start(backend.target, served(service, limit("unknown", "1/h", shared=True,
                                                    counting="SERVICE", when_away="CLOSED")))
    assert statuses(g, 3) == [200] * 3


@pytest.mark.parametrize("choice, passed", [("OPEN", 200), ("LOCAL", 429), ("CLOSED", 503)])
def test_a_long_stall_of_redis(start, backend, redis, choice, passed):
    g = start(backend.target, limited(limit("n", "5/h", shared=True, when_away=choice,
                                            algorithm="FIXED_WINDOW"),
                                      redis={"address": redis.address}))
    assert statuses(g, 6) == [200] * 5 + [429]
    usual = sorted(timed(g)[1] for _ in range(20))[10]
    redis.signal(signal.SIGSTOP)
    statuses(g, 5)
    end, seen = time.monotonic() + float(os.environ["AWAY_SECONDS"]), []
    while time.monotonic() < end:
        seen.append(timed(g))
        time.sleep(0.05)
    assert {status for status, _ in seen} == {passed}
    times = sorted(took for _, took in seen)
    assert times[len(times) * 95 // 100] <= usual + 0.025       # the rest is what a busy machine does
    redis.signal(signal.SIGCONT)
    back = time.monotonic()
    if choice == "LOCAL":
        assert eventually(lambda: metric(g, "postern_redis_workers_up") == 1, timeout=2)
    else:
        assert eventually(lambda: echo(g).status == 429, timeout=2)
    assert time.monotonic() - back <= 1.3


def timed(g):
    began = time.monotonic()
    status = echo(g).status
    return status, time.monotonic() - began
