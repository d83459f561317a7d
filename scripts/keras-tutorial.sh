#!/usr/bin/env bash
# The well-known Keras tutorial, whole: VGG16 without its top, frozen; Flatten, Dense 256, Dense 1; Adam at 1e-4, 10 epochs; then the
# last block too, at 1e-5. One command a step.
#
#   scripts/keras-tutorial.sh vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5 PICTURES OUT
#
# PICTURES holds train/cats, train/dogs, val/cats, val/dogs (or one folder a class, or is a CSV: then a part is held out by the
# seed). OUT is made. Run it again after an interruption: every step goes on where it stopped, finished ones are left alone.
#
# EPOCHS=10  TUNE_EPOCHS=10  BATCH=32  SEED=0    less for a small set
# PRESET=keras                                   torchvision, for torchvision's weights
# EXTRACTOR, TRAINER                             the programs; otherwise those in PATH, or those built in this repository
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

fail() {
  echo "error: $1" >&2
  exit 2
}

[[ ${1-} != -h && ${1-} != --help ]] || { sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; exit 0; }
[[ $# -eq 3 ]] || fail "three arguments: the weights, the pictures, and a folder for the results; there are $#. Usage: $0 WEIGHTS PICTURES OUT"
weights=$1 pictures=$2 out=$3
[[ -f $weights ]] || fail "no file of weights at $weights. Keras' is called vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5."
[[ -e $pictures ]] || fail "no pictures at $pictures: name a folder with train/CLASS and val/CLASS, a folder of classes, or a CSV."
for number in "EPOCHS=${EPOCHS:=10}" "TUNE_EPOCHS=${TUNE_EPOCHS:=10}" "BATCH=${BATCH:=32}"; do
  [[ ${number#*=} =~ ^[1-9][0-9]{0,5}$ ]] || fail "$number: a whole number from 1."
done

# Of a program in PATH and one that was built here, the first; a copy for publishing is no build.
program() {
  command -v "$1" || find "$root/$1/bin/Release" -type f -name "$1" -perm -u+x -not -path '*/publish/*' 2>/dev/null | head -n 1
}
extractor=${EXTRACTOR:-$(program extractor)}
trainer=${TRAINER:-$(program trainer)}
[[ -x $extractor && -x $trainer ]] || fail "extractor and trainer are not in PATH, and not built: dotnet build '$root/Solution.sln' -c Release, or set EXTRACTOR and TRAINER."

# Shows a command as a user can type it, on standard error, and runs it.
step() {
  local name=$1 word line=$1
  shift
  for word in "$@"; do
    case $word in
      *[!A-Za-z0-9_./:=,@%+-]*) line+=" '$word'" ;;
      *) line+=" $word" ;;
    esac
  done
  printf '\n$ %s\n' "$line" >&2
  "${!name}" "$@"
}
accuracy() { tail -n 1 "$1/metrics.jsonl" | sed -n 's/.*"val":{[^}]*"accuracy":\([0-9.e-]*\).*/\1/p'; }

mkdir -p "$out"
model=$out/vgg16.onnx cache=$out/cache head=$out/head tuned=$out/tuned shipped=$out/model.onnx
thumbnails=()
[[ ! -d $pictures ]] || thumbnails=(--images "$pictures")

# base = VGG16(weights="imagenet", include_top=False, input_shape=(224, 224, 3)); base.trainable = False
step extractor model import "$weights" --arch vgg16 --preset "${PRESET:-keras}" --out "$model"
# The frozen base, once for each picture. The second layer is for the last step.
step extractor extract "$pictures" --model "$model" --layer block4_pool --layer block5_pool --out "$cache"
# Flatten(), Dense(256, "relu"), Dense(1, "sigmoid"); compile(Adam(1e-4), "binary_crossentropy"); fit(epochs=10)
step trainer train "$cache" --layer block5_pool --head 'flatten, dense(256, relu)' --optimizer adam --lr 1e-4 --epochs "$EPOCHS" --batch "$BATCH" \
  --seed "${SEED:-0}" ${thumbnails[@]+"${thumbnails[@]}"} --out "$head" --resume
# The layers of block5 trainable, compile(Adam(1e-5)), fit again
step trainer finetune "$head" --model "$model" --cache "$cache" --unfreeze 1 --lr 1e-5 --head-lr 1e-5 --epochs "$TUNE_EPOCHS" --batch "$BATCH" \
  --out "$tuned" --resume
# model.save()
step trainer export "$tuned" --model "$model" --out "$shipped"
# model.predict()
new=$pictures
for name in val valid validation; do
  if [[ -d $pictures/$name ]]; then new=$pictures/$name; fi
done
step extractor predict "$shipped" "$new" --format csv >"$out/predictions.csv"

report=$tuned/report.html
[[ -f $report ]] || report=$head/report.html
cat <<END

validation accuracy, head on the frozen base  $(accuracy "$head")
validation accuracy, last block tuned         $(accuracy "$tuned")
report       $report
model        $shipped
predictions  $out/predictions.csv   of $new
END
