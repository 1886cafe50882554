"""Load on a gateway: client (client.c) for throughput and latency, a crowd of connections that do nothing."""
import json
import socket
import subprocess

from gateways import HOST, BenchError

RUN_S = 60  # no single run of a load generator may take longer


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


def client(out, gateway, path, connections, count, rate, cpus):
    headers = [f"{k}: {v}" for k, v in gateway.headers.items()]
    try:
        return json.loads(generator([f"{out}/client", str(gateway.port), gateway.path, path, str(connections), str(count),
                                     str(int(rate)), *headers], cpus))
    except BenchError as e:
        raise BenchError(f"{gateway.name}: {e}") from None


def closed(out, gateway, path, connections, cpus, requests):
    """As fast as it goes: each connection has one request on its way."""
    seen = client(out, gateway, path, connections, requests, 0, cpus)
    return {"requests": seen["requests"], "per_second": seen["requests"] / seen["seconds"], "slowest_us": seen["max"]}


def paced(out, gateway, path, connections, rate, ms, cpus):
    """So many a second, whether they are answered in time or not."""
    return client(out, gateway, path, connections, int(rate * ms / 1000), rate, cpus)


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
