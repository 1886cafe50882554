#!/usr/bin/python3
"""What the tests have run, by folder: coverage.py BUILD, of the counts that programs built with
MODE=cov have left in BUILD. Lines of a header count as covered when any of its includers has run them."""
import collections
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys

PRODUCT = ("transcoder", "gateway", "stubs", "tools/protoc-gen-postern", "tools/demo-backend")


def counts(data):
    """The lines of the sources that this object was made of: [(file, {line: times run})]."""
    out = subprocess.run(["gcov", "--json-format", "--stdout", str(data)], capture_output=True, text=True)
    found = []
    for line in out.stdout.splitlines():
        for f in json.loads(line)["files"]:
            lines = collections.Counter()
            for x in f["lines"]:
                lines[x["line_number"]] += x["count"]
            found.append((os.path.relpath(f["file"]), lines))
    return found


def main(build):
    objects = [p for folder in PRODUCT for p in pathlib.Path(build, "obj", folder).rglob("*.gcda")]
    if not objects:
        print(f"coverage: nothing has run in {build}: make check MODE=cov")
        return 2
    files = collections.defaultdict(collections.Counter)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for found in pool.map(counts, objects):
            for name, lines in found:
                if name.startswith(PRODUCT):
                    files[name].update(lines)
    folders = collections.defaultdict(lambda: [0, 0])
    for name, lines in files.items():
        for key in (os.path.dirname(name), "all"):
            folders[key][0] += sum(n > 0 for n in lines.values())
            folders[key][1] += len(lines)
    least = sorted(files, key=lambda f: sum(n > 0 for n in files[f].values()) / max(len(files[f]), 1))[:10]
    print(f"{'':40}{'lines':>8}{'run':>8}")
    for key in sorted(folders, key=lambda k: (k == "all", k)):
        run, all_ = folders[key]
        print(f"{key:40}{all_:8}{run / max(all_, 1):8.1%}")
    print("least: " + ", ".join(f"{f} {sum(n > 0 for n in files[f].values()) / max(len(files[f]), 1):.0%}"
                                for f in least))
    return 0


sys.exit(main(*sys.argv[1:]))
