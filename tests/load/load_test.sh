#!/bin/bash
# Five load levels with hey against a stack of its own. Fails on an error, an answer that is not 200, or a counter that
# does not end exactly at the number of increments sent.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/load/lib.sh
source tests/load/lib.sh

# The hey of the PATH, or else that of `go install github.com/rakyll/hey@latest`.
PATH=$PATH:${GOBIN:-${GOPATH:-${HOME:-}/go}/bin}
command -v hey >/dev/null || {
    echo "hey is missing: go install github.com/rakyll/hey@latest, or Debian's package hey" >&2
    exit 1
}

# requests:connections
LEVELS=${LEVELS:-1000:10 5000:50 10000:100 20000:200 50000:500}

trap stop_all EXIT
ulimit -n 8192
start_load_stack

failed=0
echo "| requests | connections | requests/s | P50 ms | P95 ms | P99 ms | errors | not 200 | counter |"
echo "|---|---|---|---|---|---|---|---|---|"
for level in $LEVELS; do
    requests=${level%:*}
    connections=${level#*:}
    resource=load-$connections
    report=$RUN_DIR/hey-$connections.txt
    hey -n "$requests" -c "$connections" -m POST -T application/json \
        -d "{\"resource_id\":\"$resource\",\"counter_type\":\"like\"}" \
        "$GATEWAY_URL/api/v1/counter/increment" >"$report"
    qps=$(awk '/Requests\/sec:/ { printf "%d", $2 }' "$report")
    ok=$(awk '$1 == "[200]" { n = $2 } END { print n + 0 }' "$report")
    answered=$(awk '/^  \[[0-9]+\]/ && $3 == "responses" { n += $2 } END { print n + 0 }' "$report")
    errors=$((requests - answered))
    not_ok=$((answered - ok))
    value=$(counter_value "$resource" like)
    echo "| $requests | $connections | $qps | $(percentile_ms 50 "$report") | $(percentile_ms 95 "$report") |" \
        "$(percentile_ms 99 "$report") | $errors | $not_ok | $value |"
    if [ "$errors" -ne 0 ] || [ "$not_ok" -ne 0 ] || [ "$value" != "$requests" ]; then
        failed=$((failed + 1))
    fi
done

levels=$(wc -w <<<"$LEVELS")
echo "$((levels - failed)) passed, $failed failed"
[ "$failed" -eq 0 ]
