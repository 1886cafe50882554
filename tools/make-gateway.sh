#!/bin/sh
# make-gateway.sh: one program that is a whole gateway with the schema of $PROTO inside. Run by
#   make gateway PROTO=path/api.proto [PROTO_PATH="dir ..."] OUT=build/api-gateway
# which hands over the objects and flags of the build in the environment.
set -eu

usage='make gateway PROTO=path/api.proto [PROTO_PATH="dir ..."] OUT=build/api-gateway'
refuse() {
    echo "gateway: $*" >&2
    exit 2
}
[ -n "${PROTO:-}" ] || refuse "PROTO is missing: $usage"
[ -n "${OUT:-}" ] || refuse "OUT is missing: $usage"
[ -f "$PROTO" ] || refuse "PROTO=$PROTO: no such file"
case $(basename "$PROTO") in *.proto) ;; *) refuse "PROTO=$PROTO: its name must end in .proto" ;; esac

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Where imports start: the directory that the package's own folders stand in, else that of the file.
guess_root() {
    directory=$(dirname "$PROTO")
    folders=$(sed -n 's/^ *package  *\([A-Za-z0-9_.]*\) *;.*/\1/p' "$PROTO" | head -n 1 | tr . /)
    case /$directory in
    */"$folders") [ -z "$folders" ] || directory=$directory/$(echo "$folders" | sed 's,[^/]*,..,g') ;;
    esac
    echo "$directory"
}
# protoc compares paths as text, so all are made absolute.
set --
for root in ${PROTO_PATH:-$(guess_root)}; do
    [ -d "$root" ] || refuse "PROTO_PATH: $root is no directory"
    set -- "$@" -I"$(realpath "$root")"
done
# Our own protos come last: whoever has a copy of google/api/annotations.proto uses that.
set -- "$@" -I"$PWD/proto"

# Generate the schema; its faults are printed with file and line.
mkdir "$work/gen"
protoc --plugin=protoc-gen-postern="$POSTERN_BUILD/protoc-gen-postern" \
    --postern_out=stubs=none:"$work/gen" "$@" "$(realpath "$PROTO")" || exit 1
source=$(find "$work/gen" -name '*.postern.c')
header=$(find "$work/gen" -name '*.postern.h' -printf '%P\n')
symbol=$(sed -n 's/^extern const struct tc_schema \(.*\);/\1/p' "$work/gen/$header")

# The gateway looks for this name and serves what it finds (gateway/load.h).
cat >"$work/builtin.c" <<END
#include "$header"
extern const struct tc_schema *const postern_builtin_schema;
const struct tc_schema *const postern_builtin_schema = &$symbol;
END

mkdir -p "$(dirname "$OUT")"
# shellcheck disable=SC2086 # lists of words
{
    $CC $FLAGS -I"$work/gen" -c -o "$work/schema.o" "$source"
    $CC $FLAGS -I"$work/gen" -c -o "$work/builtin.o" "$work/builtin.c"
    $CC $LINK_FLAGS -o "$OUT" $OBJECTS "$work/schema.o" "$work/builtin.o" $LINK_LIBS
}
echo "gateway: $OUT serves $(basename "$PROTO"); try: $OUT --upstream 127.0.0.1:9001 --listen 127.0.0.1:8080"
