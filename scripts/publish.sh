#!/usr/bin/env bash
# Makes what a machine without the sources needs, in OUT (artifacts/publish when left out):
#
#   extractor-RID/ trainer-RID/   each program in a folder that needs nothing else, not even .NET
#   tools/                        dotnet tools for machines that have .NET 10:
#                                 dotnet tool install Headstart.Trainer --tool-path BIN --source OUT/tools
#
# Usage: scripts/publish.sh [-r RID] [OUT] [-p:Accelerator=cuda]
#   -r RID   linux-x64 (the default), win-x64 or osx-arm64
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

rid=linux-x64 out=
# Compiled ahead of time, for a quicker start. The analyzers check our work, not the user's machine.
properties=(-p:PublishReadyToRun=true -p:RunAnalyzers=false)
while (($#)); do
  case $1 in
    -h | --help) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; exit 0 ;;
    -r) [[ $# -ge 2 ]] || { echo "error: -r needs a platform, such as linux-x64. See --help." >&2; exit 2; }
      rid=$2; shift ;;
    -p:*) properties+=("$1") ;;
    -*) echo "error: no option '$1'. See --help." >&2; exit 2 ;;
    *) [[ -z $out ]] || { echo "error: one folder at most. See --help." >&2; exit 2; }
      out=$1 ;;
  esac
  shift
done
out=${out:-$root/artifacts/publish}
mkdir -p "$out"
out=$(cd "$out" && pwd)

# Apart from bin/ and obj/, where a self-contained build would get in the way of ordinary ones.
common=(-c Release -r "$rid" --artifacts-path "$root/artifacts/build" -nologo -v quiet "${properties[@]}")
for project in extractor trainer; do
  folder=$out/$project-$rid
  if [[ -e $folder && ! -e $folder/$project.deps.json ]]; then
    echo "error: $folder holds something else. Name another folder: scripts/publish.sh OUT" >&2
    exit 1
  fi
  rm -rf "$folder"
  dotnet publish "$root/$project" "${common[@]}" --self-contained -o "$folder"
  dotnet pack "$root/$project" "${common[@]}" -o "$out/tools"
done

echo "Made in $out:"
(cd "$out" && du -sh -- *-"$rid" tools/*.nupkg | sed 's/^/  /')
