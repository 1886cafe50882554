#!/bin/sh
# cel_conformance.sh: cel-spec's own cases against the expression language (build/cel-testee). The
# cases come with the Go module cel.dev/expr; Debian's protoc makes bytes of them. What is skipped
# stands with its reason in tests/all/cel/skips.txt. MODE=asan takes the sanitized build/asan/cel-testee.
set -eu
cd "$(dirname "$0")/../.." || exit 2
GO_MODULE=cel.dev/expr@v0.26.0
dir=$PWD/build/cel testee=$PWD/${POSTERN_BUILD:-build}/cel-testee
case ${MODE:-} in "") ;; *) testee=$PWD/build/$MODE/cel-testee ;; esac

missing() { echo "$*"; exit 77; }

# The folder of the module in Go's cache, fetched if it is not there.
from_go() {
    command -v go >/dev/null || return 1
    (cd "$dir" && timeout 120 go mod download -json "$GO_MODULE" 2>"$dir/go.log") |
        sed -n 's/^.*"Dir": "\(.*\)".*$/\1/p'
}

# $dir/cel.pb, the descriptors, and $dir/*.case, a SimpleTestFile each.
prepare() {
    cases=$(find "$1" -path '*simple*' -name '*.textproto')
    protos=$(find "$1" -path '*cel/expr/conformance/test/simple.proto' | head -n 1)
    [ -n "$cases" ] && [ -n "$protos" ] || return 1
    protos=${protos%/cel/expr/conformance/test/simple.proto}
    types="cel/expr/conformance/test/simple.proto
           cel/expr/conformance/proto2/test_all_types.proto
           cel/expr/conformance/proto2/test_all_types_extensions.proto
           cel/expr/conformance/proto3/test_all_types.proto"
    # shellcheck disable=SC2086
    protoc -I"$protos" --include_imports -o "$dir/cel.pb" $types || return 1
    for case in $cases; do
        # shellcheck disable=SC2086
        protoc -I"$protos" --encode=cel.expr.conformance.test.SimpleTestFile $types \
            <"$case" >"$dir/$(basename "$case" .textproto).case" || return 1
    done
    touch "$dir/complete"
}

command -v protoc >/dev/null || missing "needs protoc: apt-get install protobuf-compiler"
mkdir -p "$dir"
if [ ! -e "$dir/complete" ]; then
    source=$(from_go) || source=
    [ -n "$source" ] || missing "needs go and its module $GO_MODULE: apt-get install golang-go"
    prepare "$source" || { echo "cel-spec's cases cannot be made of $source"; exit 1; }
fi
[ -x "$testee" ] || { echo "$testee is missing: make"; exit 2; }

status=0
timeout 300 "$testee" cases "$dir/cel.pb" tests/all/cel/skips.txt "$dir"/*.case >"$dir/log" 2>&1 || status=$?
cat "$dir/log"
tail -n 1 "$dir/log" | sed -n 's/^all: \([0-9]*\) passed.*, \([0-9]*\) failed, .*/\1 passed, \2 failed/p'
exit "$status"
