#!/usr/bin/env bash
# Runs the benchmarks and prints ratios, with the hardware's name. Takes many minutes; leave the machine alone meanwhile.
#
#   scripts/bench.sh                          with drawn pictures and the embedded base
#   VGG=vgg16.onnx scripts/bench.sh           tuning its last block too
#   scripts/bench.sh IMAGES MODEL.onnx...     the pipeline on your pictures and models (at most COUNT=400 images a model)
#   scripts/bench.sh PART [IMAGES MODEL...]   one part: pipeline, int8, resize, reading, encoding, training, finetuning, sweep, audit, memory
#
# ROUNDS=2: how often each thing takes its turn. IMAGES_AUDITED=5000, MANY=8000: images of the audit, and at most in the memory part. docs/BENCHMARKS.md was measured with
# ROUNDS=5, IMAGES_AUDITED=25000 and MANY=25000.
# FEATURES=FILE: a photograph's real block5_pool (25,088 floats, H x W x C) for the encodings, instead of drawn features.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
[[ ${1-} != -h && ${1-} != --help ]] || { sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; exit 0; }

part=all
case ${1-} in
  pipeline | int8 | resize | reading | encoding | training | finetuning | sweep | audit | memory) part=$1; shift ;;
esac
(($# == 0 || $# >= 2)) || { echo "bench.sh: '$1' is no part, and IMAGES needs a MODEL.onnx; see --help" >&2; exit 2; }
runs() { [[ $part == all || $part == "$1" ]]; }

dotnet build "$root/tests/bench" -c Release -nologo -v quiet
bench() { "$(find "$root/tests/bench/bin/Release" -name bench -type f | head -n 1)" "$@"; }
extractor() { "$(find "$root/extractor/bin/Release" -name extractor -type f -not -path '*/publish/*' | head -n 1)" "$@"; }
deepest() { extractor model info "$1" --json | sed -n 's/.*"layers":\[\(.*\)\],"weights".*/\1/p' | grep -o '"name":"[^"]*"' | tail -n 1 | cut -d '"' -f 4; }
field() { sed -n "s/.*\"$1\":\([0-9.]*\).*/\1/p"; }

rounds=${ROUNDS:-2}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
demo=$root/onnx/demo-base.onnx
if (($#)); then
  images=$1 models=("${@:2}")
else
  images=$work/pictures models=("$demo")
  extractor demo-data "$images" --per-class 400 >/dev/null
fi

if runs pipeline; then
  echo "## The pipeline beside its limits"
  for model in "${models[@]}"; do bench pipeline "$model" "$images" "${COUNT:-400}" "$rounds"; done
  echo
fi
if runs int8; then
  echo "## An int8 base beside float32"
  for model in "${models[@]}"; do
    extractor model quantize "$model" --calibrate "$images" --images 64 --out "$work/int8.onnx"
    bench quantized "$model" "$work/int8.onnx" "$images" "${COUNT:-400}" "$rounds"
  done
  if /usr/bin/python3 -c 'import torch' 2>/dev/null; then /usr/bin/python3 "$root/scripts/bench-bfloat16.py" "$rounds"; fi
  echo
fi
if runs resize; then
  echo "## Resizing beside NetVips"
  bench resize "$rounds"
  echo
fi
if runs reading; then
  echo "## Reading a cache"
  extractor extract "$images" --model "${models[0]}" --out "$work/cache" --json >/dev/null 2>&1
  bench reading "$work/cache" "$rounds"
  echo
fi
if runs encoding; then
  echo "## Encoding of a cache"
  bench encoding "$rounds" ${FEATURES:+"$FEATURES"}
  echo
fi
if runs training; then
  echo "## Training the reference head"
  bench training "$rounds" "${models[0]}"
  echo
fi
if runs finetuning; then
  if [[ -n ${VGG-} ]]; then
    echo "## Tuning a VGG's last block"
    bench finetuning "$rounds" "$VGG"
    echo
  elif [[ $part == finetuning ]]; then
    echo "bench.sh: finetuning needs VGG=vgg16.onnx" >&2
    exit 2
  fi
fi
if runs sweep; then
  echo "## Many small heads together"
  bench sweep "$rounds"
  echo
fi
if runs audit; then
  echo "## An audit"
  for side in 1 7; do bench audit "${IMAGES_AUDITED:-5000}" "$side"; done
  echo
fi
runs memory || exit 0
echo "## Memory and the second run"
many=${MANY:-8000}
extractor demo-data "$work/many" --per-class $((many / 2)) >/dev/null
find "$work/many" -name '*.jpg' | sort | awk -v root="$work/" 'BEGIN { print "path,label" } { sub(root, ""); split($0, p, "/"); print $0 "," p[3] }' >"$work/all.csv"
for model in "${models[@]}"; do
  for count in 1000 3000 8000 "$many"; do
    ((count < many)) || count=$many
    [[ ! -d $work/memory-$count ]] || continue
    head -n $((count + 1)) "$work/all.csv" >"$work/$count.csv"
    result=$(extractor extract "$work/$count.csv" --model "$model" --layer "$(deepest "$model")" --out "$work/memory-$count" --json 2>/dev/null)
    echo "$(basename "$model"), $(field images <<<"$result") images: peak $(($(field peakMemoryBytes <<<"$result") >> 20)) MiB, $(field seconds <<<"$result") s"
  done
  result=$(extractor extract "$work/$many.csv" --model "$model" --out "$work/memory-$many" --json 2>/dev/null)
  echo "again: computed $(field computed <<<"$result"), $(field seconds <<<"$result") s"
  rm -rf "$work"/memory-*
done
