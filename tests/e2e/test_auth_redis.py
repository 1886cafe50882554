"""API keys of a fleet: they stand in a real Redis that is stopped, killed, emptied and lied about."""
import hashlib
import json
import signal
import subprocess
import threading
import time

import pytest

import h1
from harness import POSTERN, eventually, metric
from redis_server import FakeRedis, Redis
from test_auth import config, echo, keys, refused

NAME = "{postern:keys:k}"
LIFE = 1.0              # what a gateway knows of a key is never older


@pytest.fixture
def redis():
    r = Redis()
    yield r
    r.end()


def place(redis):
    return ("--redis", redis.address, "--provider", "k")


def new_key(redis, id, *args):
    made = keys("add", *place(redis), "--id", id, *args)
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()


def settings(address, **more):
    return config({"any_of": [{"api_key": "k", **more.pop("require", {})}]},
                  {"name": "k", "api_keys": {"redis": True, **more.pop("provider", {})}},
                  redis={"address": address, "timeout": more.pop("timeout", "1s")}, **more)


def is_ready(g):
    return h1.call(g.admin, "GET", "/readyz").status == 200


def reasons(g):
    return json.loads(h1.call(g.admin, "GET", "/readyz").body)["reasons"]


@pytest.fixture
def fleet(start, backend, demo_server, redis):
    """fleet(n=2): gateways of two workers before one backend and one Redis."""
    def make(n=2, **more):
        made = [start(demo_server.target, settings(redis.address, **more), args=["--workers", "2"])
                for _ in range(n)]
        for g in made:
            assert eventually(lambda g=g: is_ready(g))
        return made
    return make


def try_all(gateways, key, times=6):
    return {echo(g, ("x-api-key", key)).status for g in gateways for _ in range(times)}


def once(c, key):
    c.send(h1.request("POST", "/v1/echo", json={"text": "x"}, headers=[("x-api-key", key)]))
    return c.response().status


# ---- letting in ----

def test_a_key_lets_in_at_every_gateway_and_tells_who_it_is(fleet, redis, backend):
    gateways = fleet(identity={"id": "x-caller", "tenant": "x-tenant", "scopes": "x-scopes"},
                     require={"scopes": ["infer"]})
    good = new_key(redis, "good", "--tenant", "acme", "--scope", "infer", "--scope", "read", "--role", "r")
    lacks = new_key(redis, "lacks", "--scope", "read")
    assert try_all(gateways, good) == {200}
    seen = backend.calls[-1]
    assert [seen.values(k) for k in ("x-caller", "x-tenant", "x-scopes")] == [["good"], ["acme"], ["infer read"]]
    assert seen.values("x-api-key") == []
    refused(echo(gateways[0], ("x-api-key", lacks)), 403)
    for wrong in (good[:-1], good + "x", "", "x", "a" * 250, "a" * 5000):
        assert refused(echo(gateways[1], ("x-api-key", wrong))) == "the credential is not valid", wrong
    gateways[0].logged(1, lambda x: x.get("caller") == "good")


def test_redis_holds_no_secret(fleet, redis):
    [g] = fleet(n=1)
    good = new_key(redis, "good")
    assert try_all([g], good) == {200}
    everything = redis.ask("HGETALL", NAME) + redis.ask("ZRANGE", NAME + ":ids", "0", "-1")
    assert "good" in everything and "sha256:" in everything and good not in everything
    assert good not in g.log.read_text() + g.stderr() + h1.call(g.admin, "GET", "/metrics").text


def test_a_key_in_use_is_not_asked_for_each_time(fleet, redis):
    [g] = fleet(n=1)
    good = new_key(redis, "good")
    assert try_all([g], good, 300) == {200}
    time.sleep(0.3)                                     # metrics are 0.25 s old
    assert 1 <= metric(g, "postern_auth_questions_total", provider="k") <= 30
    assert metric(g, "postern_auth_questions_under_way", provider="k") == 0
    assert metric(g, "postern_auth_question_failures_total", provider="k") == 0


# ---- revoking ----

def test_a_revoked_key_is_refused_within_a_second_everywhere(fleet, redis):
    gateways = fleet()
    for n in range(3):
        key = new_key(redis, f"n{n}")
        assert try_all(gateways, key) == {200}
        assert keys("revoke", *place(redis), f"n{n}").returncode == 0
        time.sleep(LIFE)
        assert try_all(gateways, key) == {401}


