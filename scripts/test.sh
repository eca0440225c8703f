#!/usr/bin/env bash
# test.sh [PRESET]: sets up, builds and runs every check there is: all tests by label, the golden tests again on the
# larger fixture set where there is one, unit and golden tests under sanitizers, and a minute of fuzzing.
# HRA_FIXTURES: the larger fixture set (default: ../shared/fixtures).  HRA_FUZZ_SECONDS: default 60.
set -euo pipefail
cd "$(dirname "$0")/.."

preset=${1:-release}
fixtures=${HRA_FIXTURES:-$PWD/../shared/fixtures}
unset HRA_FIXTURES
passed=0
failed=0
not_run=()
failures=()
report=$(mktemp)
trap 'rm -f "$report"' EXIT

headline() { printf '\n=== %s (%s s)\n' "$1" "$SECONDS"; }

# note_failure TEXT [COUNT]
note_failure() {
    failed=$((failed + ${2:-1}))
    failures+=("$1")
}

# A number in the head of ctest's JUnit report, which has one attribute a line.
attribute() { sed -n "s/^[[:space:]]*$1=\"\([0-9]*\)\".*/\1/p" "$report" | head -n 1; }

# tests TITLE CTEST_ARGS...: runs ctest and adds its counts to the total.
tests() {
    local title=$1 ok=0 total skipped bad
    shift
    headline "$title"
    : >"$report"
    ctest --parallel "$(nproc)" --output-junit "$report" "$@" || ok=$?
    total=$(attribute tests)
    if [ -z "$total" ]; then
        note_failure "$title: ctest did not run"
        return
    fi
    skipped=$(($(attribute skipped) + $(attribute disabled)))
    bad=$(attribute failures)
    [ "$ok" -eq 0 ] || [ "$bad" -gt 0 ] || bad=1
    passed=$((passed + total - skipped - bad))
    [ "$bad" -eq 0 ] || note_failure "$title: $bad, listed above" "$bad"
    [ "$skipped" -eq 0 ] || not_run+=("$title: $skipped skipped by themselves, listed above")
}

# step TITLE COMMAND...: one check that counts as one test.
step() {
    local title=$1
    shift
    headline "$title"
    if "$@"; then
        passed=$((passed + 1))
    else
        note_failure "$title"
    fi
}

headline "build $preset"
scripts/build.sh "$preset"

for label in $(ctest --preset "$preset" --print-labels | sed -n 's/^  *\([a-z]*\)$/\1/p'); do
    tests "tests: $label" --preset "$preset" --label-regex "^$label\$"
done

if [ -d "$fixtures" ]; then
    HRA_FIXTURES=$(cd "$fixtures" && pwd) tests "tests: golden on the fixture set $fixtures" \
        --preset "$preset" --label-regex '^golden$'
else
    not_run+=("golden tests on a larger fixture set: no folder $fixtures")
fi

headline "build asan"
if scripts/build.sh asan hra_unit_tests hra_golden_tests; then
    tests "sanitizers: unit and golden" --preset asan
else
    note_failure "sanitizers: the build"
fi

if ! command -v clang++ >/dev/null; then
    not_run+=("fuzzing: no clang++")
else
    step "fuzzing, ${HRA_FUZZ_SECONDS:-60} s" scripts/fuzz.sh "${HRA_FUZZ_SECONDS:-60}"
fi

[ -e /dev/nvidia0 ] || not_run+=("anything on a GPU: there is none here")

echo
for reason in ${not_run[@]+"${not_run[@]}"}; do echo "not run: $reason"; done
for reason in ${failures[@]+"${failures[@]}"}; do echo "FAILED: $reason"; done
echo "time: $((SECONDS / 60)) min $((SECONDS % 60)) s"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
