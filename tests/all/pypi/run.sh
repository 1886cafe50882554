# Sourced by the scripts one folder up: tests that need packages of PyPI.
# pypi_test FILE PACKAGE...: runs tests/all/pypi/FILE with pytest, PYPI_PYTHON being an interpreter
# that has the packages. That is a virtual environment below build/, made once and kept.

pypi_missing() {
    echo "$*"
    exit 77
}

# The first that the packages run on: they have no wheels for Python 3.13 yet.
pypi_interpreter() {
    for python in /usr/bin/python3 python3.12 python3.11 python3.10 python3; do
        "$python" -c 'import sys, venv, ensurepip
sys.exit(not (3, 9) <= sys.version_info[:2] < (3, 13))' 2>/dev/null && echo "$python" && return
    done
    return 1
}

pypi_venv() {
    python=$(pypi_interpreter) ||
        pypi_missing "needs a Python from 3.9 to 3.12 with venv: apt-get install python3-venv"
    venv=$PWD/build/venv/$(echo "$*" | tr -c 'a-zA-Z0-9.\n' -)
    PYPI_PYTHON=$venv/bin/python
    export PYPI_PYTHON
    [ ! -e "$venv/complete" ] || ! "$PYPI_PYTHON" -c '' || return 0
    rm -rf "$venv"
    "$python" -m venv "$venv"
    # shellcheck disable=SC2086
    timeout 420 "$PYPI_PYTHON" -m pip install --quiet --disable-pip-version-check --no-input \
        --timeout 15 --retries 1 $* >"$venv/pip.log" 2>&1 ||
        pypi_missing "$* cannot be had from PyPI, is it reachable? $(grep -v '^ *$' "$venv/pip.log" | tail -n 1)"
    touch "$venv/complete"
}

pypi_test() {
    file=$1
    shift
    cd "$(dirname "$0")/../.." || exit 2
    pypi_venv "$@"
    log=$(mktemp) status=0
    timeout 170 /usr/bin/python3 -m pytest -q --tb=short -p no:cacheprovider "tests/all/pypi/$file" \
        >"$log" 2>&1 </dev/null || status=$?
    cat "$log"
    # pytest counts errors of fixtures apart, and is silent on what is 0.
    tail -n 1 "$log" | tr ', ' '\n\n' | awk -v status="$status" '
        $0 == "passed" { passed = before } $0 ~ /^(failed|errors?)$/ { failed += before } { before = $0 }
        END { print passed + 0 " passed, " (failed || !status ? failed + 0 : 1) " failed" }'
    rm -f "$log"
    exit "$status"
}
