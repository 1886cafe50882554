#!/bin/sh
# format.sh [--write]: says which lines of our C and C++ differ from .clang-format, or rewrites them.
# Generated code is left as its generator prints it.
set -eu
list() { find transcoder gateway stubs tools tests -name '*.[ch]' -o -name '*.cc' 2>/dev/null | sort; }
if [ "${1:-}" = --write ]; then
    list | xargs -r clang-format -i
else
    list | xargs -r -n 40 -P 2 clang-format --dry-run -Werror --ferror-limit=1 2>&1 |
        grep -E '(error|warning):' >&2 || exit 0
    echo "format: run 'make fmt'" >&2
    exit 1
fi
