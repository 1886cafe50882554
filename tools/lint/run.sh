#!/bin/sh
# run.sh: everything that reads the code without running it; FLAGS holds the compiler flags (make lint sets them).
# Goes on after a fault, so that one run shows them all; exits 1 if there was any.
set -u
status=0
stage() {
    name=$1 start=$(date +%s)
    shift
    "$@" || { status=1; echo "lint: $name found faults" >&2; }
    echo "lint: $name ($(($(date +%s) - start)) s)"
}
# each FOLDERS GLOB COMMAND...: the command on every such source, as many at a time as there are cores.
each() {
    folders=$1 glob=$2
    shift 2
    # shellcheck disable=SC2086
    find $folders -name "$glob" 2>/dev/null | sort | xargs -r -n 1 -P "$(nproc)" "$@"
}

product="transcoder gateway stubs tools"
all="$product tests"
C="-std=gnu11 -Wstrict-prototypes -Wmissing-prototypes"
stage structure tools/lint/structure.py
stage format tools/lint/format.sh
# shellcheck disable=SC2086
stage 'gcc warnings' each "$all" '*.c' gcc $C $FLAGS -O2 -c -o /dev/null
# shellcheck disable=SC2086
stage 'clang warnings' each "$all" '*.c' clang $C $FLAGS -fsyntax-only
# shellcheck disable=SC2086
stage 'clang warnings (C++)' each "$all" '*.cc' clang++ -std=c++17 -fno-exceptions -fno-rtti $FLAGS -fsyntax-only
stage clang-tidy each "$product" '*.c' tools/lint/tidy.sh
exit $status
