#!/bin/sh
# fuzz.sh DIR: each libFuzzer program in DIR (or those that TARGETS names) for TIME seconds, from its corpus.
# What breaks a target is kept in tests/fuzz/regression as TARGET-crash-...; exit 1 then.
set -u
dir=$1 work=$1/../../corpus status=0
export ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1
for name in ${TARGETS:-$(cd "$dir" && ls)}; do
    grown=$work/$name
    mkdir -p "$grown" tests/fuzz/regression
    dict=tests/fuzz/$name.dict
    log=$work/$name.log
    if "$dir/$name" -max_total_time="${TIME:-60}" -max_len="${MAX_LEN:-4096}" -timeout=10 -rss_limit_mb=3000 \
        -artifact_prefix="tests/fuzz/regression/$name-" $([ -f "$dict" ] && echo "-dict=$dict") \
        "$grown" "tests/fuzz/corpus/$name" >"$log" 2>&1; then
        echo "fuzz: $name: $(tail -n 1 "$log")"
    else
        echo "fuzz: $name found something ($log):"
        grep -E "not so|ERROR|SUMMARY|Test unit written" "$log" | head -n 5
        status=1
    fi
done
exit $status
