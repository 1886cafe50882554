"""What must not grow: the cost of a byte with the size of a body, the cost of a call with the number of routes,
the cost of a call with the number of workers. Postern alone."""
import os
import statistics
import subprocess

import gateways
import load
import payloads
from gateways import HOST

SIZES = (1 << 10, 16 << 10, 256 << 10, 4 << 20, 60 << 20)  # one body may have 64 MiB
BYTES_PER_ROUND = 64 << 20
MOST_REQUESTS = 2000
ROUTES = (10, 100, 1000, 10000)
ROUNDS = 3
CONNECTIONS = 64


def bodies():
    for size in SIZES:
        path = f"{gateways.out_dir()}/tensor-{size}.json"
        with open(path, "wb") as f:
            f.write(payloads.tensor_of(size))
        yield size, path


def by_size(bench, gateway):
    """[{bytes, cpu_us, ns_per_byte}]; what a call costs beside its bytes is taken off first."""
    empty = f"{gateways.out_dir()}/empty.json"
    with open(empty, "wb") as f:
        f.write(b'{"values":[]}')
    sizes = [(0, empty), *bodies()]
    seen = {size: [] for size, _ in sizes}
    for turn in range(ROUNDS):
        for size, path in sizes:
            if turn == 0 and size:
                with open(path, "rb") as f:
                    bench.check(gateway, f.read())
            n = max(1, min(MOST_REQUESTS, BYTES_PER_ROUND // max(size, 1)))
            seen[size].append(bench.cost(gateway, path, 1, n)["cpu_us"])
    fixed = statistics.median(seen[0])
    return [{"bytes": size, "cpu_us": round(statistics.median(seen[size]), 1),
             "ns_per_byte": round((statistics.median(seen[size]) - fixed) * 1000 / size, 3)} for size in SIZES]


def schema(count):
    """Descriptors of one service with that many routes; the echo backend answers them all."""
    name = f"{gateways.out_dir()}/routes{count}"
    rpcs = "\n".join(f'  rpc R{i}(Line) returns (Line) {{ option (google.api.http) = '
                     f'{{ post: "/v1/shelves/{i}/books" body: "*" }}; }}' for i in range(count))
    with open(f"{name}.proto", "w", encoding="ascii") as f:
        f.write('syntax = "proto3";\npackage routes;\nimport "google/api/annotations.proto";\n'
                f'message Line {{ string text = 1; }}\nservice Many {{\n{rpcs}\n}}\n')
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
    subprocess.run(["protoc", f"-I{root}/proto", f"-I{gateways.out_dir()}", "-I/usr/include", "--include_imports",
                    f"--descriptor_set_out={name}.pb", f"{name}.proto"], check=True)
    return f"{name}.pb"


def by_routes(bench, port, backend_port):
    """[{routes, cpu_us, ready_ms}], taking turns."""
    started = []
    try:
        for i, count in enumerate(ROUTES):
            argv = [os.environ["POSTERN"], "--descriptors", schema(count), "--upstream", f"{HOST}:{backend_port}",
                    "--listen", f"{HOST}:{port + i}", "--workers", "1"]
            gateway = gateways.Gateway(f"postern with {count} routes", argv, port + i, bench.own)
            gateway.path = f"/v1/shelves/{count // 2}/books"
            gateway.spawn()
            ready = gateway.wait_for(lambda g=gateway: g.answers(bench.bodies["small"]))
            started.append((count, gateway, ready))
        seen = {count: [] for count in ROUTES}
        for _ in range(ROUNDS + 2):
            for count, gateway, _ in started:
                seen[count].append(bench.cost(gateway, bench.files["small"], CONNECTIONS, 8000)["cpu_us"])
        return [{"routes": count, "cpu_us": round(statistics.median(seen[count][1:]), 2),
                 "ready_ms": round(ready * 1000, 1)} for count, _, ready in started]
    finally:
        for _, gateway, _ in started:
            gateway.end()


def by_workers(bench, port, backend_port):
    """With four cores or more: requests/s of two workers over those of one. With fewer, load and backend have no
    core of their own beside two workers: then only what a call costs is compared, both on the gateway's core."""
    have = sorted(bench.own | bench.rest)
    enough = len(have) >= 4
    cpus, rest = (set(have[:2]), set(have[2:])) if enough else (bench.own, bench.rest)
    seen = {1: [], 2: []}
    for turn in range(ROUNDS):
        for workers in seen:
            argv = [os.environ["POSTERN"], "--descriptors", f"{gateways.out_dir()}/echo.pb", "--upstream",
                    f"{HOST}:{backend_port}", "--listen", f"{HOST}:{port}", "--workers", str(workers)]
            gateway = gateways.Gateway(f"postern with {workers} workers", argv, port, cpus)
            gateway.spawn()
            try:
                gateway.wait_for(lambda g=gateway: g.answers(bench.bodies["small"]))
                bench.cost(gateway, bench.files["small"], CONNECTIONS, 4000)
                seen[workers].append(bench.cost(gateway, bench.files["small"], CONNECTIONS, 20000))
            finally:
                gateway.end()
    per_second = {w: statistics.median(r["per_second"] for r in rounds) for w, rounds in seen.items()}
    cpu = {w: round(statistics.median(r["cpu_us"] for r in rounds), 2) for w, rounds in seen.items()}
    return {"cores": len(have), "rest": sorted(rest), "cpu_us": cpu, "cost_ratio": round(cpu[2] / cpu[1], 2),
            **({"throughput_ratio": round(per_second[2] / per_second[1], 2)} if enough else {})}

