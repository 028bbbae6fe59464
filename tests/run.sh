#!/bin/bash
# Runs tiers of tests and ends with one line for all of them, "N passed, N failed, N skipped": run.sh TIER...
#   unit       the programs $TESTS_DIR/test_*
#   fuzz       $TESTS_DIR/replay_* over tests/fuzz/corpus; one test is one target
#   model      tests/model/model.sh: the session protocol checked by spin; MODEL_BOUNDS (small) or large
#   contracts  tests/lint/contracts.sh: configuration, documents and protocols agree; tests/lint/k8s.py: deploy/k8s too
#   e2e        pytest over the programs in $TEST_BIN_DIR, E2E_WORKERS (3) files at once; PYTEST_ARGS
#   faults     likewise, one file more at once, all that break a part under load: those of e2e and the long ones;
#              FAULT_SECONDS (1.5) of load
# REQUIRE_ALL=1: a skipped test is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."

TESTS_DIR=${TESTS_DIR:-build/tests}
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
: >"$results/counts"

record() { # passed failed skipped
    echo "$1 $2 $3" >>"$results/counts"
}

# The number in cmocka's closing line: "[  PASSED  ] 5 test(s)."
cmocka_count() { # label, file
    sed -nE "s/^\[ *$1 *\] ([0-9]+) test\(s\).*/\1/p" "$2" | awk '{ n += $1 } END { print n + 0 }'
}

run_unit() {
    local program output status passed failed
    for program in "$TESTS_DIR"/test_*; do
        [ -x "$program" ] || continue
        output=$results/$(basename "$program")
        status=0
        timeout 300 "$program" >"$output" 2>&1 || status=$?
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
    local status=0
    tests/lint/contracts.sh || status=1
    prepare_venv
    build/venv/bin/python tests/lint/k8s.py "${TEST_BIN_DIR:-build/bin}" "$(tests/k8s/build.sh kubectl)" || status=1
    if [ "$status" -eq 0 ]; then
        record 1 0 0
    else
        record 0 1 0
    fi
}

# The virtual environment is made again when what it holds changes.
prepare_venv() {
    local stamp=build/venv/requirements.txt wanted=(tests/requirements.txt tests/e2e/requirements.txt)
    cat "${wanted[@]}" | cmp -s - "$stamp" && return
    rm -rf build/venv
    # Debian's Python by its path: another one in PATH may lack the venv module.
    /usr/bin/python3 -m venv build/venv
    build/venv/bin/pip install --quiet --disable-pip-version-check "${wanted[@]/#/--requirement=}"
    cat "${wanted[@]}" >"$stamp"
}

# The tests wait more than they work: a few files at once, each with stacks and ports of its own.
run_pytest() { # tier, arguments...
    local report=$results/$1.xml args status=0
    prepare_venv
    # Here, because to fetch or build these may take longer than the 60 s that a test has. Without one its tests are
    # skipped.
    timeout 300 deploy/local/consul.sh >/dev/null || true
    timeout 300 deploy/local/kafka.sh >/dev/null || true
    timeout 900 deploy/local/jaeger.sh >/dev/null || true
    timeout 600 tests/prometheus/build.sh || true
    timeout 300 tests/grafana/fetch.sh || true
    read -ra args <<<"${PYTEST_ARGS:-}"
    TEST_BIN_DIR=${TEST_BIN_DIR:-$PWD/build/bin} build/venv/bin/python -m pytest tests/e2e -q \
        -n "${E2E_WORKERS:-3}" --dist loadfile --junitxml="$report" "${@:2}" "${args[@]}" || status=$?
    if [ -s "$report" ]; then
        # shellcheck disable=SC2046 # three numbers
        record $(/usr/bin/python3 tests/junit_counts.py "$report")
    else
        echo "$1: pytest ended with $status and without a report"
        record 0 1 0
    fi
}

run_e2e() { run_pytest e2e --ignore=tests/e2e/faults; }
# One more file at once, because the longest waits for five minutes, and in the order of faults/conftest.py.
run_faults() { E2E_WORKERS=$((${E2E_WORKERS:-3} + 1)) run_pytest faults -m faults --no-loadscope-reorder; }

for tier in "$@"; do
    echo "== $tier"
    "run_$tier"
done

totals=$(awk '{ p += $1; f += $2; s += $3 } END { print p + 0, f + 0, s + 0 }' "$results/counts")
read -r passed failed skipped <<<"$totals"
if [ "${REQUIRE_ALL:-}" = 1 ] && [ "$skipped" -gt 0 ]; then
    echo "REQUIRE_ALL=1: $skipped skipped tests count as failed"
    failed=$((failed + skipped))
    skipped=0
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
