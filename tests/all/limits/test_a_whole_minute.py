"""Accuracy over more than a minute: 100/min under four times as many calls from 64 connections, two workers; alone,
while the clock of the machine is stepped by an hour, and as two gateways over one Redis. All cases at the same time."""
import ctypes
import math
import mmap
import subprocess
import threading
import time

import pytest

import h1
from harness import IN_SANITIZER, eventually
from redis_server import Redis
from test_limits import HOUR, SHIM, limit, limited, metric

RATE, MINUTE = 100, 60
CONNECTIONS, AT_ONCE = 64, 16
EVERY = MINUTE * AT_ONCE / (4 * RATE)   # seconds from burst to burst: 25 of them, 400 calls, in a minute
PAUSE, AFTER = 0.8, 5                   # then a pause, which keeps the edge of the minute clear, and bursts behind it
PLACES, SLEEP = 4, 1.2                  # at once; each of the calls is over before the next burst

BUCKET, FIXED, LOG, COUNTER, AT_ONCE_LIMIT = "TOKEN_BUCKET", "FIXED_WINDOW", "SLIDING_WINDOW_LOG", \
    "SLIDING_WINDOW_COUNTER", "CONCURRENCY"


def flow(seconds):
    return math.floor(seconds * RATE / MINUTE)


class Load(threading.Thread):
    """Bursts of calls, turn by turn over all connections and gateways; what passed in each, and when it was."""

    def __init__(self, gateways, target, message, begin):
        super().__init__()
        self.links = [h1.Connection(gateways[i % len(gateways)].port) for i in range(CONNECTIONS)]
        self.request, self.begin = h1.request("POST", target, json=message), begin
        self.passed, self.sent, self.got = [], [], []

    def burst(self, n):
        links = [self.links[(n * AT_ONCE + i) % CONNECTIONS] for i in range(AT_ONCE)]
        self.sent.append(time.monotonic())
        for c in links:
            c.send(self.request)
        found = [c.response().status for c in links]
        self.got.append(time.monotonic())
        assert set(found) <= {200, 429}, found
        self.passed.append(found.count(200))

    def run(self):
        minute = 4 * RATE // AT_ONCE
        for n in range(minute + AFTER):
            at = self.begin + n * EVERY + (PAUSE if n >= minute else 0)
            time.sleep(max(0, at - time.monotonic()))
            self.burst(n)
        for c in self.links:
            c.close()

    def in_the_minute(self):
        return sum(self.passed[:-AFTER])

    def behind_it(self):
        return sum(self.passed[-AFTER:])

    def between(self, first, last):
        """Least and most seconds from when the gateway saw the first to when it saw the last."""
        return self.sent[last] - self.got[first], self.got[last] - self.sent[first]


def bucket(load, slack):
    """What was saved up, and what has flowed in until the last burst."""
    least, most = load.between(0, -1)
    assert RATE + flow(least) - slack <= sum(load.passed) <= RATE + flow(most)


def window(load, slack):
    """All of it in the first minute, and in the next what comes."""
    assert RATE - slack <= load.in_the_minute() <= RATE
    assert AFTER * AT_ONCE - slack <= load.behind_it() <= AFTER * AT_ONCE


def counter(load, slack):
    """In the second minute what the first one's share leaves."""
    assert RATE - slack <= load.in_the_minute() <= RATE
    least, most = load.between(0, -1)
    assert flow(least - MINUTE) - slack <= load.behind_it() <= flow(most - MINUTE) + slack


def at_once(load, slack):
    assert load.passed == [PLACES] * len(load.passed)


def case(name, check, slack=0, **more):
    rate = f"{PLACES}" if name == AT_ONCE_LIMIT else f"{RATE}/min"
    return {"rate": rate, "algorithm": name, **more}, check, slack


ALONE = [case(BUCKET, bucket), case(FIXED, window), case(LOG, window), case(COUNTER, counter, 1),
         case(AT_ONCE_LIMIT, at_once)]
FLEET = [case(BUCKET, bucket), case(FIXED, window), case(LOG, window), case(COUNTER, counter, 1),
         case(AT_ONCE_LIMIT, at_once), case(FIXED, window, 1, counting="LEASED"),
         case(BUCKET, bucket, 2, counting="LEASED")]


class Clock:
    """What programs that are started with `env` take for the time of day."""

    def __init__(self, folder):
        (folder / "shim.c").write_text(SHIM)
        (folder / "shift").write_bytes(bytes(8))
        subprocess.run(["gcc", "-shared", "-fPIC", "-o", folder / "shim.so", folder / "shim.c", "-ldl"], check=True)
        self.env = {} if IN_SANITIZER else {"LD_PRELOAD": str(folder / "shim.so"), "SHIFT_FILE": str(folder / "shift")}
        with open(folder / "shift", "r+b") as f:
            self.shift = mmap.mmap(f.fileno(), 8)

    def step(self, seconds):
        self.shift[:] = bytes(ctypes.c_long(seconds))


@pytest.fixture
def redis():
    r = Redis()
    yield r
    r.end()


def test_a_whole_minute(start, backend, redis, tmp_path):
    clock, loads = Clock(tmp_path), []
    begin = time.monotonic() + 8

    def add(gateways, what):
        sleeps = what[0]["algorithm"] == AT_ONCE_LIMIT
        target, message = ("/v1/sleep", {"duration": f"{SLEEP}s"}) if sleeps else ("/v1/echo", {})
        loads.append((what, Load(gateways, target, message, begin)))

    for what in ALONE:
        add([start(backend.target, limited(limit("alone", **what[0]), workers=2), env=clock.env)], what)
    for i, what in enumerate(FLEET):
        config = limited(limit(f"fleet{i}", **what[0], shared=True, when_away="CLOSED"), workers=2,
                         redis={"address": redis.address, "timeout": "1s"})
        gateways = [start(backend.target, config) for _ in range(2)]
        for g in gateways:
            assert eventually(lambda g=g: metric(g, "postern_redis_workers_up") == 2)
        add(gateways, what)
    assert time.monotonic() < begin
    for _, load in loads:
        load.start()
    for seconds in (HOUR, -HOUR, 0):
        time.sleep(MINUTE / 4)
        clock.step(seconds)
    for _, load in loads:
        load.join()
    for what, load in loads:
        print(what[0], sum(load.passed), "passed:", load.passed)
        try:
            assert len(load.passed) == 4 * RATE // AT_ONCE + AFTER
            what[1](load, what[2])
        except AssertionError as e:
            raise AssertionError(f"{what[0]}: {load.passed}") from e
