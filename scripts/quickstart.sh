#!/usr/bin/env bash
# The whole job on drawn pictures: build, draw, extract, train. Needs the .NET 10 SDK and nothing else.
# Usage: scripts/quickstart.sh [FOLDER]      FOLDER keeps what is made; ./quickstart when left out. It can be run again.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
case "${1-}" in
  -h | --help) sed -n '2,3s/^# //p' "$0"; exit 0 ;;
  -*) echo "error: no option '$1'. Usage: $0 [FOLDER]" >&2; exit 2 ;;
esac
[ $# -le 1 ] || { echo "error: one folder at most. Usage: $0 [FOLDER]" >&2; exit 2; }
work=${1:-quickstart}

if ! dotnet --list-sdks 2>/dev/null | grep -q '^10\.'; then
  echo "error: the .NET 10 SDK is missing ('dotnet --list-sdks' shows none that begins with 10). Get it from https://dotnet.microsoft.com/download" >&2
  exit 1
fi
mkdir -p "$work"
work=$(cd "$work" && pwd)
if [ -n "$(ls -A "$work")" ] && [ ! -e "$work/pictures/demo-set.json" ] && [ ! -e "$work/build.log" ]; then
  echo "error: $work holds something else. Name a new or empty folder: $0 FOLDER" >&2
  exit 1
fi

# A command as a user can type it.
quoted() {
  local word line=''
  for word in "$@"; do
    case "$word" in
      *[!A-Za-z0-9_./:=,@%+-]*) line="$line '$word'" ;;
      *) line="$line $word" ;;
    esac
  done
  printf '%s' "${line# }"
}

# Shows a command of one of the two programs, runs it and says how long it took.
run() {
  local name=$1 start
  shift
  printf '\n$ "$%s" %s\n' "$name" "$(quoted "$@")"
  start=$(now)
  "${!name}" "$@" || {
    local code=$?
    echo "The quick start stops here. If $work was made by an older version, name a new folder: $(quoted "$0") FOLDER" >&2
    exit "$code"
  }
  times="$times$(printf '  %-10s %6s s' "$1" "$(since "$start")")
"
}

# Milliseconds where date knows them, whole seconds elsewhere.
now() { local t; t=$(date +%s%3N); case "$t" in *N) echo "$(date +%s)000" ;; *) echo "$t" ;; esac; }
since() { local ms=$(($(now) - $1)); printf '%d.%d' $((ms / 1000)) $((ms % 1000 / 100)); }

# Without the analyzers: they check our work, not the user's machine, and a newer SDK may bring stricter ones.
build() {
  local project command
  for project in extractor trainer; do
    command=(dotnet build "$root/$project" -c Release -p:RunAnalyzers=false -p:TreatWarningsAsErrors=false)
    printf '$ %s\n' "$(quoted "${command[@]}")"
    if ! "${command[@]}" --nologo -v quiet >"$work/build.log" 2>&1; then
      grep -E 'error' "$work/build.log" | sort -u | head -n 20 >&2
      echo "error: the build failed; the lines above say why, and $work/build.log has the rest." >&2
      exit 1
    fi
  done
}

program() { find "$root/$1/bin/Release" -type f \( -name "$1" -o -name "$1.exe" \) -perm -u+x -not -path '*/publish/*' | head -n 1; }

begin=$(now)
echo "Quick start. Everything goes to $work"
echo
echo "Building. The first time, this fetches about 300 MB of packages."
start=$(now)
build
times="$(printf '  %-10s %6s s' build "$(since "$start")")
"
extractor=$(program extractor)
trainer=$(program trainer)

echo
echo "Each command below can be copied. They start with these:"
cd "$work"
echo "$ cd $(quoted "$work")"
echo "$ extractor=$(quoted "$extractor")"
echo "$ trainer=$(quoted "$trainer")"

run extractor demo-data pictures
run extractor extract pictures --model "$root/onnx/demo-base.onnx" --out cache

# Each run of the trainer gets a folder of its own, so that nothing made before is lost.
n=1
while [ -e "run-$n" ]; do n=$((n + 1)); done
run trainer train cache --out "run-$n"

echo
echo "The same head without the base: on the pictures' own 32 x 32 pixels, which this cache has as a layer."
run trainer train cache --layer pixels --out "run-$n-pixels"

accuracy() {
  local value
  value=$(tail -n 1 "$1/metrics.jsonl" | sed -n 's/.*"val":{[^}]*"accuracy":\([0-9.]*\).*/\1/p')
  if [ -n "$value" ]; then LC_ALL=C printf '%.2f' "$value"; else printf '(see above)'; fi
}

cat <<END

Validation accuracy: $(accuracy "run-$n") with the frozen base, $(accuracy "run-$n-pixels") for the same head on raw pixels (guessing: 0.50). Done in $(since "$begin") s:
${times}
The base, onnx/demo-base.onnx, was pretrained by Headstart itself on drawn pictures of 14 other classes: these two were not among them.
It knows nothing of photographs. For those, take a base that was trained on ImageNet.

Next. In a new shell, first type the lines above with cd, extractor= and trainer=. Another head on the same
features, in seconds:
  "\$trainer" train cache --out run-l2norm --head 'flatten, l2norm, dense(256, relu)' --lr 1e-3 --epochs 15

Your own pictures, in folders named after their classes (PICTURES/cats/..., PICTURES/dogs/...), through a
pretrained base: VGG16's weights as Keras publishes them, or any other ONNX, .h5 or .safetensors file.
  "\$extractor" model import vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5 --arch vgg16 --preset keras --out vgg16.onnx
  "\$extractor" extract PICTURES --model vgg16.onnx --out my-cache
  "\$trainer" train my-cache --out my-run
END
