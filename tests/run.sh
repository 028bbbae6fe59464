#!/bin/bash
# Runs tiers of tests and ends with one line for all of them, "N passed, N failed, N skipped": run.sh TIER...
#   unit       the programs $TESTS_DIR/test_*, UNIT_WORKERS (as many as processors) at once
#   fuzz       $TESTS_DIR/replay_* over tests/fuzz/corpus; one test is one target
#   model      tests/model/model.sh: the session protocol checked by spin; MODEL_BOUNDS (small) or large
#   contracts  tests/lint/contracts.sh: configuration, documents and protocols agree
#   manifests  tests/lint/k8s.py: deploy/k8s agrees with the API's schemas and with the programs;
#              tests/lint/k8s_test.py: it refuses what does not; two tests
#   e2e        pytest over the programs in $TEST_BIN_DIR, E2E_WORKERS files at once (two more than processors, 8 at
#              most); PYTEST_ARGS; E2E_FILES, if not all but those of faults
#   faults     likewise, tests/e2e/faults: the long ones of those that break a part under load; FAULT_SECONDS (1.5) of
#              load
# REQUIRE_ALL=1: a skipped test is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."

TESTS_DIR=${TESTS_DIR:-build/tests}
processors=$(nproc)
E2E_WORKERS=${E2E_WORKERS:-$((processors > 6 ? 8 : processors + 2))}
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
: >"$results/all"

record() { # passed failed skipped
    echo "$1 $2 $3" >>"$results/counts"
}

# The number in cmocka's closing line: "[  PASSED  ] 5 test(s)."
cmocka_count() { # label, file
    sed -nE "s/^\[ *$1 *\] ([0-9]+) test\(s\).*/\1/p" "$2" | awk '{ n += $1 } END { print n + 0 }'
}

# One of them; $results/NAME has what it printed, $results/NAME.status how it ended.
run_program() {
    local output
    output=$results/$(basename "$1")
    timeout 300 "$1" >"$output" 2>&1 && echo 0 >"$output.status" || echo $? >"$output.status"
}

run_unit() {
    local program output status passed failed
    export -f run_program
    export results
    find "$TESTS_DIR" -name 'test_*' -type f -executable -print0 |
        xargs -0 -P "${UNIT_WORKERS:-$processors}" -I{} bash -c 'run_program "{}"'
    for program in "$TESTS_DIR"/test_*; do
        [ -x "$program" ] || continue
        output=$results/$(basename "$program")
        status=$(cat "$output.status")
        passed=$(cmocka_count PASSED "$output")
        failed=$(cmocka_count FAILED "$output")
        # It died, or a sanitizer reported something after the last test.
        if [ "$status" -ne 0 ] && [ "$failed" -eq 0 ]; then
            failed=1
        fi
        record "$passed" "$failed" "$(cmocka_count SKIPPED "$output")"
        echo "$(basename "$program"): $passed passed$([ "$failed" -eq 0 ] || echo ", $failed failed, exit $status")"
        [ "$failed" -eq 0 ] || cat "$output"
    done
}

run_fuzz() {
    local program corpus
    for program in "$TESTS_DIR"/replay_*; do
        [ -x "$program" ] || continue
        corpus=tests/fuzz/corpus/$(basename "$program" | sed 's/^replay_//')
        echo -n "$(basename "$program"): "
        if timeout 300 "$program" "$corpus"; then
            record 1 0 0
        else
            echo "$(basename "$program") FAILED"
            record 0 1 0
        fi
    done
}

run_model() {
    local output=$results/model status=0 failed
    command -v spin >/dev/null || {
        echo "model: skipped, there is no spin"
        record 0 0 1
        return
    }
    tests/model/model.sh "${MODEL_BOUNDS:-small}" 2>&1 | tee "$output" || status=$?
    failed=$(grep -c '^model [a-z_]*: FAILED' "$output" || true)
    if [ "$status" -ne 0 ] && [ "$failed" -eq 0 ]; then
        failed=1
    fi
    record "$(grep -c '^model [a-z_]*: passed' "$output" || true)" "$failed" 0
}

run_contracts() {
    if tests/lint/contracts.sh; then
        record 1 0 0
    else
        record 0 1 0
    fi
}

run_manifests() {
    local kubectl check
    tests/tools.sh
    kubectl=$(tests/k8s/build.sh kubectl) || {
        echo "manifests: skipped, there is no kubectl"
        record 0 0 2
        return
    }
    for check in k8s k8s_test; do
        if build/venv/bin/python "tests/lint/$check.py" "${TEST_BIN_DIR:-build/bin}" "$kubectl"; then
            record 1 0 0
        else
            record 0 1 0
        fi
    done
}

# The tests wait more than they work: a few files at once, each with stacks and ports of its own.
run_pytest() { # tier, arguments...
    local report=$results/$1.xml args status=0 passed=0 failed=0 skipped=0
    tests/tools.sh
    read -ra args <<<"${PYTEST_ARGS:-}"
    TEST_BIN_DIR=${TEST_BIN_DIR:-$PWD/build/bin} build/venv/bin/python -m pytest -q \
        -n "$E2E_WORKERS" --dist loadfile --no-loadscope-reorder --junitxml="$report" "${@:2}" "${args[@]}" || status=$?
    [ ! -s "$report" ] || read -r passed failed skipped <<<"$(/usr/bin/python3 tests/junit_counts.py "$report")"
    # A file that is not there, for example, is no test that failed.
    if [ "$status" -ne 0 ] && [ "$failed" -eq 0 ]; then
        echo "$1: pytest ended with $status"
        failed=1
    fi
    record "$passed" "$failed" "$skipped"
}

run_e2e() {
    local files
    read -ra files <<<"${E2E_FILES:-tests/e2e}"
    run_pytest e2e "${files[@]}" --ignore=tests/e2e/faults
}
run_faults() { run_pytest faults tests/e2e/faults; }

# Sums of what was recorded: passed, failed, skipped.
sums() { awk '{ p += $1; f += $2; s += $3 } END { print p + 0, f + 0, s + 0 }' "$1"; }

for tier in "$@"; do
    echo "== $tier"
    start=$SECONDS
    : >"$results/counts"
    "run_$tier"
    read -r passed failed skipped <<<"$(sums "$results/counts")"
    if [ $((passed + failed + skipped)) -eq 0 ]; then
        echo "$tier: there was nothing to run"
        record 0 1 0
        failed=1
    fi
    echo "== $tier: $passed passed, $failed failed, $skipped skipped, $((SECONDS - start)) s"
    cat "$results/counts" >>"$results/all"
done

read -r passed failed skipped <<<"$(sums "$results/all")"
if [ "${REQUIRE_ALL:-}" = 1 ] && [ "$skipped" -gt 0 ]; then
    echo "REQUIRE_ALL=1: $skipped skipped tests count as failed"
    failed=$((failed + skipped))
    skipped=0
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
