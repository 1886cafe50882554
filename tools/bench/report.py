"""From rounds to figures, and from figures to what is read: a table, and which goals they reach."""
import statistics

NAMES = ["postern", "envoy", "grpc-gateway", "floor"]
PAYLOADS = ("small", "chat", "tensor")

# CPU per request: peer's over ours at least, ours over the floor's at most; (what must be, what is wanted)
TIMES_PEER = {"envoy": {"small": (6, 8), "chat": (8, 10), "tensor": (6, 9)},
              "grpc-gateway": {"small": (5, 6.5), "chat": (7, 9), "tensor": (8, 11)}}
TIMES_FLOOR = 2.5


def summary(rounds):
    middle = {k: statistics.median(r[k] for r in rounds) for k in rounds[0]}
    return {"cpu_us": round(middle["cpu_us"], 2), "per_second": round(middle["per_second"]),
            "rss_peak_kb": max(r["rss_peak_kb"] for r in rounds),
            "slowest_us": max(r["slowest_us"] for r in rounds),
            "cpu_us_rounds": [round(r["cpu_us"], 2) for r in rounds],
            "rss_peak_kb_rounds": [r["rss_peak_kb"] for r in rounds],
            "requests": sum(r["requests"] for r in rounds)}


def lookup(figures, path):
    for step in path.split("."):
        figures = figures.get(step) if isinstance(figures, dict) else None
    return figures


def rows():
    """(title, path to the figure, scale, format)"""
    for p in (*PAYLOADS, "large"):
        yield f"{p}: CPU µs per request", f"payloads.{p}.cpu_us", 1, ",.1f"
    yield "stream: CPU µs per message", "stream.message_us", 1, ",.2f"
    for p in (*PAYLOADS, "large"):
        yield f"{p}: requests/s", f"payloads.{p}.per_second", 1, ",.0f"
    for n in (1, 1000):
        yield f"small, {n} connections: CPU µs", f"connections.{n}.cpu_us", 1, ",.1f"
    for p in ("small", "chat"):
        for q in ("p50", "p99", "p999"):
            yield f"{p}: {q} µs at a fixed rate", f"latency_us.{p}.{q}", 1, ",.0f"
    yield "stream: first token µs over direct", "stream.first_added_us", 1, ",.0f"
    yield "ready after start, ms", "ready_ms", 1, ",.1f"
    yield "RSS at rest, MB", "rss_rest_kb", 1 / 1024, ",.1f"
    for p in (*PAYLOADS, "large"):
        yield f"{p}: RSS under load, MB", f"payloads.{p}.rss_peak_kb", 1 / 1024, ",.1f"
    yield "large: RSS per byte in flight", "payloads.large.rss_per_byte", 1, ".2f"
    for kind in ("idle", "waiting"):
        yield f"10,000 {kind}: cost ratio", f"{kind}.cost_ratio", 1, ".2f"
        yield f"10,000 {kind}: KiB each", f"{kind}.kib_each", 1, ".1f"


def growth_lines(growth):
    for at in growth.get("sizes", []):
        yield f"postern, {at['bytes']:>12,} bytes: {at['ns_per_byte']:.2f} ns per byte"
    for at in growth.get("routes", []):
        yield f"postern, {at['routes']:>12,} routes: {at['cpu_us']:.1f} µs per request, ready after {at['ready_ms']:.0f} ms"
    workers = growth.get("workers")
    if workers and "throughput_ratio" in workers:
        yield f"postern, two workers: {workers['throughput_ratio']:.2f} × the requests/s of one"
    elif workers:
        yield (f"postern, two workers: a request costs {workers['cost_ratio']:.2f} × what it costs with one; their "
               f"requests/s need 4 cores, here are {workers['cores']}")


def table(result):
    names = [n for n in NAMES if n in result]
    lines = [f"{'':36}" + "".join(f"{n:>14}" for n in names)]
    for title, path, scale, form in rows():
        values = [lookup(result[n], path) for n in names]
        if any(v is not None for v in values):
            lines.append(f"{title:36}" + "".join(f"{'' if v is None else format(v * scale, form):>14}" for v in values))
    return "\n".join([*lines, *growth_lines(lookup(result, "postern.growth") or {})])


