#!/usr/bin/env bash
# Builds everything (Release) and runs all tests. The last line counts them: N passed, N failed, N skipped.
#
#   scripts/test.sh                                 all tests
#   scripts/test.sh --fast                          without those of Category=Slow
#   scripts/test.sh --filter-class '*CacheTests'    any option of the test runner
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

filter=()
while (($#)); do
  case $1 in
    -h | --help) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; exit 0 ;;
    # A project in which the filter leaves no test is no failure (8: no test ran); that some test ran is checked below.
    --fast) filter+=(--filter-not-trait Category=Slow --ignore-exit-code 8) ;;
    *) filter+=("$1"); [[ $1 == --filter* ]] && filter+=(--ignore-exit-code 8) ;;
  esac
  shift
done

log=$(mktemp)
trap 'rm -f "$log"' EXIT
passed=0 failed=0 skipped=0 status=1

if dotnet build Solution.sln -c Release -nologo; then
  dotnet test --solution Solution.sln -c Release --no-build --no-ansi ${filter[@]+"${filter[@]}"} </dev/null 2>&1 | tee "$log"
  status=${PIPESTATUS[0]}
  # The runner's closing summary: "  total: 107", "  failed: 7", "  succeeded: 100", "  skipped: 0".
  count() { sed -n "s/^  $1: \([0-9]*\)\$/\1/p" "$log" | tail -n 1; }
  passed=$(count succeeded) failed=$(count failed) skipped=$(count skipped)
  if ((${passed:-0} + ${failed:-0} == 0)); then
    echo "No test ran." >&2
    status=1
  fi
fi

echo "${passed:-0} passed, ${failed:-0} failed, ${skipped:-0} skipped"
exit "$status"
