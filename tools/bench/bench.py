#!/usr/bin/python3
"""What a request costs through each gateway: called by run.sh, which builds what this starts.

The gateway has one core for itself; backend and load generator share the other. Rounds of the gateways are
interleaved and medians taken, so that a busy machine hurts all alike. No figure without a checked answer: a
gateway that fails, answers an error or another message stops the run. Environment, all optional:
    PARTS=start,payloads,large,streams,connections,latency,idle,waiting,growth,limits,auth   what to measure
    GATEWAYS=postern,floor    whom; ROUNDS=5, ROUND_MS=800, CROWD=10000, PORT=24100, CHART=1
"""
import json
import os
import platform
import resource
import signal
import statistics
import subprocess
import sys
import time

import auth
import gateways
import growth
import limits
import load
import payloads
import report
import streams
from gateways import BenchError

OUT = os.environ["BENCH"]
NAMES = ["postern", "envoy", "grpc-gateway"]
PARTS = ["start", "payloads", "large", "streams", "connections", "latency", "idle", "waiting", "growth",
         "limits", "auth"]
ROUNDS, ROUND_MS = int(os.environ.get("ROUNDS", 5)), int(os.environ.get("ROUND_MS", 800))
CROWD, PORT = int(os.environ.get("CROWD", 10000)), int(os.environ.get("PORT", 24100))
CONNECTIONS, OTHER_CONNECTIONS = 64, (1, 1000)
STARTS, LATENCY_MS, LATENCY_CONNECTIONS = 5, 2500, 16
LARGE_BYTES, LARGE_CONNECTIONS, LARGE_REQUESTS = 16 << 20, 4, 8
FIRST_TOKENS = 200
SLEEP = b'{"duration":"600s"}'


def chosen(variable, all_of_them):
    names = [n for n in os.environ.get(variable, "").split(",") if n] or all_of_them
    unknown = set(names) - set(all_of_them)
    if unknown:
        raise BenchError(f"{variable}: {', '.join(sorted(unknown))} is none of {', '.join(all_of_them)}")
    return [n for n in all_of_them if n in names]


def cores():
    """The gateway's core, and those of everything else."""
    have = sorted(os.sched_getaffinity(0))
    if len(have) < 2:
        raise BenchError("two cores are needed: one for the gateway, one for backend and load")
    return {have[0]}, set(have[1:])


