#!/usr/bin/env bash
# Builds everything (Release) and runs all tests. The last line counts them: N passed, N failed, N skipped.
#
#   scripts/test.sh                                 all tests
#   scripts/test.sh --fast                          without those of Category=Slow
#   scripts/test.sh --filter-class '*CacheTests'    any option of the test runner
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

options=()
for option in "$@"; do
  case $option in
    -h | --help) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; exit 0 ;;
    --fast) options+=(--filter-not-trait Category=Slow) ;;
    *) options+=("$option") ;;
  esac
done
# A project in which a filter leaves no test is no failure (8: no test ran); that any test ran is checked below.
if ((${#options[@]})); then options+=(--ignore-exit-code 8); fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
passed=0 failed=0 skipped=0 status=1

if dotnet build Solution.sln -c Release -nologo; then
  dotnet test --solution Solution.sln -c Release --no-build --no-ansi ${options[@]+"${options[@]}"} </dev/null 2>&1 | tee "$log"
  status=${PIPESTATUS[0]}
  # The runner's closing summary: "  total: 107", "  failed: 7", "  succeeded: 100", "  skipped: 0".
  count() { sed -n "s/^  $1: \([0-9]*\)\$/\1/p" "$log" | tail -n 1; }
  passed=$(count succeeded) failed=$(count failed) skipped=$(count skipped)
  errors=$(count error)
  if ((${errors:-0} > 0)); then
    echo "$errors test projects crashed or ran no test: their tests are missing from the counts." >&2
  fi
  if ((${passed:-0} + ${failed:-0} == 0)); then
    echo "No test ran." >&2
    status=1
  fi
fi

echo "${passed:-0} passed, ${failed:-0} failed, ${skipped:-0} skipped"
exit "$status"
