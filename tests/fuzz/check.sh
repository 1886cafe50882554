#!/bin/sh
# check.sh DIR: every target in DIR over its corpus and over what was ever found, each file a run of its own.
set -u
dir=$1 status=0 runs=0
for target in "$dir"/*; do
    name=$(basename "$target")
    [ -x "$target" ] && [ -d "tests/fuzz/corpus/$name" ] || { echo "corpus: no tests/fuzz/corpus/$name"; status=1; continue; }
    for file in "tests/fuzz/corpus/$name"/* "tests/fuzz/regression/$name"-*; do
        [ -f "$file" ] || continue
        runs=$((runs + 1))
        "$target" "$file" || { echo "corpus: $name fails on $file"; status=1; }
    done
done
echo "corpus: $runs inputs"
exit $status
