#!/usr/bin/python3
"""Where a request's time goes: the ten dearest places of the gateway under load, called by run.sh.

With perf: system calls with all that the kernel does in them, and functions of the program by themselves, in
microseconds of CPU. Without, callgrind: functions by themselves, in instructions, which says nothing of the
kernel but is the same each time. Environment: PAYLOAD=small, chat or tensor; WITH=perf or callgrind."""
import os
import re
import shutil
import subprocess
import sys
import time

import gateways
import load
import payloads
from gateways import BenchError

OUT = gateways.out_dir()
PORT, CONNECTIONS, TOP = int(os.environ.get("PORT", 24100)), 64, 10
PERF_S, START_S = 4, 60
CALLGRIND_REQUESTS = {"small": 4000, "chat": 2000, "tensor": 100}
WARM = {"small": 4000, "chat": 2000, "tensor": 128}


def run(argv):
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(f"{' '.join(argv)} failed: {done.stderr[-300:]}")
    return done.stdout


def perf_works():
    return shutil.which("perf") and subprocess.run(
        ["perf", "record", "-q", "-e", "cpu-clock", "-o", f"{OUT}/perf.data", "true"], capture_output=True,
        check=False).returncode == 0


def tool():
    wanted = os.environ.get("WITH", "")
    if wanted in ("", "perf") and perf_works():
        return "perf"
    if wanted in ("", "callgrind") and shutil.which("valgrind"):
        return "callgrind"
    raise BenchError(f"{wanted or 'perf and callgrind'} cannot be used here: apt-get install linux-perf valgrind")


def perf_places(report):
    """[(share, place)]: "36.1%  0.2%  [k] __sys_sendmsg  [kernel.kallsyms]" has a line with its children first,
    then itself."""
    places, calls = [], {}
    for line in report.splitlines():
        m = re.match(r"\s*([\d.]+)%\s+([\d.]+)%\s+\[(.)\] (\S+)\s+(\S+)", line)
        if not m:
            continue
        children, own, where, symbol, dso = m.groups()
        call = re.fullmatch(r"__(?:x64_)?sys_(\w+)", symbol) if where == "k" else None
        if call:
            calls[call.group(1)] = max(float(children), calls.get(call.group(1), 0))
        elif where == ".":
            places.append((float(own), f"{symbol} ({os.path.basename(dso)})"))
    return sorted([*places, *((share, f"system call {name}") for name, share in calls.items())], reverse=True)


def with_perf(gateway, path, cpus):
    trial = load.closed(OUT, gateway, path, CONNECTIONS, cpus, WARM[os.path.basename(path)[:-5]])
    recorder = subprocess.Popen(["perf", "record", "-q", "-e", "cpu-clock", "-F", "4999", "-g", "-o", f"{OUT}/perf.data",
                                 "-p", str(gateway.child.pid), "--", "sleep", str(PERF_S)])
    before = gateway.cpu_ns()
    seen = load.closed(OUT, gateway, path, CONNECTIONS, cpus, max(CONNECTIONS, int(trial["per_second"] * PERF_S)))
    cpu_us = (gateway.cpu_ns() - before) / 1000 / seen["requests"]
    recorder.wait(START_S)
    places = perf_places(run(["perf", "report", "-i", f"{OUT}/perf.data", "--children", "-g", "none", "--percent-limit",
                              "0.05", "--sort", "symbol,dso"]))
    print(f"{cpu_us:.1f} µs of CPU per request; of these:")
    for share, place in places[:TOP]:
        print(f"{share / 100 * cpu_us:8.2f} µs {share:5.1f} %  {place}")


def with_callgrind(gateway, path, cpus):
    name = os.path.basename(path)[:-5]
    pid, dump = str(gateway.child.pid), f"{OUT}/callgrind.out"
    load.closed(OUT, gateway, path, CONNECTIONS, cpus, CALLGRIND_REQUESTS[name])
    run(["callgrind_control", "-i", "on", pid])
    load.closed(OUT, gateway, path, CONNECTIONS, cpus, CALLGRIND_REQUESTS[name])
    run(["callgrind_control", "-i", "off", pid])
    run(["callgrind_control", "-d", pid])
    gateway.end()
    dumps = sorted(f for f in os.listdir(OUT) if f.startswith("callgrind.out."))
    text = run(["callgrind_annotate", "--auto=no", "--threshold=100", f"{OUT}/{dumps[0]}" if dumps else dump])
    total = 0
    costs = {}
    for line in text.splitlines():
        m = re.match(r"\s*([\d,]+) \([ \d.]+%\)\s+(.*)", line)
        if not m:
            continue
        n = int(m.group(1).replace(",", ""))
        if m.group(2).startswith("PROGRAM TOTALS"):
            total = n
        else:
            place = re.sub(r"^(?:\S*/)?([^/\s]+:.+?)(?:\s+\[(?:.*/)?([^/]+)\])?$", r"\1 (\2)", m.group(2).strip())
            costs[place] = costs.get(place, 0) + n
    per = CALLGRIND_REQUESTS[name]
    print(f"{total / per:,.0f} instructions per request; of these:")
    for place, n in sorted(costs.items(), key=lambda c: -c[1])[:TOP]:
        print(f"{n / per:10,.0f} {n / total * 100:5.1f} %  {place}")


def main():
    cpus = sorted(os.sched_getaffinity(0))
    own, rest = {cpus[0]}, set(cpus[1:] or cpus)
    name, how = os.environ.get("PAYLOAD", "small"), tool()
    bodies = payloads.all_of_them()
    if name not in bodies:
        raise BenchError(f"PAYLOAD={name} is none of {', '.join(bodies)}")
    path = f"{OUT}/{name}.json"
    with open(path, "wb") as f:
        f.write(bodies[name])
    for old in os.listdir(OUT):
        if old.startswith("callgrind.out"):
            os.remove(f"{OUT}/{old}")
    backend = gateways.backend(OUT, PORT, rest)
    gateway = gateways.make("postern", OUT, PORT + 1, PORT, own)
    if how == "callgrind":
        gateway.argv = ["valgrind", "-q", "--tool=callgrind", "--instr-atstart=no",
                        f"--callgrind-out-file={OUT}/callgrind.out", *gateway.argv]
    print(f"profile: {name}, {CONNECTIONS} connections, by {how}", flush=True)
    try:
        backend.spawn()
        backend.wait_for(backend.listens)
        gateway.spawn()
        gateway.wait_for(lambda: gateway.answers(bodies[name]))
        time.sleep(0.2)
        (with_perf if how == "perf" else with_callgrind)(gateway, path, rest)
    finally:
        gateway.end()
        backend.end()


if __name__ == "__main__":
    try:
        main()
    except BenchError as e:
        sys.exit(f"profile: {e}")
