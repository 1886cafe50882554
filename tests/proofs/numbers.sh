#!/bin/sh
# numbers.sh [--sample] PROGRAM: runs the proof of the number codec in chunks, on all cores; --sample takes some seconds
# of it. Stops with what differed. DOUBLES=N: how many doubles, a billion by default.
set -eu
sample=
[ "$1" != --sample ] || { sample=1; shift; }
program=$1
chunks() {
    if [ "$sample" ]; then
        echo 'floats 0x3f000000 0x3f100000' # from 0.5 on
        echo 'floats 0x00000000 0x00010000' # below the normal ones
        echo 'floats 0xcb000000 0xcb100000' # to -2^24 and beyond
        echo 'doubles 1000000 1'
        echo 'decimals 500000 2'
        echo 'hard 0 3'
        return
    fi
    doubles=$((${DOUBLES:-1000000000} / 16))
    for i in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
        echo "floats $((i << 28)) $(((i + 1) << 28))"
        echo "doubles $doubles $((1000 + i))"
        echo "decimals 5000000 $((2000 + i))"
    done
    echo 'hard 1000 3000'
    echo 'hard 1000 3001'
}
chunks | xargs -P "$(nproc)" -L 1 "$program"
