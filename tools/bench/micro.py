#!/usr/bin/python3
"""What transcoding costs alone, without sockets: JSON to protobuf and back, by Postern, by json-c with a walk over tree
and schema, and by protobuf's own C++ JSON on dynamic messages. A transcoder whose library is not installed is named and
left out. Every one must write the same protobuf bytes and equivalent JSON, else there are no figures.

    make bench-micro [MS=300] [ROUNDS=3] [INSTRUCTIONS=1]

Then what policies' expressions cost. CPU time of the quietest batch, in ns per call and in MB of JSON per second. INSTRUCTIONS=1 counts Postern's with
callgrind, which repeats to the last digit on any machine. Writes build/bench/micro.json.
"""
import base64
import json
import os
import random
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import payloads  # noqa: E402

BUILD = os.environ.get("POSTERN_BUILD", "build")
OUT = f"{BUILD}/bench/micro"
MS, ROUNDS = int(os.environ.get("MS", 300)), int(os.environ.get("ROUNDS", 3))
TYPE = "bench.micro.Micro"
FLAGS = ["-O2", "-g", "-I.", "-D_GNU_SOURCE", "-Wall", "-Wextra"]
# name -> source, compiler, libraries
TRANSCODERS = {
    "postern": ("postern.c", ["gcc", "-std=gnu11"], []),
    "json-c": ("json-c.c", ["gcc", "-std=gnu11"], ["-ljson-c"]),
    "protobuf": ("protobuf.cc", ["g++", "-std=c++17"], ["-lprotobuf"]),
}
DIRECTIONS = {"to_protobuf_ns": "JSON -> protobuf", "to_json_ns": "protobuf -> JSON"}
GROWTH = [1 << 10, 16 << 10, 256 << 10, 4 << 20, 64 << 20]


def die(text):
    sys.exit(f"bench-micro: {text}")


# ---- what is transcoded

def document(**fields):
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()


def deep(levels):
    return b'{"id":"1","inner":' * (levels - 1) + b'{"id":"1"}' + b"}" * (levels - 1)


