#!/usr/bin/env bash
# Makes onnx/demo-base.onnx again, byte for byte.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
dotnet run --project "$root/extractor" -c Release -- demo-base "$root/onnx/demo-base.onnx"