def allow_files(n):
    """Enough open files for a crowd, on both its ends."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, n), max(hard, n)))
    except (ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(n, hard), hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= n


class Bench:
    def __init__(self):
        self.own, self.rest = cores()
        self.files = {}
        self.bodies = payloads.all_of_them()
        for name, body in self.bodies.items():
            self.files[name] = f"{OUT}/{name}.json"
            with open(self.files[name], "wb") as f:
                f.write(body)
        os.sched_setaffinity(0, self.rest)
        self.backend = gateways.backend(OUT, PORT, self.rest)
        wanted = chosen("GATEWAYS", [*NAMES, "floor"])
        made = [gateways.make(n, OUT, PORT + 1 + i, PORT, self.own) for i, n in enumerate(NAMES) if n in wanted]
        self.gateways = [g for g in made if g]
        self.floors = {p: gateways.floor(OUT, p, PORT + 10 + i, self.own) for i, p in enumerate(self.bodies)
                       if "floor" in wanted}
        self.missing = [n for n in wanted if n in NAMES and n not in [g.name for g in self.gateways]]
        self.result = {}

    def note(self, gateway, *path):
        at = self.result.setdefault(gateway.name, {})
        for step in path:
            at = at.setdefault(step, {})
        return at

    def start(self, gateway):
        gateway.spawn()
        return gateway.wait_for(lambda: gateway.answers(self.bodies["small"]))

    def check(self, gateway, body, fault=payloads.fault):
        status, answer = gateway.answer(body)
        what = fault(body, answer) if status == 200 else f"has status {status}: {answer[:200]!r}"
        if what:
            raise BenchError(f"{gateway.name}: the answer {what}")

    def with_floor(self, payload):
        return self.gateways + ([self.floors[payload]] if self.floors else [])

    # One round, and many of them in turns.

    def round(self, gateway, payload, connections, requests):
        return self.cost(gateway, self.files[payload], connections, requests)

    def cost(self, gateway, path, connections, requests):
        """One run with the body in that file."""
        gateway.reset_peak()
        before = gateway.cpu_ns()
        seen = load.closed(OUT, gateway, path, connections, self.rest, requests)
        seen["cpu_us"] = (gateway.cpu_ns() - before) / 1000 / seen["requests"]
        seen["rss_peak_kb"] = gateway.peak_kb()
        return seen

    def requests_for(self, gateway, payload, connections, ms):
        """How many fill a round, by two short trials that also warm up. Never so few that it is the coming
        and going of the connections that is measured."""
        least = connections * (2 if payload == "tensor" else 20)
        requests = least
        for share in (0.3, 1):
            trial = load.closed(OUT, gateway, self.files[payload], connections, self.rest, requests)
            requests = max(int(trial["per_second"] * share * ms / 1000), least)
        return requests

    def rounds(self, payload, connections, count, ms):
        """Medians by gateway, all of them taking turns."""
        turns = [(g, self.requests_for(g, payload, connections, ms)) for g in self.with_floor(payload)]
        seen = {g.name: [] for g, _ in turns}
        for _ in range(count):
            for gateway, requests in turns:
                seen[gateway.name].append(self.round(gateway, payload, connections, requests))
        return {name: report.summary(rounds) for name, rounds in seen.items()}

    # The parts.

    def part_start(self):
        for gateway in self.gateways:
            times = []
            for _ in range(STARTS):
                gateway.end()
                times.append(self.start(gateway) * 1000)
            time.sleep(0.3)
            self.note(gateway).update(ready_ms=round(statistics.median(times), 1), rss_rest_kb=gateway.rss_kb())

    def part_payloads(self):
        for payload in self.bodies:
            for name, figures in self.rounds(payload, CONNECTIONS, ROUNDS, ROUND_MS).items():
                self.result.setdefault(name, {}).setdefault("payloads", {})[payload] = figures

    def part_large(self):
        """Few of them at once, and what of memory they take: all bytes of request and answer are in flight."""
        body = payloads.tensor_of(LARGE_BYTES)
        self.files["large"] = f"{OUT}/large.json"
        with open(self.files["large"], "wb") as f:
            f.write(body)
        rest = {g.name: g.rss_kb() for g in self.gateways}
        for gateway in self.gateways:
            self.check(gateway, body)
        seen = {g.name: [] for g in self.gateways}
        for _ in range(3):
            for gateway in self.gateways:
                seen[gateway.name].append(self.round(gateway, "large", LARGE_CONNECTIONS, LARGE_REQUESTS))
        in_flight = 2 * len(body) * LARGE_CONNECTIONS
        for gateway in self.gateways:
            figures = report.summary(seen[gateway.name])
            grown = (figures["rss_peak_kb"] - rest[gateway.name]) * 1024
            self.note(gateway, "payloads")["large"] = {**figures, "rss_per_byte": round(grown / in_flight, 2)}

    def part_streams(self):
        """A stream of 200 tokens, in each gateway's own framing, and the wait for the first of one."""
        self.files["stream"] = f"{OUT}/stream.json"
        body = streams.body(streams.COUNT)
        with open(self.files["stream"], "wb") as f:
            f.write(body)
        try:
            for gateway in self.gateways:
                gateway.path, gateway.headers = streams.PATH, streams.HEADERS
                self.check(gateway, body, lambda _, answer: streams.fault(answer, streams.COUNT))
            seen = {g.name: [] for g in self.gateways}
            for turn in range(ROUNDS + 1):
                for gateway in self.gateways:
                    seen[gateway.name].append(self.round(gateway, "stream", CONNECTIONS, CONNECTIONS * 8))
                    if turn == 0:
                        seen[gateway.name].clear()  # it was to warm up
            first = streams.first_token(self.gateways, PORT, FIRST_TOKENS)
        finally:
            for gateway in self.gateways:
                del gateway.path, gateway.headers
        for gateway in self.gateways:
            figures = report.summary(seen[gateway.name])
            message = round(figures["cpu_us"] / streams.COUNT, 3)
            self.note(gateway)["stream"] = {
                **figures, "message_us": message, "first_us": first.get(gateway.name), "direct_us": first["direct"],
                "first_added_us": round(first[gateway.name] - first["direct"], 1) if gateway.name in first else None}

    def part_growth(self):
        postern = next((g for g in self.gateways if g.name == "postern"), None)
        if postern:
            self.note(postern)["growth"] = {
                "sizes": growth.by_size(self, postern), "routes": growth.by_routes(self, PORT + 20, PORT),
                "workers": growth.by_workers(self, PORT + 30, PORT)}

    def part_limits(self):
        postern = next((g for g in self.gateways if g.name == "postern"), None)
        if postern:
            self.note(postern)["limits"] = limits.cost(self, PORT + 40, PORT)

    def part_auth(self):
        postern = next((g for g in self.gateways if g.name == "postern"), None)
        if postern:
            self.note(postern)["auth"] = auth.cost(self, PORT + 50, PORT)

    def part_connections(self):
        for n in OTHER_CONNECTIONS:
            for name, figures in self.rounds("small", n, min(ROUNDS, 3), ROUND_MS * 3 // 4).items():
                self.result.setdefault(name, {}).setdefault("connections", {})[str(n)] = figures

    def part_latency(self):
        """At half of what the slowest can do, so that nobody is measured in a jam."""
        for payload in ("small", "chat"):
            everyone = self.with_floor(payload)
            rate = min(self.requests_for(g, payload, LATENCY_CONNECTIONS, 1000) for g in everyone) // 2
            seen = {g.name: [] for g in everyone}
            for _ in range(2):
                for g in everyone:
                    seen[g.name].append(load.paced(OUT, g, self.files[payload], LATENCY_CONNECTIONS, rate,
                                                   LATENCY_MS, self.rest))
            for g in everyone:
                runs = seen[g.name]
                self.note(g, "latency_us")[payload] = {
                    "rate": rate, **{k: min(r[k] for r in runs) for k in ("p50", "p90", "p99", "p999", "max")}}

    def part_idle(self):
        self.crowds("idle", gateways.Gateway.path, self.bodies["small"], answered=True)

    def part_waiting(self):
        self.crowds("waiting", "/v1/sleep", SLEEP, answered=False)

    def crowds(self, kind, path, body, answered):
        if not allow_files(CROWD + 2000):
            print(f"bench: {kind}: left out, the limit of open files is too low for {CROWD} connections")
            return
        for gateway in self.gateways:
            gateway.end()
            gateways.for_crowds(gateway, OUT, PORT)
            self.start(gateway)
            self.note(gateway)[kind] = self.crowd(gateway, load.Crowd(gateway, CROWD, body, path), answered)

    def crowd(self, gateway, crowd, answered):
        requests = self.requests_for(gateway, "small", CONNECTIONS, ROUND_MS // 2)
        rss = gateway.rss_kb()

        def measure(times):
            return [self.round(gateway, "small", CONNECTIONS, requests) for _ in range(times)]

        alone, fds = measure(3), at_rest(gateway)
        try:
            crowd.come(answered)
            here, rss_here = at_rest(gateway) - fds, gateway.rss_kb()
            beside = measure(3)
            lost = crowd.lost()
        finally:
            crowd.go()
        if lost or here < CROWD:
            raise BenchError(f"{gateway.name} lost {max(lost, CROWD - here)} of {CROWD} connections")
        left = settle(gateway, fds)
        alone += measure(2)
        cost, cost_beside = (statistics.median(r["cpu_us"] for r in rounds) for rounds in (alone, beside))
        return {"connections": CROWD, "cpu_us_alone": round(cost, 2), "cpu_us_beside": round(cost_beside, 2),
                "cost_ratio": round(cost_beside / cost, 2),
                "kib_each": round((rss_here - rss) / CROWD, 2), "rss_kb_alone": rss, "rss_kb_beside": rss_here,
                "slowest_us_beside": max(r["slowest_us"] for r in beside),
                "gone_ms": left, "rss_kb_after": gateway.rss_kb()}

    def run(self, parts):
        try:
            self.backend.spawn()
            self.backend.wait_for(self.backend.listens)
            for floor in self.floors.values():
                floor.spawn()
                floor.wait_for(floor.listens)
            for gateway in self.gateways:
                self.start(gateway)
                for body in self.bodies.values():
                    self.check(gateway, body)
            for part in parts:
                print(f"bench: {part} ...", file=sys.stderr, flush=True)
                getattr(self, f"part_{part}")()
        finally:
            for process in [*self.gateways, *self.floors.values(), self.backend]:
                process.end()


def at_rest(gateway):
    """Its open files, once the connections of the last load are closed on its side too."""
    until, count = time.monotonic() + 5, gateway.sockets()
    while time.monotonic() < until:
        time.sleep(0.2)
        before, count = count, gateway.sockets()
        if before == count:
            break
    return count


def settle(gateway, fds):
    """Milliseconds until the gateway has let go of a crowd that left; None after 5 s."""
    begin = time.monotonic()
    while gateway.sockets() > fds + 200:
        if time.monotonic() - begin > 5:
            return None
        time.sleep(0.01)
    return round((time.monotonic() - begin) * 1000)


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        model = next((line.split(":", 1)[1].strip() for line in f if line.startswith("model name")), "unknown")
    return {"cpu": model, "cores": len(os.sched_getaffinity(0)), "kernel": platform.release(),
            "load_before": os.getloadavg()[0]}


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("bench: told to end"))  # the children too, then
    about = machine()
    parts = chosen("PARTS", PARTS)
    if about["load_before"] > 0.7:
        print(f"bench: the machine is busy (load {about['load_before']:.1f}): expect noise", file=sys.stderr)
    begin = time.monotonic()
    bench = Bench()
    bench.run(parts)
    for name in bench.missing:
        print(f"bench: without {name}, which this machine does not have")
    print(report.table(bench.result))
    print(report.goals(bench.result))
    figures = {"machine": about, "rounds": ROUNDS, "round_ms": ROUND_MS, "seconds": round(time.monotonic() - begin),
               "missing": bench.missing, "gateways": bench.result}
    with open(f"{OUT}/result.json", "w", encoding="utf-8") as f:
        json.dump(figures, f, indent=1)
    print(f"bench: {figures['seconds']} s, all figures in {os.path.relpath(OUT)}/result.json")
    chart = "docs/bench.svg" if os.environ.get("CHART") else f"{OUT}/result.svg"
    subprocess.run([sys.executable, os.path.join(os.path.dirname(__file__), "chart.py"), f"{OUT}/result.json", chart],
                   check=True)


if __name__ == "__main__":
    try:
        main()
    except BenchError as e:
        sys.exit(f"bench: no figures: {e}")
