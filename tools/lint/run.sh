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
sources() { find transcoder gateway stubs tools tests -name "$1" 2>/dev/null | sort; }
# each GLOB COMMAND...: the command on every such source, as many at a time as there are cores.
each() {
    glob=$1
    shift
    sources "$glob" | xargs -r -n 1 -P "$(nproc)" "$@"
}

C="-std=gnu11 -Wstrict-prototypes -Wmissing-prototypes"
stage structure tools/lint/structure.py
stage format tools/lint/format.sh
# shellcheck disable=SC2086
stage 'gcc warnings' each '*.c' gcc $C $FLAGS -O2 -c -o /dev/null
# shellcheck disable=SC2086
stage 'clang warnings' each '*.c' clang $C $FLAGS -fsyntax-only
# shellcheck disable=SC2086
stage 'clang warnings (C++)' each '*.cc' clang++ -std=c++17 -fno-exceptions -fno-rtti $FLAGS -fsyntax-only
stage clang-tidy each '*.c' tools/lint/tidy.sh
exit $status
