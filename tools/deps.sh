#!/bin/sh
# deps.sh [--force] DIR: what the build needs from outside, so that everything after it works offline.
#   1. Debian packages, by apt, only those that are missing (root, or sudo without a password).
#   2. libmicrohttpd 1.0.5 or newer: the host's when it is new enough, else built from Debian's own
#      source package into DIR and kept in the user's cache. ALLOW_OLD_MHD=1 takes the host's as it is.
#   3. DIR/flags.mk, compiler and linker flags for the Makefile. Written last, so it says "all is there".
# Private apt state throughout step 2: the host's own sources and lists are read, never changed.
set -eu

BUILD_PACKAGES="gcc g++ make pkg-config dpkg-dev ca-certificates
    libnghttp2-dev libuv1-dev libprotobuf-c-dev libyaml-dev libgnutls28-dev libhiredis-dev
    libcurl4-gnutls-dev libre2-dev libgrpc-dev protobuf-compiler protobuf-c-compiler libprotobuf-dev libprotoc-dev"
# clang's packages only recommend its sanitizer runtimes; gcc's own come with gcc.
CHECK_PACKAGES="libcmocka-dev clang libclang-rt-14-dev clang-format clang-tidy python3 python3-pytest
    python3-grpcio python3-protobuf python3-jwt python3-jose python3-cryptography curl redis-server"
MODULES="libnghttp2 libuv libprotobuf-c yaml-0.1 gnutls hiredis"

MHD_OLDEST=1.0.5
MHD_CONFIGURE="--disable-shared --enable-static --with-pic --enable-https --disable-doc
    --disable-examples --disable-tools --disable-curl --disable-dauth --disable-bauth
    --disable-postprocessor --disable-dependency-tracking"

say() { echo "deps: $*"; }
die() { echo "deps: $*" >&2; exit 1; }

missing_packages() {
    # shellcheck disable=SC2086
    for p in $BUILD_PACKAGES $CHECK_PACKAGES; do
        case " $installed " in *" $p "*) ;; *) echo "$p" ;; esac
    done
}

list_installed() {
    # shellcheck disable=SC2016
    dpkg-query -W -f '${db:Status-Abbrev}${Package}\n' 2>/dev/null |
        sed -n 's/^ii *//p' | tr '\n' ' '
}

install_packages() {
    command -v dpkg-query >/dev/null || die "this is not Debian; needed are the equivalents of:" \
        $BUILD_PACKAGES $CHECK_PACKAGES
    installed=$(list_installed)
    missing=$(missing_packages | tr '\n' ' ')
    [ -n "$missing" ] || return 0
    if [ "$(id -u)" = 0 ]; then as_root=env
    elif sudo -n true 2>/dev/null; then as_root="sudo -n env"
    else die "packages are missing and neither root nor sudo is at hand. Run as root: apt-get install $missing"
    fi
    say "installing $missing"
    log=$dir/apt.log
    $as_root apt-get -q update >"$log" 2>&1 || say "apt-get update had trouble, see $log"
    # shellcheck disable=SC2086
    $as_root DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends $missing \
        >>"$log" 2>&1 </dev/null || { tail -n 5 "$log" >&2; die "apt-get install failed, see $log"; }
}

at_least() { dpkg --compare-versions "$1" ge "$MHD_OLDEST"; }

host_mhd() { pkg-config --modversion libmicrohttpd 2>/dev/null || echo 0; }

# The mirror this host uses for Debian itself (not security, not a vendor's).
debian_mirror() {
    # shellcheck disable=SC2016
    apt-get indextargets --format '$(REPO_URI) $(LABEL)' 'Identifier: Packages' 2>/dev/null |
        awk '$2 == "Debian" || $1 ~ /\/debian\/?$/ { print $1; found = 1; exit }
             END { exit !found }'
}

# Leaves the verified, unpacked source in $1/mhd. apt checks the suite's signature, then every hash below it.
# The suite's expiry date is not checked: a frozen mirror is old, not forged.
fetch_mhd_source() {
    work=$1
    mirror=$(debian_mirror) || { echo "no mirror of Debian's among apt's sources"; return 1; }
    for suite in testing unstable; do
        rm -rf "$work/apt"
        mkdir -p "$work/apt/state/lists/partial" "$work/apt/cache/archives/partial"
        echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" \
            >"$work/apt/sources.list"
        set -- -q -o Dir::Etc::sourcelist="$work/apt/sources.list" -o Dir::Etc::sourceparts=/dev/null \
            -o Dir::State="$work/apt/state" -o Dir::Cache="$work/apt/cache" -o APT::Sandbox::User=root \
            -o Acquire::Check-Valid-Until=false -o APT::Get::List-Cleanup=false
        apt-get "$@" update || continue
        version=$(apt-cache "$@" showsrc libmicrohttpd | sed -n 's/^Version: \(1\.0\..*\)$/\1/p' |
            sort -V | tail -n 1)
        [ -n "$version" ] && at_least "$version" || continue
        (cd "$work" && apt-get "$@" source --download-only "libmicrohttpd=$version" &&
            dpkg-source -x libmicrohttpd_*.dsc mhd) && return 0
    done
    return 1
}

