"""Load on a gateway: h2load for throughput, paced for latency, a crowd of connections that do nothing."""
import json
import re
import socket
import subprocess

from gateways import HOST, BenchError

RUN_S = 60  # no single run of a load generator may take longer
UNITS = {"us": 1, "ms": 1e3, "s": 1e6}


def generator(argv, cpus):
    """Its output. subprocess.run ends it by its pid when the time is over."""
    cpus = ",".join(str(c) for c in sorted(cpus))
    try:
        done = subprocess.run(["taskset", "-c", cpus, *argv], capture_output=True, text=True, timeout=RUN_S,
                              check=False)
    except subprocess.TimeoutExpired:
        raise BenchError(f"no end of the load after {RUN_S} s: {' '.join(argv)}") from None
    if done.returncode != 0:
        raise BenchError(f"{argv[0]} failed: {(done.stderr or done.stdout)[-400:]}")
    return done.stdout


def micros(text):
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", text).groups()
    return float(number) * UNITS[unit]


def h2load(gateway, path, connections, cpus, requests):
    """As fast as it goes. Every answer must be a 200."""
    headers = [part for k, v in gateway.headers.items() for part in ("-H", f"{k}: {v}")]
    out = generator(["h2load", "--h1", "-c", str(connections), "-n", str(requests), "-d", path, *headers,
                     f"http://{HOST}:{gateway.port}{gateway.path}"], cpus)
    done, ok, failed, errored, late = (int(re.search(rf"(\d+) {word}", out).group(1)) for word in
                                       ("done", "succeeded", "failed", "errored", "timeout"))
    good = int(re.search(r"status codes: (\d+) 2xx", out).group(1))
    if failed or errored or late or good != done or ok != done or done != requests:
        faults = "\n".join(line for line in out.splitlines() if line.startswith(("requests:", "status")))
        raise BenchError(f"{gateway.name} did not answer every request with 200:\n{faults}")
    return {"requests": done,
            "per_second": float(re.search(r"([\d.]+) req/s", out).group(1)),
            "slowest_us": micros(re.search(r"time for request: +\S+ +(\S+)", out).group(1))}


def paced(out, gateway, path, connections, rate, ms, cpus):
    return json.loads(generator([f"{out}/paced", str(gateway.port), path, str(connections), str(int(rate)), str(ms)],
                                cpus))


class Crowd:
    """Connections that are there and do nothing: idle after one answered request, or waiting for an
    answer that does not come."""

    def __init__(self, gateway, count, body, path):
        head = f"POST {path} HTTP/1.1\r\nhost: {HOST}\r\ncontent-type: application/json\r\n"
        self.gateway, self.sockets = gateway, []
        self.request = f"{head}content-length: {len(body)}\r\n\r\n".encode() + body
        self.count = count

    def come(self, answered):
        try:
            for _ in range(self.count):
                s = socket.create_connection((HOST, self.gateway.port), timeout=20)
                s.sendall(self.request)
                self.sockets.append(s)
            for s in self.sockets if answered else []:
                if not s.recv(4096).startswith(b"HTTP/1.1 200"):
                    raise BenchError(f"{self.gateway.name} refused one of {self.count} connections")
        except OSError as e:
            raise BenchError(f"{self.gateway.name} took {len(self.sockets)} of {self.count} connections: {e}") from None

    def lost(self):
        """How many the gateway has closed, or answered where no answer was due."""
        lost = 0
        for s in self.sockets:
            s.setblocking(False)
            try:
                lost += len(s.recv(1)) >= 0
            except BlockingIOError:
                pass
            except OSError:
                lost += 1
        return lost

    def go(self):
        for s in self.sockets:
            s.close()
        self.sockets = []
