#!/usr/bin/python3
"""The house rules that a compiler does not know: who may include whom, how long things may get, what may not be
called, and that nothing mutable is global. Every fault is printed as file:line with its remedy; exit 1 if any.

A rule may be broken where a comment on the same line or the line above says why: /* breach: reason */
"""
import glob
import os
import re
import statistics
import subprocess
import sys

COLUMNS = 100
FUNCTION_LINES, FUNCTION_MEDIAN = 60, 12
FILE_LINES = {".c": 500, ".cc": 500, ".h": 150}
TEST_LINES = 700
ROOTS = ["transcoder", "gateway", "stubs", "tools", "tests"]

# Folder -> the folders (or files) whose headers it may include; the longest matching folder decides.
GROUND = ["transcoder/"]
CORE = GROUND + ["gateway/bounds.h", "gateway/expr/", "gateway/core/", "gen/"]
INCLUDES = {
    "transcoder/": GROUND,
    "gateway/expr/": GROUND + ["gateway/bounds.h", "gateway/expr/"],
    "gateway/core/": CORE,
    "gateway/front/": CORE + ["gateway/front/"],
    "gateway/policy/": CORE + ["gateway/policy/"],
    "gateway/upstream/": CORE + ["gateway/upstream/"],
    "gateway/watch/": CORE + ["gateway/watch/"],
    "gateway/": GROUND + ["gateway/", "gen/"],
    "stubs/": CORE + ["stubs/"],
    "tools/protoc-gen-postern/": CORE + ["gateway/policy/", "tools/protoc-gen-postern/"],
    "tools/cel-testee/": GROUND + ["gateway/expr/", "tools/cel-testee/"],
    "tools/demo-backend/": GROUND + ["gen/", "stubs/", "tools/demo-backend/"],
}
# Library header -> the only sources that may know it.
LIBRARIES = [
    (r"microhttpd\.h", r"gateway/front/"),
    (r"nghttp2/", r"gateway/front/\w*(http2|h2)\w*\.[ch]$|gateway/upstream/http2\w*\.[ch]$|tools/bench/"),
    (r"grpc/", r"gateway/upstream/grpc_core\w*\.[ch]$|tools/demo-backend/|stubs/"),
    (r"gnutls/", r"gateway/(\w+/)?(auth_\w*|\w*tls\w*|digest)\.[ch]$"),
    (r"curl/", r"gateway/upstream/http_fetch\w*\.[ch]$"),
    (r"hiredis/", r"gateway/upstream/redis_wire\.c$"),
    (r"re2/", r"gateway/expr/regex\.cc$"),
    (r"yaml\.h", r"gateway/config\w*\.[ch]$"),
]
# The ground floor has no file descriptors, clocks, threads or logs, so it needs no more than this.
TRANSCODER_SYSTEM = set("""stdalign.h stdarg.h stdbool.h stddef.h stdint.h stdlib.h stdio.h string.h limits.h inttypes.h
    float.h math.h assert.h endian.h emmintrin.h immintrin.h arm_neon.h charconv cmath cstdint cstring cstddef
    system_error""".split())

# (functions, sources where they are at home, remedy)
BANNED = [
    (r"v?sprintf|strcpy|stpcpy|strcat|strncpy|strncat|strtok(_r)?|ato[ifl]|atoll|gets|alloca|strdupa",
     r"$^", "use struct str and the bounded functions of transcoder/buf.h and transcoder/text.h"),
    (r"strlen", r"transcoder/str\.h|tests/|tools/", "bytes of a peer carry their length; str_c() is for other text"),
    (r"time|clock_gettime|gettimeofday|clock", r"gateway/core/clock|tests/|tools/",
     "take the time as an argument; gateway/core/clock.h reads it"),
    (r"malloc|calloc|realloc|reallocarray|strn?dup|v?asprintf",
     r"transcoder/(arena|buf)|gateway/core/|gateway/\w+\.c|gateway/\w+/\w*pool|gateway/policy/(policy_compile|limit(_\w+)?)|tests/|tools/",
     "request memory comes from the exchange's arena, long-lived memory from start-up code"),
    (r"v?f?printf|puts|fputs|putchar|fputc|perror|v?dprintf", r"gateway/(main\.c|keys\w*\.[ch])|tests/|tools/",
     "use gateway/core/log.h"),
]

faults = []
function_lengths = []


def fault(path, line, text):
    faults.append((path, line, text))


