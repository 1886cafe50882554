"""Rate limits and quotas of one gateway: what passes, what is told, what goes back."""
import ctypes
import json
import mmap
import re
import signal
import subprocess
import threading
import time

import pytest

import h1
from backend import Backend
from demo import ECHO, ECHO_STREAM

from harness import assert_error, eventually, metric, protoc, IN_SANITIZER, POSTERN, Schema
from test_auth import new_key

HOUR = 3600


def limited(*limits, selector="demo.v1.Echo.*", **config):
    """A configuration with these limits on the demo's Echo."""
    return {"overrides": [{"selector": selector, "policy": {"limit": list(limits)}}], **config}


def limit(name="n", rate="5/h", **more):
    return {"name": name, "rate": rate, **more}


def echo(g, headers=(), **message):
    return h1.call(g.port, "POST", "/v1/echo", json=message, headers=headers)


def statuses(g, n, headers=(), **message):
    return [echo(g, headers, **message).status for _ in range(n)]


def storm(gateways, requests, connections=64, headers=lambda i: {}):
    """All requests at once over so many connections; returns the statuses."""
    found, lock = [], threading.Lock()

    def client(n):
        g, mine = gateways[n % len(gateways)], []
        with h1.Connection(g.port) as c:
            for i in range(n, requests, connections):
                c.send(h1.request("POST", "/v1/echo", json={}, headers=headers(i)))
                mine.append(c.response().status)
        with lock:
            found.extend(mine)
    threads = [threading.Thread(target=client, args=(n,)) for n in range(connections)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(found) == requests and set(found) <= {200, 429}, set(found)
    return found


# ---- what a refused client is told (R8) ----

def test_a_refusal_says_why_and_when(start, backend):
    g = start(backend.target, limited(limit("per-minute", "3/min", algorithm="FIXED_WINDOW")))
    answers = [echo(g) for _ in range(5)]
    assert [a.status for a in answers] == [200, 200, 200, 429, 429]
    assert [a.header("ratelimit-policy") for a in answers] == ['"per-minute";q=3;w=60'] * 5
    assert [re.sub("t=.*", "t", a.header("ratelimit")) for a in answers] == [
        f'"per-minute";r={r};t' for r in (2, 1, 0, 0, 0)]
    wait = int(answers[4].header("retry-after"))
    assert 55 <= wait <= 60
    message = assert_error(answers[4], 429, 8)
    assert message == f'limit "per-minute" is reached; try again in {wait} s'
    assert [a.header("retry-after") for a in answers[:3]] == [None] * 3
    assert len(backend.calls) == 3
    assert g.logged(2, lambda x: x["status"] == 429)


def test_after_the_wait_the_call_passes(start, backend):
    g = start(backend.target, limited(limit(rate="2/s", algorithm="FIXED_WINDOW")))
    assert statuses(g, 3) == [200, 200, 429]
    time.sleep(1.05)
    assert statuses(g, 3) == [200, 200, 429]


@pytest.mark.parametrize("fields, names", [
    ("RATELIMIT", {"ratelimit", "ratelimit-policy"}),
    ("X_RATELIMIT", {"x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"}),
    ("BOTH", {"ratelimit", "ratelimit-policy", "x-ratelimit-limit", "x-ratelimit-remaining",
              "x-ratelimit-reset"}),
    ("NONE", set())])
def test_the_fields_of_answers_are_a_choice(start, backend, fields, names):
    g = start(backend.target, limited(limit(), limit("secret", "1/h", hidden=True),
                                      limits={"fields": fields}))
    for answer in (echo(g), echo(g)):
        told = {k for k, _ in answer.headers if "ratelimit" in k}
        assert told == names
        assert "secret" not in str(answer.headers)
    assert echo(g).header("retry-after")


# ---- exactness ----

@pytest.mark.parametrize("algorithm", ["TOKEN_BUCKET", "FIXED_WINDOW", "SLIDING_WINDOW_LOG",
                                       "SLIDING_WINDOW_COUNTER"])
def test_a_budget_is_exact_across_workers(start, backend, algorithm):
    g = start(backend.target, limited(limit(rate="100/h", algorithm=algorithm), workers=2))
    assert storm([g], 400).count(200) == 100
    assert metric(g, "postern_limit_calls_total", limit="n", outcome="allowed") == 100
    assert metric(g, "postern_limit_calls_total", limit="n", outcome="refused") == 300


def test_at_once_means_at_once(start, backend):
    g = start(backend.target, limited(limit(rate="3", algorithm="CONCURRENCY"), workers=2))
    slow = [h1.Connection(g.port) for _ in range(3)]
    for c in slow:
        c.send(h1.request("POST", "/v1/sleep", json={"duration": "4s"}))
    assert eventually(lambda: len(backend.calls) == 3)
    refused = echo(g)
    assert_error(refused, 429, 8)
    assert refused.header("ratelimit-policy") == '"n";q=3;qu="concurrent-requests"'
    slow[0].close()                                      # a client that leaves leaves its place
    assert eventually(lambda: echo(g).status == 200, timeout=2)
    for c in slow[1:]:
        assert c.response().status == 200
        c.close()
    assert statuses(g, 5) == [200] * 5
    assert storm([g], 200).count(200) > 0
    assert statuses(g, 1) == [200]


# ---- keys ----

def test_each_key_has_a_budget_of_its_own(start, backend):
    g = start(backend.target, limited(limit(rate="2/h", key="headers['x-user']")))
    assert statuses(g, 3, {"X-User": "ann"}) == [200, 200, 429]
    assert statuses(g, 3, {"x-user": "bob"}) == [200, 200, 429]
    assert_error(echo(g), 403, 7)
    assert_error(echo(g, {"X-User": ""}), 403, 7)
    assert len(backend.calls) == 4


def test_the_caller_may_be_the_key(start, backend, tmp_path):
    keys = tmp_path / "keys.json"
    ann, bob = new_key(keys, "ann", "--tenant", "acme"), new_key(keys, "bob", "--tenant", "acme")
    config = limited(limit("own", "3/h", key="caller.key"), limit("all", "5/h", key="caller.tenant"))
    config["overrides"][0]["policy"]["auth"] = {"any_of": [{"api_key": "k"}]}
    g = start(backend.target, {**config, "auth": [{"name": "k", "api_keys": {"file": str(keys)}}]})
    assert statuses(g, 1) == [401]                              # not charged to anybody
    assert statuses(g, 4, {"X-Api-Key": ann}) == [200] * 3 + [429]
    assert statuses(g, 3, {"X-Api-Key": bob}) == [200, 200, 429]


def test_calls_without_a_key_may_share_one(start, backend):
    g = start(backend.target, limited(limit(rate="2/h", key="headers['x-user']",
                                            default_key="nobody")))
    assert statuses(g, 3) == [200, 200, 429]
    assert statuses(g, 2, {"X-User": "nobody"}) == [429, 429]
    assert statuses(g, 1, {"X-User": "ann"}) == [200]


def test_a_field_of_the_message_may_be_the_key(start, backend):
    g = start(backend.target, limited(limit(rate="1/h", key="request.text"),
                                      selector="demo.v1.Echo.Echo"))
    assert statuses(g, 2, text="a") == [200, 429]
    assert statuses(g, 2, text="b") == [200, 429]


def test_forged_addresses_change_nothing(start, backend):
    """R1"""
    g = start(backend.target, limited(limit(rate="2/h", key="source.ip")))
    assert [echo(g, {"X-Forwarded-For": f"1.1.1.{i}"}).status for i in range(4)] == [
        200, 200, 429, 429]


def test_behind_a_trusted_proxy_the_client_counts(start, backend):
    """R1, R2: one network of IPv6 is one client."""
    g = start(backend.target, limited(limit(rate="2/h", key="cidr(source.ip, 64)"),
                                      trusted_proxies=["127.0.0.0/8"]))

    def ask(forwarded):
        return echo(g, {"X-Forwarded-For": forwarded}).status
    assert [ask(f"6.6.6.6, 198.51.100.{i % 2}") for i in range(6)] == [200] * 4 + [429] * 2
    assert [ask(f"2001:db8:0:1::{i}") for i in range(1, 4)] == [200, 200, 429]
    assert ask("2001:db8:0:2::1") == 200


def test_spellings_of_a_path_are_one_rpc(start, backend):
    """R3"""
    g = start(backend.target, limited(limit(rate="2/h")))
    targets = ["/v1/echo", "/v1/%65cho", "/v1/echo?", "/demo.v1.Echo/Echo", "/v1/ech%6F"]
    got = [h1.call(g.port, "POST", t, json={}).status for t in targets]
    assert [s for s in got if s != 404][:2] == [200, 200]
    assert set(got[2:]) <= {429, 404}


def test_a_flood_of_keys_leaves_the_busy_ones(start, backend):
    """R7"""
    g = start(backend.target, limited(limit(rate="20/h", key="headers['x-user']"),
                                      limits={"keys": 1000}))
    assert statuses(g, 21, {"X-User": "busy"}) == [200] * 20 + [429]
    storm([g], 5000, headers=lambda i: {"X-User": f"flood{i}"})
    assert statuses(g, 1, {"X-User": "busy"}) == [429]
    assert metric(g, "postern_limit_keys") < 3500       # small tables have more slack


# ---- several limits ----

def test_several_limits_are_charged_all_or_none(start, backend):
    g = start(backend.target, limited(limit("wide", "10/h"),
                                      limit("narrow", "2/h", key="headers['x-user']"),
                                      limit("message", "5/h", key="request.text"),
                                      selector="demo.v1.Echo.Echo"))
    assert statuses(g, 4, {"X-User": "a"}, text="t") == [200, 200, 429, 429]
    assert statuses(g, 4, {"X-User": "b"}, text="t") == [200, 200, 429, 429]
    assert statuses(g, 3, {"X-User": "c"}, text="t") == [200, 429, 429]
    assert statuses(g, 3, {"X-User": "d"}, text="u") == [200, 200, 429]
    answer = echo(g, {"X-User": "e"}, text="u")
    assert re.sub(";t=[0-9]+", "", answer.header("ratelimit")) == \
        '"wide";r=2, "narrow";r=1, "message";r=2'


def test_a_limit_is_one_budget_for_all_below_it(start, backend):
    g = start(backend.target, limited(limit(rate="2/h")))
    got = [h1.call(g.port, "POST", t, json={}).status for t in
           ("/v1/echo", "/v1/fail", "/v1/echo", "/v1/fail")]
    assert got == [200, 200, 429, 429]


# ---- before the body ----

def test_a_refused_upload_is_not_swallowed(start, backend):
    g = start(backend.target, limited(limit(rate="1/h")))
    assert statuses(g, 1) == [200]
    with h1.Connection(g.port) as c:
        c.send(b"POST /v1/echo HTTP/1.1\r\nHost: g\r\nContent-Type: application/json\r\n"
               b"Content-Length: 50000000\r\nExpect: 100-continue\r\n\r\n")
        answer = c.response()
        assert answer.status == 429 and answer.interim == []
    with h1.Connection(g.port) as c:
        c.send(b"POST /v1/echo HTTP/1.1\r\nHost: g\r\nContent-Type: application/json\r\n"
               b"Content-Length: 50000000\r\n\r\n")
        try:
            for _ in range(50):
                c.send(b" " * 1000000)
        except OSError:
            pass                            # closed long before all was sent
        line = g.logged(1, lambda x: x["status"] == 429)[-1]
        assert line["bytes_in"] < 5000000


# ---- costs ----

def stream(g, count, text="0123456789", accept="application/x-ndjson", timeout=10):
    with h1.Connection(g.port, timeout=timeout) as c:
        c.send(h1.request("POST", "/v1/echo:stream", headers={"Accept": accept},
                          json={"count": count, "intervalMs": 5, "message": {"text": text}}))
        return c.response()


def test_a_field_of_the_request_is_the_cost(start, backend):
    g = start(backend.target, limited(limit(rate="10/h", cost="request.count"),
                                      selector="demo.v1.Echo.EchoStream"))
    assert [stream(g, n).status for n in (4, 7, 6, 1)] == [200, 429, 200, 429]
    never = stream(g, 11)
    assert_error(never, 429, 8)
    assert never.header("retry-after") is None
    assert "never" in never.json["message"]


@pytest.mark.parametrize("accept", ["application/x-ndjson", "text/event-stream",
                                    "application/json"])
def test_a_stream_that_crosses_its_budget_is_cut(start, backend, accept):
    g = start(backend.target, limited(limit(rate="45/h", cost="size(response.text)"),
                                      selector="demo.v1.Echo.EchoStream"))
    answer = stream(g, 100, accept=accept)
    assert answer.status == 200 and not answer.clean
    assert answer.text.count('"id"') == 4
    assert '"code":8' in answer.text and "used up" in answer.text
    call = backend.calls[-1]
    assert eventually(call.ended.is_set) and eventually(lambda: not call.active())
    assert_error(stream(g, 1), 429, 8)                      # and it owes the fifth


def test_what_was_put_aside_and_not_spent_goes_back(start, backend):
    g = start(backend.target, limited(limit(rate="100/h", reserve="90",
                                            cost="size(response.text)"),
                                      selector="demo.v1.Echo.Echo"))
    assert statuses(g, 5, text="12345") == [200] * 3 + [429] * 2     # 85 are left: less than 90
    assert echo(g, text="x").header("ratelimit").startswith('"n";r=85;')


def test_a_call_that_fails_gives_back_what_was_put_aside(start, backend):
    g = start(backend.target, limited(limit(rate="100/h", reserve="90",
                                            cost="size(response.text)"),
                                      selector="demo.v1.Echo.Echo"))
    backend.does[ECHO] = lambda call: call.fail(14, "away")
    assert statuses(g, 5) == [503] * 5


def test_a_client_that_leaves_pays_what_was_put_aside(start, backend):
    g = start(backend.target, limited(limit(rate="100/h", reserve="30",
                                            cost="size(response.text)"),
                                      selector="demo.v1.Echo.EchoStream"))
    for _ in range(3):
        with h1.Connection(g.port) as c:
            c.send(h1.request("POST", "/v1/echo:stream", json={
                "count": 1000, "intervalMs": 20, "message": {"text": "1"}}))
            c.sock.recv(100)
        assert eventually(lambda: not backend.calls[-1].active())
    assert_error(stream(g, 1, text="1"), 429, 8)


def test_a_client_that_leaves_before_a_single_answer_pays_too(start, backend):
    g = start(backend.target, limited(limit(rate="100/h", reserve="40",
                                            cost="size(response.text)"),
                                      selector="demo.v1.Echo.Echo"))
    backend.does[ECHO] = lambda call: call.ended.wait(5) and call.output(text="x")
    for _ in range(2):
        with h1.Connection(g.port) as c:
            n = len(backend.calls)
            c.send(h1.request("POST", "/v1/echo", json={"text": "1"}))
            assert eventually(lambda: len(backend.calls) > n)
        assert eventually(lambda: not backend.calls[-1].active())
    assert_error(echo(g), 429, 8)


def test_each_message_of_a_clients_stream_is_charged(start, backend):
    g = start(backend.target, limited(limit(rate="100/h", cost="request.text.size()"),
                                      selector="demo.v1.TextGeneration.Summarize"))
    def summarize(n):
        texts = [{"model": "m", "text": "a"}] + [{"text": "x" * 10}] * n
        return h1.call(g.port, "POST", "/v1/models/m:summarize", json=texts)
    assert summarize(4).status == 200                           # 41
    assert_error(summarize(20), 429, 8)
    assert eventually(lambda: not backend.calls[-1].active())
    assert_error(summarize(0), 429, 8)


def test_a_total_counts_once(start, backend):
    def totals(call):
        for i in range(5):
            yield call.output(text="x" * (i + 1))
    backend.does[ECHO_STREAM] = totals
    g = start(backend.target, limited(limit(rate="7/h", cost="size(response.text)",
                                            cost_is_total=True),
                                      selector="demo.v1.Echo.EchoStream"))
    assert stream(g, 5).clean                                   # 5, where the sum is 15
    assert stream(g, 5).header("ratelimit").startswith('"n";r=1;')


def test_each_message_has_a_cost_of_its_own(start, backend):
    def growing(call):
        for i in range(1, 9):
            yield call.output(id=i, text="x" * 10 * i)
    backend.does[ECHO_STREAM] = growing
    g = start(backend.target, limited(limit(rate="45/h", cost="size(response.text)"),
                                      selector="demo.v1.Echo.EchoStream"))
    answer = stream(g, 8)
    assert not answer.clean and answer.text.count('"id"') == 2   # 10 and 20, not 30 more


# ---- dry run, reload ----

def test_a_dry_run_only_counts(start, backend):
    g = start(backend.target, limited(limit("trial", "2/h", dry_run=True), limit("real", "4/h")))
    assert statuses(g, 6) == [200] * 4 + [429] * 2
    assert metric(g, "postern_limit_calls_total", limit="trial", outcome="would_refuse") >= 2
    assert metric(g, "postern_limit_calls_total", limit="trial", outcome="refused") == 0
    assert echo(g).header("ratelimit").startswith('"real"')


def test_a_reload_keeps_what_was_counted(start, backend):
    config = limited(limit(rate="5/h", algorithm="FIXED_WINDOW"))
    g = start(backend.target, config)
    assert statuses(g, 6) == [200] * 5 + [429]
    for rate, more in (("5/h", 0), ("8/h", 3)):
        config["overrides"][0]["policy"]["limit"][0]["rate"] = rate
        before = g.stderr().count("is in force")
        g.write_config(config)
        g.signal(signal.SIGHUP)
        assert eventually(lambda: g.stderr().count("is in force") > before)
        time.sleep(0.2)
        assert statuses(g, more + 1) == [200] * more + [429]


# ---- clocks (R4) ----

SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
static volatile long *shift;
int clock_gettime(clockid_t id, struct timespec *t)
{
    static int (*real)(clockid_t, struct timespec *);
    if (!real) {
        real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
        int fd = open(getenv("SHIFT_FILE"), O_RDONLY);
        shift = mmap(0, 8, PROT_READ, MAP_SHARED, fd, 0);
    }
    int result = real(id, t);
    if (id == CLOCK_REALTIME)
        t->tv_sec += *shift;
    return result;
}
"""


@pytest.mark.skipif(IN_SANITIZER, reason="a sanitizer wants to be loaded first")
@pytest.mark.parametrize("more", [{}, {"algorithm": "FIXED_WINDOW"},
                                  {"algorithm": "FIXED_WINDOW", "calendar": "UTC"},
                                  {"algorithm": "SLIDING_WINDOW_LOG"},
                                  {"algorithm": "SLIDING_WINDOW_COUNTER"}])
def test_steps_of_the_clock_change_nothing(start, backend, tmp_path, more):
    (tmp_path / "shim.c").write_text(SHIM)
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", tmp_path / "shim.so", tmp_path / "shim.c",
                    "-ldl"], check=True)
    (tmp_path / "shift").write_bytes(bytes(8))
    g = start(backend.target, limited(limit(rate="5/day", **more)),
              env={"LD_PRELOAD": str(tmp_path / "shim.so"),
                   "SHIFT_FILE": str(tmp_path / "shift")})
    assert statuses(g, 6) == [200] * 5 + [429]
    with open(tmp_path / "shift", "r+b") as f, mmap.mmap(f.fileno(), 8) as shift:
        for step in (HOUR, -HOUR, 30 * HOUR, -30 * HOUR, 0):
            shift[:] = bytes(ctypes.c_long(step))
            assert statuses(g, 2) == [429, 429], step


# ---- what is refused at load ----

MISTAKES = [
    (dict(rate="100"), "limit[0].rate", "has no window"),
    (dict(rate="0/s"), "limit[0].rate", "allows nothing"),
    (dict(rate="fast"), "limit[0].rate", "is no rate"),
    (dict(name="Bad Name"), "limit[0].name", "no name of a limit"),
    (dict(key=""), "limit[0].key", "is empty"),
    (dict(key="''"), "limit[0].key", "always empty"),
    (dict(key="' '.trim()"), "limit[0].key", "always empty"),
    (dict(cost="-1"), "limit[0].cost", "0 or more"),
    (dict(cost="size(response.text)", reserve="-5"), "limit[0].reserve", "0 or more"),
    (dict(key="request"), "limit[0].key", "is of type"),
    (dict(key="request.txt"), "limit[0].key", "txt"),
    (dict(key="response.text"), "limit[0].key", "response"),
    (dict(cost="request.text"), "limit[0].cost", "whole number"),
    (dict(cost="1.5"), "limit[0].cost", "whole number"),
    (dict(cost="request.id", reserve="5"), "limit[0].reserve", "known in time"),
    (dict(rate="10001/min", algorithm="SLIDING_WINDOW_LOG"), "limit[0].rate", "at most 10000"),
    (dict(rate="5/month"), "limit[0].calendar", "is missing"),
    (dict(calendar="UTC"), "limit[0].calendar", "FIXED_WINDOW"),
    (dict(algorithm="FIXED_WINDOW", calendar="CET"), "limit[0].calendar", "no offset"),
    (dict(algorithm="FIXED_WINDOW", burst=7), "limit[0].burst", "TOKEN_BUCKET"),
    (dict(algorithm="CONCURRENCY"), "limit[0].rate", "at once"),
    (dict(shared=True), "limit[0].shared", "needs Redis"),
    (dict(counting="LEASED"), "limit[0].counting", "shared: true"),
    (dict(when_away="OPEN"), "limit[0].when_away", "shared: true"),
    (dict(shared=True, counting="SERVICE"), "limit[0].counting", "rate-limit service"),
]


@pytest.mark.parametrize("wrong, place, sentence", MISTAKES)
def test_mistakes_are_found_at_load(tmp_path, sets, wrong, place, sentence):
    config = limited({**limit(), **wrong}, selector="demo.v1.Echo.Echo")
    (tmp_path / "postern.yaml").write_text(json.dumps(config, indent=1))
    run = subprocess.run([POSTERN, "--check", "--config", tmp_path / "postern.yaml",
                          "--descriptors", sets["demo"], "--upstream", "127.0.0.1:1"],
                         capture_output=True, text=True)
    assert run.returncode == 1
    assert place in run.stdout + run.stderr and sentence in run.stdout + run.stderr, run


def test_limits_stand_in_the_proto(tmp_path, start):
    (tmp_path / "limited.proto").write_text('''
        syntax = "proto3";
        package limited;
        import "google/api/annotations.proto";
        import "postern/v1/options.proto";
        message Text { string text = 1; }
        service S {
          option (postern.v1.service) = { limit { name: "all" rate: "5/h" } };
          rpc A(Text) returns (Text) {
            option (google.api.http) = { post: "/a" body: "*" };
            option (postern.v1.method) = { limit { name: "own" key: "request.text" rate: "2/h" } };
          }
          rpc B(Text) returns (Text) { option (google.api.http) = { post: "/b" body: "*" }; }
        }''')
    out = protoc(tmp_path / "limited.pb", "limited.proto", include=[tmp_path])
    server = Backend(Schema(out))
    try:
        g = start(server.target, descriptors=out)
        got = [h1.call(g.port, "POST", p, json={"text": "t"}).status for p in "/a /a /a /b /b /b /b"
               .split()]
        assert got == [200, 200, 429, 200, 200, 200, 429]
    finally:
        server.stop()


def test_nothing_is_told_where_nothing_is_limited(start, backend):
    g = start(backend.target)
    assert not [k for k, _ in echo(g).headers if "ratelimit" in k]
    assert metric(g, "postern_limit_calls_total") is None