def test_a_key_under_constant_use_is_refused_within_a_second_too(fleet, redis):
    gateways = fleet()
    key, seen, over = new_key(redis, "busy"), [], threading.Event()

    def use(g):
        with h1.Connection(g.port) as c:
            while not over.is_set():
                began = time.monotonic()
                seen.append((began, once(c, key)))
    threads = [threading.Thread(target=use, args=(g,)) for g in gateways for _ in range(4)]
    for t in threads:
        t.start()
    time.sleep(0.6)
    assert keys("revoke", *place(redis), "busy").returncode == 0
    revoked = time.monotonic()
    time.sleep(1.5)
    over.set()
    for t in threads:
        t.join()
    assert {s for at, s in seen if at < revoked - 0.5} == {200}
    assert {s for at, s in seen if at > revoked + LIFE} == {401}


def test_a_new_key_is_known_within_a_second_though_it_was_refused(fleet, redis):
    gateways = fleet()
    key = "a-key-that-somebody-else-has-made"
    assert try_all(gateways, key) == {401}
    digest = hashlib.sha256(key.encode()).hexdigest()
    redis.ask("HSET", NAME, digest, json.dumps({"id": "theirs", "hash": f"sha256:{digest}"}))
    time.sleep(LIFE)
    assert try_all(gateways, key) == {200}


def test_an_expired_key_is_refused_to_the_second(fleet, redis):
    [g] = fleet(n=1)
    until = int(time.time()) + 3
    key = new_key(redis, "short", "--expires", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(until)))
    while time.time() < until - 0.3:
        assert echo(g, ("x-api-key", key)).status == 200
        time.sleep(0.05)
    time.sleep(until + 0.02 - time.time())
    refused(echo(g, ("x-api-key", key)))


# ---- what stands there is hostile ----

def test_something_else_under_the_name_of_the_keys_is_seen(fleet, redis):
    [g] = fleet(n=1)
    key = new_key(redis, "good")
    redis.ask("RENAME", NAME, "aside")
    redis.ask("SET", NAME, "a string")
    assert reasons(g) == []                             # nobody has asked yet
    assert try_all([g], key) == {503}
    assert eventually(lambda: reasons(g) == [
        "auth k: Redis gives no keys: what stands under their name is something else, or may not be read"], 2)
    assert not is_ready(g) and metric(g, "postern_auth_provider_ready", provider="k") == 0
    redis.ask("RENAME", "aside", NAME)
    assert eventually(lambda: try_all([g], key) == {200}, 2)
    assert eventually(lambda: is_ready(g) and reasons(g) == [], 2)


@pytest.mark.parametrize("entry", ["", "{}", "not json", '{"id": "x"}', '{"id": "x", "hash": "sha256:' + "0" * 64 + '"}',
                                   '{"id": "x", "hash": "HASH", "expries": "2020-01-01T00:00:00Z"}', "[1]" * 20000])
def test_an_entry_that_is_no_key_lets_nobody_in(fleet, redis, entry):
    [g] = fleet(n=1)
    good, key = new_key(redis, "good"), "a-key-that-somebody-else-has-made"
    digest = hashlib.sha256(key.encode()).hexdigest()
    redis.ask("HSET", NAME, digest, entry.replace("HASH", "sha256:" + digest))
    assert echo(g, ("x-api-key", key)).status in (401, 503)
    assert eventually(lambda: try_all([g], good) == {200})
    assert "cannot be read" in g.stderr()


def test_a_hash_that_is_none_denies(fleet, redis):
    [g] = fleet(n=1)
    redis.ask("SET", NAME, "x")
    refused(echo(g, ("x-api-key", "a-key-of-more-than-16-bytes")), 503)


@pytest.mark.parametrize("line", [b"+OK\r\n", b":1\r\n", b"$-1\r\n", b"*1\r\n:1\r\n", b"HTTP/1.1 400 Bad\r\n\r\n", None,
                                  b"-LOADING Redis is loading\r\n", b"$40\r\n" + b"a" * 40 + b"\r\n"])
def test_what_is_no_redis_lets_nobody_in(start, demo_server, line):
    fake = FakeRedis(line)
    g = start(demo_server.target, settings(fake.address, timeout="50ms"), args=["--workers", "2"])
    for _ in range(5):
        refused(echo(g, ("x-api-key", "a-key-of-more-than-16-bytes")), 503)
    assert echo(g).status == 401                        # nothing was shown: nobody needs to be asked
    fake.end()


# ---- Redis away ----

