"""Limits of a fleet: two gateways over one real Redis that is stopped, killed and lied about; and a
rate-limit service."""
import signal
import threading
import time

import pytest

import h1
from backend import Backend
from demo import ECHO_STREAM
from harness import REPO, Schema, assert_error, eventually, protoc
from redis_server import FakeRedis, Redis
from test_limits import echo, limit, limited, metric, statuses, storm, stream

AWAY_SECONDS = 2        # tests/all/limits.sh says 30


@pytest.fixture
def redis():
    r = Redis()
    yield r
    r.end()


def shared(rate="100/h", **more):
    return limit("n", rate, shared=True, **more)


@pytest.fixture
def fleet(start, backend, redis):
    """fleet(limit, n=2): gateways before one backend and one Redis. `patience`: where numbers matter
    and not times, a busy machine is no absent Redis."""
    def make(*limits, n=2, selector="demo.v1.Echo.*", patience="1s", **config):
        config = limited(*limits, selector=selector, **config,
                         redis={"address": redis.address, "timeout": patience})
        made = [start(backend.target, config) for _ in range(n)]
        for g in made:
            assert eventually(lambda g=g: metric(g, "postern_redis_workers_up") ==
                              config.get("workers", 1))
        return made
    return make


# ---- exactness ----

@pytest.mark.parametrize("algorithm", ["TOKEN_BUCKET", "FIXED_WINDOW", "SLIDING_WINDOW_LOG",
                                       "SLIDING_WINDOW_COUNTER"])
def test_a_budget_is_exact_across_gateways(fleet, algorithm):
    gateways = fleet(shared(algorithm=algorithm), workers=2)
    assert storm(gateways, 400).count(200) == 100
    assert sum(metric(g, "postern_limit_calls_total", limit="n", outcome="store_away")
               for g in gateways) == 0


@pytest.mark.parametrize("rate, requests, allowed", [("100/h", 400, 100), ("1000/h", 4000, 1000)])
def test_leases_use_up_the_budget_and_no_more(fleet, rate, requests, allowed):
    gateways = fleet(shared(rate, counting="LEASED", algorithm="FIXED_WINDOW"), workers=2)
    got = storm(gateways, requests).count(200)
    assert allowed * 0.99 <= got <= allowed
    time.sleep(0.3)                                     # metrics are 0.25 s old
    assert 0 < sum(metric(g, "postern_redis_calls_total") for g in gateways) < requests / 2


def test_at_once_means_at_once_across_gateways(fleet, backend):
    a, b = fleet(shared("2", algorithm="CONCURRENCY"))
    with h1.Connection(a.port) as c, h1.Connection(b.port) as d:
        for x in (c, d):
            x.send(h1.request("POST", "/v1/sleep", json={"duration": "4s"}))
        assert eventually(lambda: len(backend.calls) == 2)
        assert [echo(g).status for g in (a, b)] == [429, 429]
        c.close()                                       # leaves
        assert eventually(lambda: echo(b).status == 200)
        assert d.response().status == 200
    assert eventually(lambda: statuses(a, 2) == [200, 200])


def test_a_quota_survives_a_restart_of_the_gateway(fleet):
    config = shared("5/day", algorithm="FIXED_WINDOW", calendar="UTC")
    [a] = fleet(config, n=1)
    assert statuses(a, 3) == [200] * 3
    a.stop()
    [b] = fleet(config, n=1)
    assert statuses(b, 3) == [200, 200, 429]


def test_keys_in_redis_tell_nothing(fleet, redis):
    [g] = fleet(shared(key="headers['x-user']"), n=1)
    assert statuses(g, 2, {"X-User": "alice@example.com"}) == [200, 200]
    [key] = redis.keys()
    assert key.startswith("postern:n:") and "alice" not in key


def test_several_limits_of_both_kinds_are_charged_all_or_none(fleet):
    a, b = fleet(limit("here", "4/h"), shared("6/h"), limit("other", "5/h", shared=True))
    assert statuses(a, 6) == [200] * 4 + [429] * 2
    assert statuses(b, 6) == [200] + [429] * 5
    assert echo(b).header("ratelimit").count('"n";r=1;') == 1