def added_p99(result, name, payload):
    """What a gateway adds to the bare server's p99 at the same rate; never less than a microsecond."""
    own = lookup(result.get(name), f"latency_us.{payload}.p99")
    bare = lookup(result.get("floor"), f"latency_us.{payload}.p99")
    return None if own is None or bare is None else max(own - bare, 1)


def ratios(result):
    """(title, value, limit, wanted; at least or at most) of what is compared with others."""
    for peer, payloads in TIMES_PEER.items():
        for p, (must, wanted) in payloads.items():
            own, other = (lookup(result.get(n), f"payloads.{p}.cpu_us") for n in ("postern", peer))
            yield f"{p}: {peer}'s CPU over ours", own and other and other / own, must, wanted
    own, bare = (lookup(result.get(n), "payloads.small.cpu_us") for n in ("postern", "floor"))
    yield "small: our CPU over the floor's", own and bare and own / bare, -TIMES_FLOOR, None
    for p in ("small", "chat"):
        peers = [a for n in TIMES_PEER for a in [added_p99(result, n, p)] if a is not None]
        own = added_p99(result, "postern", p)
        yield f"{p}: added p99 over the better peer's", own and peers and own / min(peers), -0.25, None


def absolutes(figures):
    for title, path, scale, limit in (
            ("10,000 idle: cost ratio", "idle.cost_ratio", 1, 1.15), ("10,000 idle: KiB each", "idle.kib_each", 1, 12),
            ("RSS at rest, MB", "rss_rest_kb", 1 / 1024, 12), ("large: RSS per byte in flight",
                                                              "payloads.large.rss_per_byte", 1, 2),
            ("ready after start, ms", "ready_ms", 1, 20), ("stream: CPU µs per message", "stream.message_us", 1, 3),
            ("stream: first token µs over direct", "stream.first_added_us", 1, 200),
            ("limit, counted here: CPU µs added", "limits.here.added_us", 1, 1),
            ("limit, asked of Redis: CPU µs added", "limits.redis.added_us", 1, 6),
            ("limit, leased from Redis: CPU µs added", "limits.leased.added_us", 1, 1.5),
            ("limit, any of a million keys: CPU µs added", "limits.million keys.added_us", 1, 2),
            ("auth, API key: CPU µs added", "auth.api key.added_us", 1, 1),
            ("auth, JWT that is known: CPU µs added", "auth.jwt.added_us", 1, 2),
            ("auth, JWT that is known: CPU µs to judge it", "auth.jwt.judged_us", 1, 2),
            ("limit, a million keys: MB", "limits.million keys.mb", 1, 128)):
        value = lookup(figures, path)
        yield title, None if value is None else value * scale, -limit, None
    sizes = [at["ns_per_byte"] for at in lookup(figures, "growth.sizes") or []]
    routes = [at["cpu_us"] for at in lookup(figures, "growth.routes") or []]
    yield "a byte of 60 MiB over one of 16 KiB", sizes and sizes[-1] / sizes[1], -1.25, None
    yield "a call of 10,000 routes over one of 10", routes and routes[-1] / routes[0], -1.15, None
    yield "requests/s of two workers over one", lookup(figures, "growth.workers.throughput_ratio"), 1.8, None


def goals(result):
    """A line for each goal that was measured. A negative limit is the most that may be."""
    lines = []
    for title, value, limit, wanted in [*ratios(result), *absolutes(result.get("postern"))]:
        if not value:
            continue
        met = value <= -limit if limit < 0 else value >= limit
        more = f", wanted {wanted}{'' if value < wanted else ': yes'}" if wanted else ""
        lines.append(f"{'yes' if met else 'NO ':4} {title:40} {value:8.2f}  ({'≤' if limit < 0 else '≥'} {abs(limit)}{more})")
    return "\n".join(["goals:", *lines]) if lines else ""