def blank(text, also_strings=True):
    """Comments, and strings if asked, become spaces; lines stay where they are."""
    def spaces(m):
        s = m.group(0)
        if s[0] in "\"'" and not also_strings:
            return s
        return re.sub(r"[^\n]", " ", s)
    return re.sub(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', spaces, text, flags=re.S)


def excused(lines, i):
    return "breach:" in lines[i] or (i > 0 and "breach:" in lines[i - 1])


def check_includes(path, lines, code):
    home = max((d for d in INCLUDES if path.startswith(d)), key=len, default=None)
    for i, line in enumerate(code):
        m = re.match(r'\s*#\s*include\s*(["<])([^">]+)[">]', line)
        if not m or excused(lines, i):
            continue
        own, name = m.group(1) == '"', m.group(2)
        if own and "/" not in name:
            fault(path, i + 1, f'"{name}": write includes from the repository root, "folder/{name}"')
        elif own and home and not any(name.startswith(a) for a in INCLUDES[home]):
            fault(path, i + 1, f"{home} must not include {name}; it may include {' '.join(INCLUDES[home])}")
        elif not own and path.startswith("transcoder/") and name not in TRANSCODER_SYSTEM:
            fault(path, i + 1, f"<{name}> in the transcoder: it has no descriptors, clocks, threads or logs")
        for library, allowed in [] if own or path.startswith("tests/") else LIBRARIES:
            if re.match(library, name) and not re.match(allowed, path):
                fault(path, i + 1, f"<{name}> is known only to {allowed}; go through what that offers")


def check_calls(path, lines, code):
    for names, home, remedy in BANNED:
        if re.match(home, path):
            continue
        for i, line in enumerate(code):
            m = re.search(rf"(?<![\w.>])({names})\s*\(", line)
            if m and not excused(lines, i):
                fault(path, i + 1, f"{m.group(1)}() is banned here: {remedy}")


def functions(code):
    """(first line, last line, name), by the format's habit: a function's braces stand alone in column 0."""
    start = None
    for i, line in enumerate(code):
        if line.rstrip() == "{":
            start = i
        elif line.startswith("}") and start is not None:
            head = start
            while head > 0 and code[head - 1].strip() and not re.search(r"[;}]\s*$|^#", code[head - 1]):
                head -= 1
            m = re.search(r"(\w+)\s*\(", " ".join(code[head:start]))
            yield head, i, m.group(1) if m else "?"
            start = None


def check_lengths(path, lines, code):
    test = path.startswith("tests/")
    most = TEST_LINES if test else FILE_LINES[os.path.splitext(path)[1]]
    if len(lines) > most:
        fault(path, len(lines), f"{len(lines)} lines, the budget is {most}: split it by idea")
    for i, line in enumerate(lines):
        if len(line) > COLUMNS:
            fault(path, i + 1, f"{len(line)} columns, the budget is {COLUMNS}")
        if re.search(r"\bTODO\b(?! ?\(?#\d)", line):
            fault(path, i + 1, "a TODO names its issue: TODO #12")
    for head, end, name in functions(code):
        length = end - head + 1
        if not test:
            function_lengths.append(length)
        if length > FUNCTION_LINES and not excused(lines, head):
            fault(path, head + 1, f"{name}() has {length} lines, the budget is {FUNCTION_LINES}: split it")
    if path.endswith(".h") and not any(line.startswith("#pragma once") for line in lines):
        fault(path, 1, "a header says #pragma once")


def check_mirror(path):
    """tests/unit/a/b_test.c tests a/b.c, and tests/unit/a/b_more_test.c a part of it."""
    stem = path[len("tests/unit/"):-len("_test.c")]
    while stem and not glob.glob(stem + ".[ch]") + glob.glob(stem + ".cc"):
        cut = stem.rfind("_")
        stem = stem[:cut] if cut > stem.rfind("/") + 1 else ""
    if not stem:
        fault(path, 1, "a unit test stands where its source stands: tests/unit/FOLDER/SOURCE_test.c")


def check_globals(build):
    """Symbols in writable sections of the objects of a plain build. Relocated constants are not writable."""
    objects = [o for r in ("transcoder", "gateway", "stubs")
               for o in glob.glob(f"{build}/obj/{r}/**/*.o", recursive=True)]
    objects = [o for o in objects if not o.startswith(f"{build}/obj/gateway/main")]
    if not objects:
        return
    table = subprocess.run(["objdump", "-t", *objects], capture_output=True, text=True, check=True).stdout
    path = ""
    for line in table.splitlines():
        m = re.match(r"(\S+\.o):\s+file format", line)
        if m:
            path = source_of(m.group(1)[len(build) + len("/obj/"):-2])
        m = re.match(r"\w+ .{7} \.(t?data|t?bss)(?!\.rel\.ro)(\.\S+)?\s+\w+ (\S+)$", line)
        if m and path and m.group(3) != "." + m.group(1) + (m.group(2) or ""):
            report_global(path, m.group(3).split(".")[0])


def source_of(stem):
    return next((stem + e for e in (".c", ".cc") if os.path.exists(stem + e)), "")


def report_global(path, symbol):
    with open(path, encoding="utf-8") as f:
        lines = f.read().splitlines()
    at = next((i for i, line in enumerate(lines) if re.search(rf"\b{symbol}\b", line)), None)
    if at is not None and not excused(lines, at):
        fault(path, at + 1, f"{symbol} is mutable and global: make it const, or state of a worker or exchange")


def main():
    paths = sorted(p for r in ROOTS for e in ("c", "h", "cc") for p in glob.glob(f"{r}/**/*.{e}", recursive=True))
    for path in paths:
        with open(path, encoding="utf-8") as f:
            text = f.read()
        lines, code = text.splitlines(), blank(text).splitlines()
        check_includes(path, lines, blank(text, also_strings=False).splitlines())
        check_calls(path, lines, code)
        check_lengths(path, lines, code)
        if path.startswith("tests/unit/") and path.endswith("_test.c"):
            check_mirror(path)
    check_globals(os.environ.get("POSTERN_BUILD", "build"))
    median = statistics.median(function_lengths) if function_lengths else 0
    if median > FUNCTION_MEDIAN:
        fault("transcoder", 0, f"the median function has {median:g} lines, the budget is {FUNCTION_MEDIAN}")
    for path, line, text in sorted(faults):
        print(f"{path}:{line}: {text}", file=sys.stderr)
    print(f"structure: {len(paths)} files, {len(function_lengths)} functions, median {median:g} lines, "
          f"{len(faults)} faults")
    return 1 if faults else 0


sys.exit(main())