def test_a_stream_that_crosses_a_shared_budget_is_cut(fleet, backend):
    a, b = fleet(shared("55/h", cost="size(response.text)"), selector="demo.v1.Echo.EchoStream")
    answer = stream(a, 200)
    assert answer.status == 200 and not answer.clean and '"code":8' in answer.text
    assert 5 <= answer.text.count('"id"') <= 30         # told a round trip later
    assert eventually(lambda: not backend.calls[-1].active())
    assert_error(stream(b, 1), 429, 8)


def test_what_was_put_aside_goes_back_across_gateways(fleet, backend):
    a, b = fleet(shared("100/h", reserve="90", cost="size(response.text)"),
                 selector="demo.v1.Echo.EchoStream")
    for g in (a, b, a):
        assert stream(g, 2, text="1").clean
        time.sleep(0.3)
    assert stream(b, 1, text="1").status == 200


def test_who_leaves_early_pays_what_was_put_aside_across_gateways(fleet, backend):
    a, b = fleet(shared("100/h", reserve="30", cost="size(response.text)"),
                 selector="demo.v1.Echo.EchoStream")
    for g in (a, b, a):
        with h1.Connection(g.port) as c:
            c.send(h1.request("POST", "/v1/echo:stream", json={
                "count": 1000, "intervalMs": 20, "message": {"text": "1"}}))
            c.sock.recv(100)
        time.sleep(0.3)
    assert_error(stream(b, 1, text="1"), 429, 8)


def test_a_redis_of_another_database_is_another_budget(start, backend, redis):
    there = {"address": redis.address, "timeout": "1s"}
    one = start(backend.target, limited(shared("2/h"), redis=there))
    two = start(backend.target, limited(shared("2/h"), redis={**there, "database": 3}))
    assert statuses(one, 3) == [200, 200, 429]
    assert statuses(two, 3) == [200, 200, 429]


# ---- Redis at bad times (R5, R6) ----

def timed(g):
    began = time.monotonic()
    status = echo(g).status
    return status, time.monotonic() - began


