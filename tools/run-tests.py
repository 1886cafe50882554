#!/usr/bin/python3
"""Runs the stages it is given, in order, shows failures only, and ends with one line: N passed, N failed.

  --step NAME=COMMAND   a command; passes when it exits 0
  --unit DIR            every *_test program below DIR (cmocka, TAP), two at a time
  --e2e DIR             pytest
  --scripts DIR         every *.sh in DIR; exit 77 means skipped, its last line says what is missing
"""
import concurrent.futures
import glob
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree

UNIT_TIMEOUT, E2E_TIMEOUT, SCRIPT_TIMEOUT = 120, 480, 900
TAIL = 60


class Totals:
    def __init__(self):
        self.passed, self.failed, self.skipped, self.broken = 0, 0, [], []

    def add(self, name, passed, failed, skipped=(), output="", took=0.0):
        self.passed += passed
        self.failed += failed
        self.skipped += [f"{name}: {s}" if s else name for s in skipped]
        if failed:
            self.broken.append(name)
            print(f"--- {name}: {failed} failed ---\n" + "\n".join(output.splitlines()[-TAIL:]) + "\n---")
        elif took:
            print(f"{name}: {passed} passed" + (f", {len(skipped)} skipped" if skipped else "") + f" ({took:.1f} s)")
        sys.stdout.flush()


def run(command, timeout, **extra):
    """(exit status, output); when the time is up, 124, and all that the command has started is ended."""
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             start_new_session=True, **extra)
    try:
        output, late = child.communicate(timeout=timeout)[0], ""
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        output, late = child.communicate()[0], f"\nstopped after {timeout} s"
    return 124 if late else child.returncode, output.decode(errors="replace") + late


def step(spec, totals):
    name, command = spec.split("=", 1)
    start = time.monotonic()
    status, output = run(shlex.split(command), SCRIPT_TIMEOUT)
    totals.add(name, int(status == 0), int(status != 0), output=output, took=time.monotonic() - start)


def unit_program(path):
    env = dict(os.environ, CMOCKA_MESSAGE_OUTPUT="TAP",
               ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "detect_leaks=1:abort_on_error=0"),
               UBSAN_OPTIONS="print_stacktrace=1")
    status, output = run([path], UNIT_TIMEOUT, env=env)
    planned = sum(int(n) for n in re.findall(r"^1\.\.(\d+)", output, re.M))
    passed = len(re.findall(r"^ok \d+ - ", output, re.M))
    skipped = re.findall(r"^not ok \d+ # SKIP (.*)", output, re.M)
    failed = planned - passed - len(skipped)
    if status != 0 and failed == 0:      # a leak report, a crash at exit, or no test at all
        failed = 1
    if planned == 0 and status == 0:
        failed, output = 1, "the program ran no test"
    return passed, failed, skipped, output + (f"\nexit status {status}" if status else "")


def unit(directory, totals):
    programs = sorted(p for p in glob.glob(f"{directory}/**/*_test", recursive=True) if os.access(p, os.X_OK))
    programs = [p for p in programs if os.path.exists(source_of(p, directory))]
    start, passed, skips = time.monotonic(), 0, []
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        for path, (good, bad, skipped, output) in zip(programs, pool.map(unit_program, programs)):
            passed += good
            skips += skipped
            totals.add(path, good, bad, skipped, output)
    print(f"{directory}: {passed} passed, {len(programs)} programs ({time.monotonic() - start:.1f} s)")


def source_of(program, directory):
    """A program whose source is gone is a leftover of an earlier build."""
    return f"tests/unit/{os.path.relpath(program, directory)}.c"


def e2e(directory, totals):
    if not glob.glob(f"{directory}/**/test_*.py", recursive=True):
        return
    with tempfile.TemporaryDirectory() as scratch:
        report, start = os.path.join(scratch, "report.xml"), time.monotonic()
        status, output = run(["/usr/bin/python3", "-m", "pytest", "-q", "--tb=short", "-p", "no:cacheprovider",
                              f"--junitxml={report}", directory], E2E_TIMEOUT)
        try:
            suite = xml.etree.ElementTree.parse(report).getroot().find("testsuite").attrib
            failed, skips = int(suite["failures"]) + int(suite["errors"]), int(suite["skipped"])
            passed = int(suite["tests"]) - failed - skips
        except (OSError, xml.etree.ElementTree.ParseError):
            passed, failed, skips = 0, 1, 0
    if status != 0 and failed == 0:
        failed = 1
    totals.add(directory, passed, failed, ["pytest skip"] * skips, output, time.monotonic() - start)


def scripts(directory, totals):
    for path in sorted(glob.glob(f"{directory}/*.sh")):
        start = time.monotonic()
        status, output = run([path], SCRIPT_TIMEOUT)
        if status == 77:
            totals.add(path, 0, 0, [(output.strip().splitlines() or ["no reason given"])[-1]])
            continue
        passed, failed = counted(output, status)
        totals.add(path, passed, failed, output=output, took=time.monotonic() - start)


def counted(output, status):
    """A script may count its own tests by a last line like ours; otherwise it is one test."""
    m = re.search(r"^(\d+) passed, (\d+) failed$", output, re.M)
    if not m:
        return int(status == 0), int(status != 0)
    passed, failed = int(m.group(1)), int(m.group(2))
    return passed, max(failed, int(status != 0))


def main(arguments):
    # Libraries that were not built for it (gRPC core and what it is made of) look racy to ThreadSanitizer.
    os.environ.setdefault("TSAN_OPTIONS", "ignore_noninstrumented_modules=1")
    stages, totals = {"--step": step, "--unit": unit, "--e2e": e2e, "--scripts": scripts}, Totals()
    if len(arguments) % 2 or any(a not in stages for a in arguments[::2]):
        print(__doc__)
        return 2
    for kind, value in zip(arguments[::2], arguments[1::2]):
        stages[kind](value, totals)
    for name in totals.skipped:
        print(f"skipped: {name}")
    for name in totals.broken:
        print(f"failed: {name}")
    print(f"{totals.passed} passed, {totals.failed} failed")
    return 1 if totals.failed else 0


sys.exit(main(sys.argv[1:]))