def wide_text(size):
    words = "die Brücke – 門の中の小さな門 \U0001f6aa „é“ \"quoted\"\n дверь "
    return (words * (size // len(words.encode()) + 1)).encode()[:size].decode(errors="ignore")


def floats(size):
    """About `size` bytes of them; long ones repeat 10,000 values."""
    values = payloads.tensor()[len('{"values":['):-2].split(b",")
    repeated = b",".join(values)
    text = b",".join([repeated] * (size // len(repeated) + 1))[:size]
    return b'{"values":[' + text[:text.rfind(b",")] + b"]}"


def ascii_text(size):
    line = "the gate stands open for those who walk in alone, "
    return document(text=(line * (size // len(line) + 1))[:size])


def inputs():
    dice = random.Random(3)
    return {
        **payloads.all_of_them(),
        "doubles (1,000)": document(doubles=[dice.gauss(0, 1) for _ in range(1000)]),
        "token ids (4,096)": document(tokens=[dice.randrange(1, 128000) for _ in range(4096)]),
        "ASCII text (1 MB)": ascii_text(1 << 20),
        "wide text (1 MB)": document(text=wide_text(1 << 20)),
        "bytes (1 MB)": document(blob=base64.b64encode(dice.randbytes(768 << 10)).decode()),
        "deep (30 levels)": deep(30),
    }


# ---- one run

def build():
    """The transcoders that can be measured here."""
    os.makedirs(OUT, exist_ok=True)
    subprocess.run(["protoc", "-Itools/bench/micro", f"--descriptor_set_out={OUT}/micro.pb", "micro.proto"], check=True)
    subprocess.run(["gcc", "-std=gnu11", *FLAGS, "-c", "-o", f"{OUT}/micro.o", "tools/bench/micro/micro.c"], check=True)
    found = []
    for name, (source, compiler, libraries) in TRANSCODERS.items():
        command = [*compiler, *FLAGS, "-o", f"{OUT}/{name}", f"tools/bench/micro/{source}", f"{OUT}/micro.o",
                   f"{BUILD}/libtranscoder.a", *libraries, "-lm"]
        done = subprocess.run(command, capture_output=True, text=True)
        probe = [f"{OUT}/{name}", *["/dev/null"] * 5]
        if done.returncode == 0 and subprocess.run(probe, capture_output=True).returncode != 77:
            found.append(name)
        elif name == "postern":
            die(done.stderr)
        else:
            print(f"bench-micro: no {name}: its library is not installed")
    return found


def run(name, label, text, ms, tool=()):
    stem = f"{OUT}/{re.sub('[^a-z0-9]+', '-', label.lower()).strip('-')}"
    with open(f"{stem}.input", "wb") as f:
        f.write(text)
    done = subprocess.run([*tool, f"{OUT}/{name}", f"{OUT}/micro.pb", TYPE, f"{stem}.input", f"{stem}.{name}", str(ms)],
                          capture_output=True, text=True)
    if done.returncode != 0:
        die(f"{name} failed on {label}: {done.stderr.strip()}")
    return json.loads(done.stdout), f"{stem}.{name}"


def read(path):
    with open(path, "rb") as f:
        return f.read()


def check(name, label, text, path, wire):
    """Figures only for what is right: the bytes of the others, and JSON that means what was sent."""
    if wire is not None and read(path + ".pb") != wire:
        die(f"{name} writes other protobuf bytes for {label}")
    fault = payloads.fault(text, read(path + ".json")) if len(text) < 8 << 20 else None
    if fault:
        die(f"{name}: the JSON for {label} {fault}")


def measure(names, label, text):
    best, wire = {}, None
    for _ in range(ROUNDS):
        for name in names:
            figures, path = run(name, label, text, MS)
            check(name, label, text, path, wire)
            wire = read(path + ".pb")
            known = best.setdefault(name, figures)
            for direction in DIRECTIONS:
                known[direction] = min(known[direction], figures[direction])
    return best


def instructions(label, text):
    """Of one call in each direction."""
    counts = {}
    tool = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={OUT}/callgrind.out", "--toggle-collect=micro_call"]
    run("postern", label, text, 0, tool)
    table = subprocess.run(["callgrind_annotate", "--inclusive=yes", f"{OUT}/callgrind.out"], capture_output=True,
                           text=True, check=True).stdout
    for direction in DIRECTIONS:
        found = re.search(rf"^ *([\d,]+) .*:{direction[:-3]}\b", table, re.M)
        counts[direction[:-3]] = int(found[1].replace(",", ""))
    return counts


# ---- tables

def nanoseconds(ns):
    return f"{ns:,.0f} ns" if ns < 1e4 else f"{ns / 1e3:,.1f} us" if ns < 1e7 else f"{ns / 1e6:,.1f} ms"


def table(results, names):
    for direction, title in DIRECTIONS.items():
        print(f"\n{title:<20}" + "".join(f"{name:>22}" for name in names)
              + "".join(f"{'x ' + name:>12}" for name in names[1:]))
        for label, figures in results.items():
            own = figures[names[0]][direction]
            print(f"{label:<20}" + "".join(
                f"{nanoseconds(figures[n][direction]):>11}{figures[n]['input'] * 1e3 / figures[n][direction]:>6,.0f} MB/s"
                for n in names) + "".join(f"{figures[n][direction] / own:>11.1f} " for n in names[1:]))


def growth():
    """Cost per byte of JSON from 1 KB to 64 MB, of Postern."""
    print(f"\n{'ns per byte':<20}" + "".join(f"{nice(size):>10}" for size in GROWTH))
    rows = {}
    for kind, make in (("floats", floats), ("ASCII text", ascii_text)):
        sized = {size: measure(["postern"], f"{kind} {size}", make(size))["postern"] for size in GROWTH}
        for direction, title in DIRECTIONS.items():
            row = [sized[size][direction] / sized[size]["input"] for size in GROWTH]
            rows[f"{kind}, {direction[:-3]}"] = dict(zip(map(str, GROWTH), row))
            print(f"{kind + ', ' + title.split()[-1]:<20}" + "".join(f"{ns:>10.3f}" for ns in row))
    return rows


def expressions():
    """Policies' expressions, as a call evaluates them. The first two have goals: 30 and 150 ns."""
    subprocess.run(["gcc", "-std=gnu11", *FLAGS, "-o", f"{OUT}/expressions", "tools/bench/micro/expressions.c",
                    f"{BUILD}/libgateway.a", f"{BUILD}/libtranscoder.a", "-l:libre2.a", "-l:libstdc++.a", "-lm",
                    "-lpthread"], check=True)
    done = subprocess.run([f"{OUT}/expressions", str(MS)], capture_output=True, text=True)
    if done.returncode != 0:
        die(done.stderr.strip())
    rows = json.loads(done.stdout)
    print(f"\n{'expression':<70}{'ns':>8}")
    for source, ns in rows.items():
        print(f"{source:<70}{ns:>8.1f}")
    return rows


def nice(size):
    return f"{size >> 20} MB" if size >= 1 << 20 else f"{size >> 10} KB"


def main():
    names = build()
    results = {label: measure(names, label, text) for label, text in inputs().items()}
    table(results, names)
    document_out = {"calls": results, "growth": growth(), "expressions": expressions()}
    if os.environ.get("INSTRUCTIONS"):
        counts = {label: instructions(label, text) for label, text in inputs().items()}
        document_out["instructions"] = counts
        print(f"\n{'instructions':<20}{'to protobuf':>14}{'to JSON':>14}")
        for label, count in counts.items():
            print(f"{label:<20}{count['to_protobuf']:>14,}{count['to_json']:>14,}")
    with open(f"{OUT}.json", "w", encoding="utf-8") as f:
        json.dump(document_out, f, indent=1)
    print(f"\nbench-micro: written to {OUT}.json")


main()
