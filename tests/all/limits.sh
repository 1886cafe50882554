#!/bin/sh
# limits.sh: the reference implementation of the rate-limit service, built by Go, over a real Redis; and what takes too
# long for make check: Redis stalled for 30 s, a whole minute counted exactly, more than a million keys.
set -eu
cd "$(dirname "$0")/../.."
VERSION=v1.4.1-0.20260122083618-3fb702589d36

missing() {
    echo "$*"
    exit 77
}

command -v redis-server >/dev/null || missing "needs redis-server: apt-get install redis-server"
PATH=$PATH:/usr/local/go/bin
command -v go >/dev/null || missing "needs Go, for the reference rate-limit service"
bin=$PWD/build/go/ratelimit
[ -x "$bin/service_cmd" ] ||
    GOBIN=$bin GOFLAGS=-mod=mod timeout 540 go install "github.com/envoyproxy/ratelimit/src/service_cmd@$VERSION" \
        >"${TMPDIR:-/tmp}/postern-ratelimit-go.log" 2>&1 ||
    missing "the reference rate-limit service cannot be had from the Go module proxy, is it reachable?"
RATELIMIT=$bin/service_cmd AWAY_SECONDS=30 exec timeout 600 /usr/bin/python3 -m pytest -q --tb=short \
    -p no:cacheprovider tests/all/limits
