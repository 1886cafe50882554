"""What a limit adds to a call: none, one budget here, ever new keys here, Redis asked each time, Redis leased. Postern
alone, all of them taking turns; Redis runs on the core of backend and load."""
import json
import os
import statistics
import subprocess
import tempfile

import gateways
from gateways import HOST

ROUNDS = 5
CONNECTIONS, REQUESTS = 64, 12000
PLENTY = "100000000/s"


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


def config(name, limits, redis):
    path = f"{gateways.out_dir()}/limits-{name.replace(' ', '-')}.yaml"
    with open(path, "w", encoding="ascii") as f:
        json.dump({"overrides": [{"selector": "*", "policy": {"limit": limits}}] if limits else [],
                   **({"redis": {"address": redis, "timeout": "1s"}} if redis else {})}, f)
    return path


class Redis(gateways.Process):
    def __init__(self, cpus):
        self.folder = tempfile.TemporaryDirectory(prefix="postern-bench-")
        self.address = f"unix:{self.folder.name}/redis.sock"
        super().__init__("redis", ["redis-server", "--port", "0", "--unixsocket", self.address[5:], "--save", ""], 0,
                         cpus)

    def listens(self):
        return os.path.exists(self.address[5:])


def cost(bench, port, backend_port):
    """{name: {cpu_us, added_us}}"""
    redis = Redis(bench.rest) if subprocess.call("command -v redis-server >/dev/null", shell=True) == 0 else None
    started = []
    try:
        if redis:
            redis.spawn()
            redis.wait_for(redis.listens)
        rows = {n: k for n, k in kinds(redis).items() if k is not None}
        for i, (name, limits) in enumerate(rows.items()):
            argv = [os.environ["POSTERN"], "--config", config(name, limits, redis.address if redis else None),
                    "--descriptors", f"{gateways.out_dir()}/echo.pb", "--upstream", f"{HOST}:{backend_port}",
                    "--listen", f"{HOST}:{port + i}", "--workers", "1"]
            gateway = gateways.Gateway(f"postern, limit: {name}", argv, port + i, bench.own)
            gateway.spawn()
            started.append((name, gateway))
            gateway.wait_for(lambda g=gateway: g.answers(bench.bodies["small"]))
        seen = {name: [] for name, _ in started}
        for _ in range(ROUNDS + 1):
            for name, gateway in started:
                seen[name].append(bench.cost(gateway, bench.files["small"], CONNECTIONS, REQUESTS)["cpu_us"])
        middle = {name: statistics.median(rounds[1:]) for name, rounds in seen.items()}
        return {name: {"cpu_us": round(us, 2), "added_us": round(us - middle["none"], 2)} for name, us in middle.items()}
    finally:
        for _, gateway in started:
            gateway.end()
        if redis:
            redis.end()
            redis.folder.cleanup()
