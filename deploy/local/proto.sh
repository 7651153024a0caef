#!/usr/bin/env bash
# Writes libs/rpc from proto: messages, gRPC stubs, and the types of both.
set -euo pipefail
cd "$(dirname "$0")/../.."
PATH=$PWD/.venv/bin:$PATH  # protoc finds its plugins for types there

shopt -s globstar
protos=(proto/gyre_rpc/**/*.proto)
.venv/bin/python -m grpc_tools.protoc -I proto \
    --python_out=libs/rpc --grpc_python_out=libs/rpc \
    --mypy_out=quiet:libs/rpc --mypy_grpc_out=quiet:libs/rpc \
    "${protos[@]}"
echo "${#protos[@]} files of proto/ are written to libs/rpc"
