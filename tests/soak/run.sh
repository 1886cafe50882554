#!/usr/bin/env bash
# A million requests through the gateway built with sanitizers, 1 % of them aborted by their client, while the backend is killed and
# started again every 5 seconds. Each request must have exactly one outcome, the gateway's own log must tell the same story, and
# nothing may leak.  REQUESTS, CONNECTIONS, ABORT_PER_MILLE and RESTART_S change the size.
set -euo pipefail
build=${POSTERN_BUILD:-build/asan}
requests=${REQUESTS:-1000000} connections=${CONNECTIONS:-64} per_mille=${ABORT_PER_MILLE:-10}
restart=${RESTART_S:-5}
work=$(mktemp -d)
backend='' gateway='' restarter=''

stop() {
    for pid in $restarter $gateway; do kill -TERM "$pid" 2>/dev/null || true; done
    [ -f "$work/backend.pid" ] && kill -KILL "$(cat "$work/backend.pid")" 2>/dev/null || true
    [ -n "${KEEP:-}" ] && echo "soak: kept $work" || rm -rf "$work"
}
trap stop EXIT

free_port() {
    local port=$1
    while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do port=$((port + 1)); done
    echo "$port"
}
listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
wait_for() {
    for _ in $(seq 1 200); do listens "$1" && return; sleep 0.05; done
    echo "soak: nothing listens on port $1"; cat "$work"/*.log; exit 1
}

port=$(free_port 25001) listen=$(free_port 25101)
gcc -O2 -std=gnu11 -D_GNU_SOURCE -o "$work/client" tests/soak/client.c
gcc -O2 -std=gnu11 -D_GNU_SOURCE -o "$work/echo" tools/bench/echo-backend.c -lnghttp2
protoc -Iproto -I/usr/include --include_imports --descriptor_set_out="$work/echo.pb" demo/v1/echo.proto

start_backend() { "$work/echo" "$port" >>"$work/backend.log" 2>&1 & echo $! >"$work/backend.pid"; disown $!; }
start_backend
wait_for "$port"
ASAN_OPTIONS=quarantine_size_mb=16:${ASAN_OPTIONS:-} "$build/postern" --descriptors "$work/echo.pb" --upstream "127.0.0.1:$port" \
    --listen "127.0.0.1:$listen" --access-log "$work/access.log" 2>"$work/gateway.log" &
gateway=$!
wait_for "$listen"
rss_start=$(awk '/VmRSS/{print $2}' "/proc/$gateway/status")

(
    while sleep "$restart"; do
        kill -KILL "$(cat "$work/backend.pid")" 2>/dev/null || true
        sleep 0.2
        start_backend
    done
) &
restarter=$!

began=$(date +%s)
ok=true
"$work/client" "$listen" "$requests" "$connections" "$per_mille" | tee "$work/ledger" || ok=false
echo "seconds $(($(date +%s) - began))"
echo "rss_kb_start $rss_start"
echo "rss_kb_end $(awk '/VmRSS/{print $2}' "/proc/$gateway/status")"

kill -TERM "$restarter" 2>/dev/null || true
kill -TERM "$gateway"
wait "$gateway" && code=0 || code=$?
gateway=''
echo "exit $code"

# The gateway's ledger: one line a request. What a client aborted before its head was there has none, so the log may have
# fewer lines than were begun, by aborted ones only; it must have every answer that a client has counted.
count() { awk -v name="$1" '$1 == name {print $2}' "$work/ledger"; }
status() { grep -c "\"status\":$1," "$work/access.log" || true; }
logged_ok=$(status 200) logged_unavailable=$(status 503) logged_left=$(status 499)
lines=$(wc -l <"$work/access.log")
echo "logged_200 $logged_ok"; echo "logged_503 $logged_unavailable"; echo "logged_499 $logged_left"
others=$((lines - logged_ok - logged_unavailable - logged_left))
sanitizer=$(grep -cE 'ERROR: (Address|Leak)Sanitizer|runtime error:' "$work/gateway.log" || true)

fail() { echo "soak: $1"; ok=false; }
[ "$code" = 0 ] || fail "the gateway ended with $code"
[ "$sanitizer" = 0 ] || { fail "the sanitizers complained"; grep -vE '^\{' "$work/gateway.log" | head -60; }
[ "$others" = 0 ] || { fail "$others lines with a status that nobody injected"; grep -vE '"status":(200|503|499),' "$work/access.log" | head -5; }
[ "$logged_ok" -ge "$(count ok)" ] || fail "fewer 200 in the log than clients got"
[ "$logged_unavailable" -ge "$(count unavailable)" ] || fail "fewer 503 in the log than clients got"
[ "$((logged_ok + logged_unavailable + logged_left))" -le "$(count begun)" ] || fail "more outcomes than requests"
$ok && echo "soak: every request had one outcome" || exit 1
