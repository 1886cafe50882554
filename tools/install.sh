#!/bin/sh
# install.sh: copies what was built below $DESTDIR$PREFIX (make install sets both and POSTERN_BUILD).
# Needs no more than a built tree, so that it can run as root where the build did not.
set -eu
prefix=${PREFIX:-/usr/local} root=${DESTDIR:-}${PREFIX:-/usr/local} build=${POSTERN_BUILD:-build}

# put MODE FILE DIRECTORY: installs a file under the root, if it is there.
put() { [ ! -e "$2" ] || install -D -m "$1" "$2" "$root/$3/$(basename "$2")"; }
# tree FROM TO PATTERN: every such file below FROM, in the same folders below TO, but what is
# internal and what stands on that.
tree() {
    find "$1" -name "$3" ! -name '*_internal.h' 2>/dev/null | while read -r file; do
        ! grep -q '^#include ".*_internal\.h"' "$file" || continue
        rest=${file#"$1"/}
        install -D -m 644 "$file" "$root/$2/$rest"
    done
}

put 755 "$build/postern" bin
put 755 "$build/protoc-gen-postern" bin
put 644 "$build/postern-grpc-core.so" lib/postern
put 644 "$build/postern-http-fetch.so" lib/postern
for library in stubs gateway gen transcoder; do
    put 644 "$build/lib$library.a" lib
done
tree proto share/postern/proto '*.proto'
put 644 packaging/postern.yaml share/postern
# The headers keep their folders, since they include one another, and generated stubs include them, by those.
tree transcoder include/postern/transcoder '*.h'
tree gateway/core include/postern/gateway/core '*.h'
for header in expr type value; do put 644 "gateway/expr/$header.h" include/postern/gateway/expr; done
put 644 gateway/bounds.h include/postern/gateway
put 644 gateway/upstream/transport.h include/postern/gateway/upstream
put 644 gateway/upstream/cluster.h include/postern/gateway/upstream
tree stubs include/postern/stubs '*.h'
tree gen include/postern/gen '*.h'
put 644 packaging/postern.1 share/man/man1
sed "s|/usr/local/|$prefix/|" packaging/postern.service |
    install -D -m 644 /dev/stdin "$root/lib/systemd/system/postern.service"
echo "installed below $root"
