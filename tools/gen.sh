#!/bin/sh
# gen.sh [--check]: writes the generated code in gen/ from proto/ with our own plugin, or says whether it is stale.
# The structs of google/protobuf come from protoc's own files, without their comments.
set -eu
build=${POSTERN_BUILD:-build}
out=gen
[ "${1:-}" != --check ] || out=$(mktemp -d)
trap '[ "$out" = gen ] || rm -rf "$out"' EXIT

generate() {
    options=$1
    shift
    protoc --plugin=protoc-gen-postern="$build/protoc-gen-postern" \
        --postern_out="prefix=gen/$options:$out" -Iproto "$@"
}
# annotations.proto is nothing but an extension; its schema comes with the files that import it.
files() { find proto -name '*.proto' ! -path proto/google/api/annotations.proto | sed 's,^proto/,,' | sort; }
served='^(demo|inference|grpc)/'
known='any duration empty field_mask struct timestamp wrappers descriptor compiler/plugin'

# shellcheck disable=SC2046 # lists of files
generate '' $(files | grep -vE "$served")
# shellcheck disable=SC2046
generate ,descriptors=yes $(files | grep -E "$served")
include=$(dirname "$(dirname "$(command -v protoc)")")/include
# shellcheck disable=SC2046
generate ,schema=no,comments=no -I"$include" $(for f in $known; do echo "google/protobuf/$f.proto"; done)

if [ "$out" != gen ] && ! diff -rq gen "$out"; then
    echo "gen: gen/ is not what proto/ and the plugin say: run 'make gen' and commit" >&2
    exit 1
fi