def test_away_is_503_after_a_second_never_open_and_over_by_itself(fleet, redis):
    gateways = fleet(timeout="20ms")
    good = new_key(redis, "good")
    entry = redis.ask("HGETALL", NAME)
    assert eventually(lambda: try_all(gateways, good) == {200})
    redis.kill()
    time.sleep(LIFE)
    assert try_all(gateways, good) == {503}
    assert try_all(gateways, "a-key-of-more-than-16-bytes") == {503}
    for g in gateways:
        assert eventually(lambda g=g: "auth k: Redis, where its keys stand, is away" in reasons(g), 2)
        assert metric(g, "postern_auth_provider_ready", provider="k") == 0
        assert eventually(lambda g=g: metric(g, "postern_auth_question_failures_total", provider="k") > 0)
        assert echo(g).status == 401
    redis.start()
    digest, text = entry.split("\r\n")[2], "\r\n".join(entry.split("\r\n")[4:])
    redis.ask("HSET", NAME, digest, text)
    for g in gateways:
        assert eventually(lambda g=g: is_ready(g), 3)
    assert eventually(lambda: try_all(gateways, good) == {200}, 2)


def test_stopped_is_503_after_a_second_and_costs_no_waiting(fleet, redis):
    [g] = fleet(n=1, timeout="20ms")
    good = new_key(redis, "good")
    assert eventually(lambda: try_all([g], good) == {200})
    redis.signal(signal.SIGSTOP)
    time.sleep(LIFE)
    began = time.monotonic()
    assert try_all([g], good, 20) == {503}
    assert time.monotonic() - began < 2
    redis.signal(signal.SIGCONT)
    assert eventually(lambda: try_all([g], good) == {200}, 3)


def test_a_short_absence_is_not_felt_by_keys_in_use(fleet, redis):
    [g] = fleet(n=1, timeout="20ms")
    good = new_key(redis, "good")
    assert eventually(lambda: try_all([g], good, 10) == {200})
    redis.signal(signal.SIGSTOP)
    assert try_all([g], good, 3) == {200}
    redis.signal(signal.SIGCONT)


# ---- floods ----

def test_a_flood_of_unknown_keys_is_bounded_and_pushes_nobody_out(fleet, redis):
    [g] = fleet(n=1)
    good = new_key(redis, "good")
    assert try_all([g], good) == {200}
    statuses, over = [], threading.Event()

    def flood(n):
        with h1.Connection(g.port) as c:
            for i in range(700):
                statuses.append(once(c, f"unknown-key-{n}-{i % 350}"))
    threads = [threading.Thread(target=flood, args=(n,)) for n in range(8)]
    for t in threads:
        t.start()
    while any(t.is_alive() for t in threads):
        assert try_all([g], good, 3) == {200}
    assert set(statuses) <= {401, 503} and statuses.count(401) > 5000
    time.sleep(0.3)
    assert metric(g, "postern_auth_questions_under_way", provider="k") == 0


