"""Postern with one configuration and with another, taking turns: what the difference of them costs a call."""
import json
import os
import statistics

import gateways
from gateways import HOST

ROUNDS = 11
CONNECTIONS, REQUESTS = 64, 8000


def config(part, name, settings):
    """The file that says it; JSON is YAML too."""
    path = f"{gateways.out_dir()}/{part}-{name.replace(' ', '-')}.yaml"
    with open(path, "w", encoding="ascii") as f:
        json.dump(settings, f)
    return path


def spawned(bench, name, path, ports):
    """ports: its own, and the backend's"""
    argv = [os.environ["POSTERN"], "--config", path, "--descriptors", f"{gateways.out_dir()}/echo.pb", "--upstream",
            f"{HOST}:{ports[1]}", "--listen", f"{HOST}:{ports[0]}", "--workers", "1"]
    gateway = gateways.Gateway(f"postern, {name}", argv, ports[0], bench.own)
    gateway.spawn()
    return gateway


def added(seen):
    """{name: {cpu_us, added_us}} of the rounds of each, over the one called none in the same turn, which the machine has
    treated alike; the first does not count."""
    return {name: {"cpu_us": round(statistics.median(rounds[1:]), 2), "added_us": difference(rounds, seen["none"])}
            for name, rounds in seen.items()}


def difference(rounds, others):
    return round(statistics.median(a - b for a, b in zip(rounds[1:], others[1:])), 2)


def cost(bench, part, rows, ports):
    """{name: {cpu_us, added_us}} of rows {name: (configuration, headers that its clients send)}"""
    started = []
    try:
        for i, (name, (settings, headers)) in enumerate(rows.items()):
            gateway = spawned(bench, f"{part}: {name}", config(part, name, settings), (ports[0] + i, ports[1]))
            started.append((name, gateway))
            gateway.headers = {**gateway.headers, **headers}
            gateway.wait_for(lambda g=gateway: g.answers(bench.bodies["small"]))
        seen = {name: [] for name in rows}
        for _ in range(ROUNDS + 1):
            for name, gateway in started:
                seen[name].append(bench.cost(gateway, bench.files["small"], CONNECTIONS, REQUESTS)["cpu_us"])
        return added(seen)
    finally:
        for _, gateway in started:
            gateway.end()
