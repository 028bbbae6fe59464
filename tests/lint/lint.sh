#!/bin/bash
# All static checks; `make lint` calls it. Runs every check, then says which ones failed.
# CHECKS="sizes tidy": only these.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit

jobs=$(nproc)
mapfile -t cflags < <(make -s --no-print-directory print-cflags)
mapfile -t warnings < <(make -s --no-print-directory print-warnings)
mapfile -t sources < <(find common gateway counter-service tests -name '*.c' | sort)
mapfile -t headers < <(find common gateway counter-service tests -name '*.h' | sort)
mapfile -t scripts < <(find deploy tests -name '*.sh' | sort)

check_format() {
    clang-format --dry-run --Werror "${sources[@]}" "${headers[@]}"
}

# With WERROR=1 the programs are built so: then there is nothing to be compiled twice.
check_gcc() {
    local directory=build
    [ -n "${WERROR:-}" ] || directory=build/lint-gcc
    make -s -k CC=gcc WERROR=1 BUILD="$directory" objects
}

# Its warnings come before it optimizes, unlike gcc's.
check_clang() {
    printf '%s\n' "${sources[@]}" | xargs -P "$jobs" -n 8 clang "${cflags[@]}" "${warnings[@]}" -Werror -fsyntax-only
}

# Each header must compile alone, without what another one includes.
check_headers() {
    printf '%s\n' "${headers[@]}" | xargs -P "$jobs" -I{} gcc "${cflags[@]}" -Wall -Werror -fsyntax-only -x c {}
}

check_tidy() {
    printf '%s\n' "${sources[@]}" |
        xargs -P "$jobs" -I{} clang-tidy --quiet {} -- "${cflags[@]}" 2> >(grep -v 'warnings\? generated\.$' >&2)
}

check_cppcheck() {
    cppcheck --quiet --error-exitcode=1 --std=c11 --enable=warning,performance,portability --inline-suppr -j "$jobs" \
        --suppressions-list=tests/lint/cppcheck.txt -D_GNU_SOURCE '-DTALLY_VERSION="0"' -I. \
        common gateway counter-service tests/fuzz tests/load
}

check_shellcheck() {
    shellcheck -x .ci/run "${scripts[@]}"
}

check_boundaries() { /usr/bin/python3 tests/lint/boundaries.py && /usr/bin/python3 tests/lint/boundaries_test.py; }
check_sizes() { /usr/bin/python3 tests/lint/sizes.py; }
check_contracts() { tests/lint/contracts.sh; }

failed=()
for check in ${CHECKS:-format gcc clang headers tidy cppcheck shellcheck boundaries sizes contracts}; do
    start=$SECONDS
    if "check_$check"; then
        echo "lint: $check ok, $((SECONDS - start)) s"
    else
        echo "lint: $check FAILED"
        failed+=("$check")
    fi
done
if [ ${#failed[@]} -gt 0 ]; then
    echo "lint: failed: ${failed[*]}"
    exit 1
fi
