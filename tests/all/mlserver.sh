#!/bin/sh
# mlserver.sh: a real model server, MLServer, behind the gateway: Open Inference Protocol over gRPC.
set -eu
. "$(dirname "$0")/pypi/run.sh"
pypi_test test_mlserver.py mlserver==1.7.1