# No flag of the surrounding make (sanitizers, coverage, -j) may reach this build. Debian's patches may touch
# a Makefile.am; the generated files are current all the same, so the autotools are told to stay away.
build_mhd() {
    work=$1 out=$2
    (cd "$work/mhd" && unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES CFLAGS CPPFLAGS LDFLAGS CC BUILD MODE V
        export AUTOMAKE=: AUTOCONF=: ACLOCAL=: AUTOHEADER=:
        # shellcheck disable=SC2086
        ./configure -q --prefix="$work/root" $MHD_CONFIGURE CFLAGS="-O2 -g" &&
            make -s -j2 -C src/microhttpd && make -s -C src/microhttpd install &&
            make -s -C src/include install) || return 1
    mkdir -p "$out.part/include" "$out.part/lib"
    cp "$work/root/include/microhttpd.h" "$out.part/include/"
    cp "$work/root/lib/libmicrohttpd.a" "$out.part/lib/"
    rm -rf "$out" && mv "$out.part" "$out"
}

no_source() {
    die "libmicrohttpd $MHD_OLDEST or newer could not be had (see $dir/mhd.log): older ones let request" \
        "smuggling through. Go on by giving this host network access to a Debian mirror, by putting a built" \
        "one into $cached/{include,lib}, or, at your own risk, with ALLOW_OLD_MHD=1 and libmicrohttpd-dev."
}

provide_mhd() {
    version=$(host_mhd)
    if at_least "$version"; then
        mhd_cflags=$(pkg-config --cflags libmicrohttpd) mhd_libs=$(pkg-config --libs libmicrohttpd)
        return 0
    fi
    if [ -n "${ALLOW_OLD_MHD:-}" ]; then
        [ "$version" != 0 ] || die "ALLOW_OLD_MHD=1 needs the package libmicrohttpd-dev"
        say "using libmicrohttpd $version of this host: it lets request smuggling through"
        mhd_cflags="-DPOSTERN_OLD_MHD $(pkg-config --cflags libmicrohttpd)"
        mhd_libs=$(pkg-config --libs libmicrohttpd)
        return 0
    fi
    recipe=$(echo "$MHD_OLDEST $MHD_CONFIGURE" | cksum | cut -d' ' -f1)
    # shellcheck disable=SC1091
    cached=$cache/libmicrohttpd-$(. /etc/os-release && echo "$VERSION_ID")-$(dpkg --print-architecture)-$recipe
    if [ ! -f "$cached/lib/libmicrohttpd.a" ]; then
        say "building libmicrohttpd from Debian's source package"
        work=$(mktemp -d)
        trap 'rm -rf "$work"' EXIT
        { fetch_mhd_source "$work" && build_mhd "$work" "$cached"; } >"$dir/mhd.log" 2>&1 || no_source
    fi
    mkdir -p "$dir/include" "$dir/lib"
    cp "$cached/include/microhttpd.h" "$dir/include/"
    cp "$cached/lib/libmicrohttpd.a" "$dir/lib/"
    mhd_cflags="-isystem $dir/include" mhd_libs="$dir/lib/libmicrohttpd.a"
}

write_flags() {
    # shellcheck disable=SC2086
    {
        echo "MHD_CFLAGS := $mhd_cflags"
        echo "MHD_LIBS := $mhd_libs"
        echo "PKG_CFLAGS := $(pkg-config --cflags $MODULES | sed 's/-I/-isystem /g')"
        echo "PKG_LIBS := $(pkg-config --libs $MODULES)"
    } >"$dir/flags.mk.part"
    mv "$dir/flags.mk.part" "$dir/flags.mk"
}

force=
[ "${1:-}" != --force ] || { force=1; shift; }
dir=${1:?usage: deps.sh [--force] DIR}
mkdir -p "$dir"
cache=${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}/postern
mkdir -p "$cache" 2>/dev/null && [ -w "$cache" ] || { mkdir -p "$dir/cache"; cache=$(cd "$dir/cache" && pwd); }

# Two makes at once take turns; the second finds the work done.
exec 9>"$cache/lock"
flock 9
[ -n "$force" ] || [ ! "$dir/flags.mk" -nt "$0" ] || exit 0
install_packages
provide_mhd
write_flags
