#!/bin/sh
# grpc_python_reflection.sh: --reflect on grpcio's own reflection service, which Debian does not pack.
set -eu
. "$(dirname "$0")/pypi/run.sh"
pypi_test test_grpcio_reflection.py grpcio-reflection==1.71.2
