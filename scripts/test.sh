#!/usr/bin/env bash
# Builds everything (Release) and runs the tests. At the end it says how many seconds each of the slowest classes took, with the
# projects' tests running beside each other, and the last line counts the tests: N passed, N failed, N skipped.
#
#   scripts/test.sh                                 all but those of Category=Slow: what to run before every commit
#   scripts/test.sh --all                           these too, as .ci/run does
#   scripts/test.sh --filter-class '*CacheTests'    any option of the test runner
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# A project in which a filter leaves no test is no failure (8: no test ran); that any test ran is checked below.
options=(--ignore-exit-code 8)
slow=no
for option in "$@"; do
  case $option in
    -h | --help) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; exit 0 ;;
    --all) slow=yes ;;
    *) options+=("$option") ;;
  esac
done
if [[ $slow == no ]]; then options+=(--filter-not-trait Category=Slow); fi

reports=$(mktemp -d)
trap 'rm -rf "$reports"' EXIT
log=$reports/log

# The seconds of each test, added up for each class; those of a class's fixtures are not among them.
seconds_by_class() {
  cat "$reports"/*.xml 2>/dev/null | grep -o '<test [^>]*>' \
    | sed -n 's/.* time="\([0-9.]*\)".* type="\(Headstart\.Tests\.\)\{0,1\}\([^"]*\)".*/\1 \3/p' \
    | awk '{ seconds[$2] += $1; tests[$2]++; all += $1 }
        END {
          for (class in seconds) printf "%9.1f s  %s (%d tests)\n", seconds[class], class, tests[class]
          printf "%9.1f s  in %d classes, added up\n", all, length(seconds)
        }' | sort -rn | sed -n '1,26p'
}
passed=0 failed=0 skipped=0 status=1

if dotnet build Solution.sln -c Release -nologo; then
  dotnet test --solution Solution.sln -c Release --no-build --no-ansi --results-directory "$reports" --report-xunit-xml "${options[@]}" \
    </dev/null 2>&1 | tee "$log"
  status=${PIPESTATUS[0]}
  # The runner's closing summary: "  total: 107", "  failed: 7", "  succeeded: 100", "  skipped: 0".
  count() { sed -n "s/^  $1: \([0-9]*\)\$/\1/p" "$log" | tail -n 1; }
  passed=$(count succeeded) failed=$(count failed) skipped=$(count skipped)
  errors=$(count error)
  if ((${errors:-0} > 0)); then
    echo "$errors test projects crashed or ran no test: their tests are missing from the counts." >&2
  fi
  if ((${passed:-0} + ${failed:-0} == 0)); then
    echo "No test ran. Those of Category=Slow need --all." >&2
    status=1
  fi
  echo
  echo "Seconds by class, the slowest first:"
  seconds_by_class
fi

echo "${passed:-0} passed, ${failed:-0} failed, ${skipped:-0} skipped"
exit "$status"
