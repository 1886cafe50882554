#!/bin/sh
# xds.sh: targets of xds:/// behind a real control plane, Envoy's go-control-plane.
set -eu
cd "$(dirname "$0")/../.."
command -v go >/dev/null || { echo "needs Go: its control plane is go-control-plane"; exit 77; }
build=$PWD/${POSTERN_BUILD:-build}
XDS_CONTROL_PLANE=$build/tests/xds-control-plane
export XDS_CONTROL_PLANE
mkdir -p "$build/tests"
(cd tests/all/xds && timeout 420 go build -o "$XDS_CONTROL_PLANE" .) >"$build/tests/xds.log" 2>&1 ||
    { echo "go-control-plane cannot be had: $(tail -n 1 "$build/tests/xds.log")"; exit 77; }
exec timeout 170 /usr/bin/python3 -m pytest -q --tb=short -p no:cacheprovider tests/all/xds </dev/null