def median_ms(times):
    return sorted(times)[len(times) // 2] * 1000


# What one call may take longer than the median on a machine that runs other things too; the bound of
# 25 ms for each is checked by tests/all/limits.sh.
BUSY_MS = 400


def expected(choice, calls, left):
    """What passes while the store is away, of a budget of which so much was left."""
    return {"OPEN": [200] * calls, "LOCAL": [200] * left + [429] * (calls - left),
            "CLOSED": [503] * calls}[choice]


@pytest.mark.parametrize("choice", ["OPEN", "LOCAL", "CLOSED"])
@pytest.mark.parametrize("fault", ["stop", "kill"])
def test_the_choice_holds_while_redis_is_away(fleet, redis, choice, fault):
    [g] = fleet(shared("5/h", when_away=choice, algorithm="FIXED_WINDOW"), n=1, patience="20ms")
    assert statuses(g, 6) == [200] * 5 + [429]
    usual = median_ms([timed(g)[1] for _ in range(20)])
    if fault == "stop":
        redis.signal(signal.SIGSTOP)
    else:
        redis.kill()
    seen = [timed(g) for _ in range(10)]
    assert [s for s, _ in seen] == expected(choice, 10, 0)
    assert median_ms([t for _, t in seen]) <= usual + 25
    assert max(t for _, t in seen) * 1000 <= usual + 25 + BUSY_MS
    time.sleep(AWAY_SECONDS)
    assert timed(g)[0] == expected(choice, 1, 0)[0]
    if fault == "stop":
        redis.signal(signal.SIGCONT)
    else:
        redis.start()
    back = time.monotonic()
    want = 429 if fault == "stop" else 200                      # a killed one has forgotten
    assert eventually(lambda: metric(g, "postern_redis_workers_up") == 1, timeout=3)
    assert eventually(lambda: echo(g).status == want, timeout=3)
    assert time.monotonic() - back <= 1.3 + BUSY_MS / 1000      # metrics are 0.25 s old
    assert metric(g, "postern_limit_calls_total", limit="n", outcome="store_away") >= 10


def test_local_counts_go_on_from_what_redis_has_said(fleet, redis):
    """Neither gateway lets pass more than was left when it last heard of the key."""
    a, b = fleet(shared("10/h", when_away="LOCAL", algorithm="FIXED_WINDOW",
                        key="headers['x-user']"), patience="20ms")
    ann, bob = {"X-User": "ann"}, {"X-User": "bob"}
    assert statuses(a, 4, ann) == [200] * 4
    assert statuses(b, 3, ann) == [200] * 3
    redis.kill()
    assert statuses(a, 9, ann) == [200] * 6 + [429] * 3
    assert statuses(b, 9, ann) == [200] * 3 + [429] * 6
    assert statuses(a, 11, bob) == [200] * 10 + [429]


def test_a_client_that_leaves_while_redis_is_asked_is_not_charged(fleet, redis):
    [g] = fleet(shared("100/h", cost="request.id", algorithm="FIXED_WINDOW"),
                n=1, selector="demo.v1.Echo.Echo")
    assert echo(g, id=1).status == 200
    redis.signal(signal.SIGSTOP)
    for _ in range(3):
        with h1.Connection(g.port) as c:
            c.send(h1.request("POST", "/v1/echo", json={"id": 90}))
            time.sleep(0.1)
    assert eventually(lambda: g.logged(3, lambda x: x["status"] == 499))
    redis.signal(signal.SIGCONT)
    time.sleep(0.2)
    assert echo(g, id=1).header("ratelimit").startswith('"n";r=98;')


@pytest.mark.parametrize("rate, algorithm", [("1", "CONCURRENCY"), ("1/day", "FIXED_WINDOW")])
def test_a_call_refused_in_a_stall_has_cost_nothing(fleet, redis, rate, algorithm):
    [g] = fleet(shared(rate, algorithm=algorithm, when_away="CLOSED"), n=1, patience="50ms")
    redis.signal(signal.SIGSTOP)
    assert echo(g).status == 503
    time.sleep(0.1)
    redis.signal(signal.SIGCONT)
    assert eventually(lambda: echo(g).status == 200, timeout=1)


def ready(g):
    answer = h1.call(g.admin, "GET", "/readyz")
    return answer.status, answer.json["reasons"]


@pytest.mark.parametrize("limits, status, reason", [
    ([shared(when_away="CLOSED")], 503, "redis is away, and limit n is closed without it"),
    ([shared(), limit("m", shared=True, when_away="CLOSED")], 503,
     "redis is away, and limit m is closed without it"),
    ([shared(when_away="LOCAL")], 200, "redis is away; limit n follows its when_away"),
    ([shared(when_away="OPEN", counting="LEASED")], 200,
     "redis is away; limit n follows its when_away"),
    ([shared(when_away="CLOSED", dry_run=True)], 200, "redis is away; limit n follows its when_away"),
    ([limit("here")], 200, None)])
def test_readyz_knows_whether_redis_is_needed(start, backend, redis, limits, status, reason):
    g = start(backend.target, limited(*limits, redis={"address": redis.address}))
    assert eventually(lambda: ready(g) == (200, []))
    redis.kill()
    if reason:
        assert eventually(lambda: ready(g) == (status, [reason]))
    else:
        time.sleep(0.5)
        assert ready(g) == (200, [])
    redis.start()
    assert eventually(lambda: ready(g) == (200, []))


@pytest.mark.parametrize("line", [
    b"-LOADING Redis is loading the dataset in memory\r\n",
    b"-READONLY You can't write against a read only replica.\r\n",
    b"HTTP/1.1 400 Bad Request\r\n\r\n", b"*1000000000\r\n", b"$536870912\r\n" + b"x" * 60000,
    b"\x00\xff\r\n", None])
def test_a_redis_that_talks_nonsense_is_away(start, backend, line):
    fake = FakeRedis(line)
    g = start(backend.target, limited(shared("3/h", when_away="LOCAL"),
                                      redis={"address": fake.address}))
    assert statuses(g, 5) == [200] * 3 + [429] * 2
    time.sleep(1)
    seen = [timed(g) for _ in range(20)]
    assert {s for s, _ in seen} == {429}
    assert median_ms([t for _, t in seen]) < 50
    assert 2 <= fake.accepted <= 40                              # tried again, and not in a rush
    assert g.rss_kib() < 60000
    fake.end()


def test_calls_pass_through_restarts_of_redis(fleet, redis):
    """Nothing is lost, nothing over-admitted while Redis is up, whatever happens to it."""
    gateways = fleet(shared("1000000/h", when_away="CLOSED"), patience="20ms")
    stop, seen = threading.Event(), []

    def client(g):
        with h1.Connection(g.port) as c:
            while not stop.is_set():
                c.send(h1.request("POST", "/v1/echo", json={}))
                seen.append(c.response().status)
    threads = [threading.Thread(target=client, args=(g,)) for g in gateways for _ in range(4)]
    for t in threads:
        t.start()
    for _ in range(3):
        time.sleep(0.3)
        redis.kill()
        time.sleep(0.2)
        redis.start()
        time.sleep(0.6)
    stop.set()
    for t in threads:
        t.join()
    assert set(seen) == {200, 503}, {s: seen.count(s) for s in set(seen)}
    assert eventually(lambda: [echo(g).status for g in gateways] == [200, 200])


# ---- a rate-limit service ----

SHOULD = "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit"


class Service:
    """The least a rate-limit service does: counts {key, value} up to 3."""

    def __init__(self, schema):
        self.asked, self.used, self.delay = [], {}, 0
        self.backend = Backend(schema, {SHOULD: self.should})
        self.target = self.backend.target

    def should(self, call):
        r, answer = call.request, call.output()
        self.asked.append(r)
        time.sleep(self.delay)
        for d in r.descriptors:
            [entry] = d.entries
            cost = d.hits_addend.value if d.HasField("hits_addend") else r.hits_addend or 1
            key = (entry.key, entry.value)
            self.used[key] = self.used.get(key, 0) + cost
            over = self.used[key] > 3
            answer.statuses.add(code=2 if over else 1,
                                limit_remaining=max(0, 3 - self.used[key])
                                ).duration_until_reset.seconds = 77
        answer.overall_code = 2 if any(s.code == 2 for s in answer.statuses) else 1
        return answer


@pytest.fixture(scope="module")
def service_schema(tmp_path_factory):
    out = tmp_path_factory.mktemp("rls") / "rls.pb"
    return Schema(protoc(out, REPO / "proto/envoy/service/ratelimit/v3/rls.proto"))


@pytest.fixture
def service(service_schema):
    s = Service(service_schema)
    yield s
    s.backend.stop()


def served(service, *limits, **more):
    return limited(*limits, rate_limit_service={"upstream": service.target, "domain": "inference",
                                                **{"timeout": "1s", **more}})


def test_a_rate_limit_service_decides(start, backend, service):
    g = start(backend.target, served(service, shared("3/h", counting="SERVICE",
                                                     key="headers['x-user']")))
    answers = [echo(g, {"X-User": "ann"}) for _ in range(5)]
    assert [a.status for a in answers] == [200] * 3 + [429] * 2
    assert answers[0].header("ratelimit") == '"n";r=2;t=77'
    assert answers[4].header("retry-after") == "77"
    assert echo(g, {"X-User": "bob"}).status == 200
    asked = service.asked[0]
    assert asked.domain == "inference"
    assert [(e.key, e.value) for e in asked.descriptors[0].entries] == [("n", "ann")]


def test_a_rate_limit_service_is_told_the_cost(start, backend, service):
    config = served(service, shared("3/h", counting="SERVICE", cost="request.count"))
    config["overrides"][0]["selector"] = ECHO_STREAM[1:].replace("/", ".")
    g = start(backend.target, config)
    assert [stream(g, n).status for n in (2, 2)] == [200, 429]
    assert service.used == {("n", "n"): 4}


@pytest.mark.parametrize("choice", ["OPEN", "LOCAL", "CLOSED"])
@pytest.mark.parametrize("fault", ["slow", "gone"])
def test_the_choice_holds_while_the_service_is_away(start, backend, service, choice, fault):
    g = start(backend.target, served(service, shared("5/h", counting="SERVICE", when_away=choice),
                                     timeout="100ms"))
    assert eventually(lambda: h1.call(g.admin, "GET", "/readyz").status == 200)
    assert echo(g).status == 200
    if fault == "slow":
        service.delay = 0.3
    else:
        service.backend.stop()
    seen = [timed(g) for _ in range(10)]
    assert [s for s, _ in seen] == expected(choice, 10, 4)
    assert median_ms([t for _, t in seen[1:]]) < 150
    if fault == "gone":
        assert eventually(lambda: ready(g)[0] == (503 if choice == "CLOSED" else 200) and ready(g)[1])
