"""What a limit adds to a call: none, one budget here, ever new keys here, Redis asked each time, Redis leased. Postern
alone, all of them taking turns; Redis runs on the core of backend and load. And with keys that a client tells: always
the same one, or any of a million, with the memory that those take."""
import os
import subprocess
import tempfile

import gateways
import keyed
import turns

ROUNDS = 5
PLENTY = "100000000/s"
KEYS, KEYED_REQUESTS = 1000000, 20000


def kinds(redis):
    """name -> limits of the configuration"""
    shared = {"name": "n", "rate": PLENTY, "shared": True, "when_away": "CLOSED"}
    return {
        "none": [],
        "here": [{"name": "n", "rate": PLENTY}],
        "new keys": [{"name": "n", "rate": "100/min", "key": "string(now)"}],
        "redis": [shared] if redis else None,
        "leased": [{**shared, "counting": "LEASED"}] if redis else None,
    }


def config(limits, redis):
    return {"overrides": [{"selector": "*", "policy": {"limit": limits}}] if limits else [],
            **({"redis": {"address": redis, "timeout": "1s"}} if redis else {})}


class Redis(gateways.Process):
    def __init__(self, cpus):
        self.folder = tempfile.TemporaryDirectory(prefix="postern-bench-")
        self.address = f"unix:{self.folder.name}/redis.sock"
        super().__init__("redis", ["redis-server", "--port", "0", "--unixsocket", self.address[5:], "--save", ""], 0,
                         cpus)

    def listens(self):
        return os.path.exists(self.address[5:])


def keyed_round(gateway, body, keys):
    with keyed.Keyed(gateway.port, body) as client:
        before = gateway.cpu_ns()
        seen = client.call(keys)
        if seen != {200: len(keys)}:
            raise gateways.BenchError(f"{gateway.name} did not answer every request with 200: {seen}")
        return (gateway.cpu_ns() - before) / 1000 / len(keys)


def keyed_cost(bench, port, backend_port):
    """{name: {cpu_us, added_us}}, and the mb that a million keys take"""
    limit = {"name": "n", "rate": "100000000/day", "key": "headers['x-key']"}
    started, body = [], bench.bodies["small"]
    try:
        for i, (name, limits) in enumerate({"none": [], "keyed": [limit]}.items()):
            path = turns.config("limit", name, config(limits, None))
            started.append(turns.spawned(bench, f"limit: {name}", path, (port + i, backend_port)))
            started[-1].wait_for(lambda g=started[-1]: g.listens())
        none, limited = started
        before = limited.rss_kb()
        with keyed.Keyed(limited.port, body, kind="text/plain") as client:  # 415, behind the limit: no upstream
            client.call(keyed.shuffled(KEYS))
        memory = (limited.rss_kb() - before) / 1024
        seen, keys = {"none": [], "one key": [], "million keys": []}, keyed.shuffled(KEYS, 2)
        for r in range(ROUNDS + 1):
            these = keys[r * KEYED_REQUESTS:][:KEYED_REQUESTS]
            seen["none"].append(keyed_round(none, body, these))
            seen["one key"].append(keyed_round(limited, body, [1] * KEYED_REQUESTS))
            seen["million keys"].append(keyed_round(limited, body, these))
        rows = turns.added(seen)
        return {"one key": rows["one key"], "million keys": {**rows["million keys"], "mb": round(memory, 1)}}
    finally:
        for gateway in started:
            gateway.end()


def cost(bench, port, backend_port):
    """{name: {cpu_us, added_us}}, and what keyed_cost says"""
    redis = Redis(bench.rest) if subprocess.call("command -v redis-server >/dev/null", shell=True) == 0 else None
    try:
        if redis:
            redis.spawn()
            redis.wait_for(redis.listens)
        rows = {name: (config(limits, redis.address if redis else None), {})
                for name, limits in kinds(redis).items() if limits is not None}
        seen = turns.cost(bench, "limit", rows, (port, backend_port))
        return {**seen, **keyed_cost(bench, port + len(rows), backend_port)}
    finally:
        if redis:
            redis.end()
            redis.folder.cleanup()