def test_a_flood_while_redis_is_stopped_is_refused_at_once(fleet, redis):
    [g] = fleet(n=1, timeout="1s")
    redis.signal(signal.SIGSTOP)
    began, answers = time.monotonic(), []

    def one(n):
        answers.append(echo(g, ("x-api-key", f"unknown-key-number-{n}")).status)
    threads = [threading.Thread(target=one, args=(n,)) for n in range(60)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert set(answers) == {503} and time.monotonic() - began < 5
    redis.signal(signal.SIGCONT)


# ---- postern keys ----

def test_keys_are_added_listed_and_revoked(redis):
    for id in ("b", "a", "ab", "team/key", "~x.y"):
        new_key(redis, id, "--tenant", "t-" + id)
    twice = keys("add", *place(redis), "--id", "a")
    assert twice.returncode == 1 and 'there is a key "a" already' in twice.stderr
    assert keys("revoke", *place(redis), "ab").returncode == 0
    assert keys("revoke", *place(redis), "ab").returncode == 0
    lines = keys("list", *place(redis)).stdout.splitlines()[1:]
    assert [l.split("  ")[0] for l in lines] == ["a", "ab", "b", "team/key", "~x.y"]
    assert [l.split()[-1] for l in lines] == ["good", "revoked", "good", "good", "good"]
    again = keys("add", *place(redis), "--id", "ab")
    assert again.returncode == 1                        # an id that was revoked is not given to another
    other = keys("add", "--redis", redis.address, "--provider", "other", "--id", "a")
    assert other.returncode == 0 and keys("list", "--redis", redis.address, "--provider", "other").stdout.count("\n") == 2


def test_many_add_and_revoke_at_once_and_nothing_is_lost(redis):
    made = [subprocess.Popen([POSTERN, "keys", "add", *place(redis), "--id", f"n{n % 10}"], stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL) for n in range(20)]
    assert sorted(p.wait() for p in made) == [0] * 10 + [1] * 10
    gone = [subprocess.Popen([POSTERN, "keys", "revoke", *place(redis), f"n{n % 5}"]) for n in range(10)]
    assert [p.wait() for p in gone] == [0] * 10
    states = [l.split()[-1] for l in keys("list", *place(redis)).stdout.splitlines()[1:]]
    assert states == ["revoked"] * 5 + ["good"] * 5


@pytest.mark.parametrize("args, says", [
    (("--redis", "unix:/nonexistent/socket", "--provider", "k"), "gives no answer"),
    (("--redis", "redis://u:secret@h:1", "--provider", "k"), "--password-file"),
    (("--redis", "redis://h:1/x", "--provider", "k"), "number of a database"),
    (("--redis", "nowhere", "--provider", "k"), "host:port"),
    (("--redis", "h:1"), "PLACE is --file F"),
    (("--redis", "h:1", "--provider", "k", "--file", "f"), "PLACE is --file F"),
    (("--redis", "h:1", "--provider", "k", "--password-file", "/nonexistent"), "No such file"),
])
def test_a_wrong_command_line_is_told(args, says):
    ran = keys("list", *args)
    assert ran.returncode in (1, 2) and says in ran.stderr, ran.stderr


def test_a_password_and_a_database(start, demo_server, redis, tmp_path):
    secret = tmp_path / "password"
    secret.write_text("s3cret-of-redis\n")
    redis.ask("CONFIG", "SET", "requirepass", "s3cret-of-redis")
    args = ("--redis", redis.address, "--provider", "k")
    assert keys("list", *args).returncode == 1
    made = keys("add", *args, "--id", "a", "--password-file", str(secret))
    assert made.returncode == 0, made.stderr
    c = settings(redis.address)
    c["redis"]["password_file"] = str(secret)
    g = start(demo_server.target, c)
    assert eventually(lambda: is_ready(g))
    assert echo(g, ("x-api-key", made.stdout.strip())).status == 200
    assert "s3cret" not in g.stderr() + h1.call(g.admin, "GET", "/config").text


# ---- configuration ----

@pytest.mark.parametrize("change, says", [
    (lambda c: c.pop("redis"), "api_keys.redis: needs Redis, and the configuration names none"),
    (lambda c: c["auth"][0]["api_keys"].update(file="f"), "api_keys.file: stands beside redis: true"),
])
def test_a_wrong_configuration_is_a_load_error(sets, tmp_path, change, says):
    c = settings("h:1")
    change(c)
    (tmp_path / "c.yaml").write_text(json.dumps(c))
    ran = subprocess.run([POSTERN, "--check", "--config", tmp_path / "c.yaml", "--descriptors", sets["demo"],
                          "--upstream", "h:1"], capture_output=True, text=True)
    assert ran.returncode == 1 and says in ran.stderr, ran.stderr


def test_limits_and_keys_share_one_connection_and_reloads_change_nothing(fleet, redis):
    limit = {"limit": [{"name": "n", "rate": "20/h", "key": "caller.key", "shared": True, "algorithm": "FIXED_WINDOW"}]}
    gateways = fleet(policy=limit)
    a, b = new_key(redis, "a"), new_key(redis, "b")
    got = [echo(g, ("x-api-key", k)).status for _ in range(15) for g in gateways for k in (a, b)]
    assert got.count(200) == 40 and got.count(429) == 20
    for g in gateways:
        g.signal(signal.SIGHUP)
    time.sleep(0.5)
    assert try_all(gateways, a) == {429}


def test_a_reload_is_not_felt(fleet, redis):
    [g] = fleet(n=1, timeout="50ms")
    keys_of_theirs = [new_key(redis, f"n{n}") for n in range(5)]
    connects = metric(g, "postern_redis_connects_total")
    seen = []
    with h1.Connection(g.port) as c:
        for n in range(200):
            if n % 40 == 20:
                g.signal(signal.SIGHUP)
            seen.append(once(c, keys_of_theirs[n % 5]))
            time.sleep(0.005)
    assert seen == [200] * 200
    time.sleep(0.3)
    assert metric(g, "postern_redis_connects_total") == connects
