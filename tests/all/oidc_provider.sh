#!/bin/sh
# oidc_provider.sh: a real identity provider, npm's oidc-provider: discovery, rotated keys, introspection.
set -eu
cd "$(dirname "$0")/../.." || exit 2
PACKAGE=oidc-provider@8.8.1
dir=$PWD/build/npm/$PACKAGE
missing() { echo "$*"; exit 77; }

command -v npm >/dev/null || missing "needs npm: apt-get install npm"
mkdir -p "$dir"
[ -e "$dir/complete" ] ||
    timeout 300 npm install --prefix "$dir" --no-save --no-audit --no-fund --ignore-scripts "$PACKAGE" \
        >"$dir/npm.log" 2>&1 ||
    missing "$PACKAGE cannot be had from npm: $(grep -v '^ *$' "$dir/npm.log" | tail -n 1)"
touch "$dir/complete"
log=$(mktemp) status=0
OIDC_MODULES=$dir PYTHONPATH=tests/e2e timeout 170 /usr/bin/python3 -m pytest -q --tb=short -p conftest \
    -p no:cacheprovider --rootdir tests/all/oidc tests/all/oidc \
    >"$log" 2>&1 </dev/null || status=$?
cat "$log"
tail -n 1 "$log" | tr ', ' '\n\n' | awk -v status="$status" '
    $0 == "passed" { passed = before } $0 ~ /^(failed|errors?)$/ { failed += before } { before = $0 }
    END { print passed + 0 " passed, " (failed || !status ? failed + 0 : 1) " failed" }'
rm -f "$log"
exit "$status"
