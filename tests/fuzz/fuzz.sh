#!/bin/bash
# Runs fuzz targets for FUZZ_SECONDS each: fuzz.sh PROGRAM...
# New inputs go to build/fuzz/corpus; one that fails is left in build/fuzz/crashes. Copy what is worth keeping to
# tests/fuzz/corpus/TARGET/: `make test` replays that.
set -euo pipefail
cd "$(dirname "$0")/../.."

failed=0
for program in "$@"; do
    name=$(basename "$program")
    target=${name#fuzz_}
    found=build/fuzz/corpus/$target
    seeds=tests/fuzz/corpus/$target
    crashes=build/fuzz/crashes/$target
    mkdir -p "$found" "$crashes"
    inputs=("$found")
    [ ! -d "$seeds" ] || inputs+=("$seeds")
    echo "== $name, ${FUZZ_SECONDS:-60} s"
    "$program" -max_total_time="${FUZZ_SECONDS:-60}" -artifact_prefix="$crashes/" -timeout=10 -rss_limit_mb=1024 \
        -verbosity=0 "${inputs[@]}" || failed=$((failed + 1))
done
echo "$(($# - failed)) passed, $failed failed"
[ "$failed" -eq 0 ]
