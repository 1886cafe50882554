#!/bin/sh
# cel_google.sh: the expression language against Google's evaluator (cel-cpp, in PyPI's
# cel-expr-python) on 100,000 expressions made at random: same type or both refuse, same value or
# both an error. COUNT and SEED in the environment make other ones.
set -eu
. "$(dirname "$0")/pypi/run.sh"
cd "$(dirname "$0")/../.." || exit 2
dir=$PWD/build/cel testee=$PWD/${POSTERN_BUILD:-build}/cel-testee
[ -x "$testee" ] || { echo "$testee is missing: make"; exit 2; }
/usr/bin/python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    pypi_missing "cel-expr-python needs Python 3.11 or newer"
pypi_venv cel-expr-python==0.1.3
mkdir -p "$dir"
protoc -I/usr/include --include_imports -o "$dir/known.pb" google/protobuf/any.proto \
    google/protobuf/duration.proto google/protobuf/struct.proto google/protobuf/timestamp.proto \
    google/protobuf/wrappers.proto
timeout 900 "$PYPI_PYTHON" tests/all/cel/cel_google.py "$testee" "$dir/known.pb" "${COUNT:-100000}" "${SEED:-1}"
