#!/bin/bash
# Compares Tally with webdis and with libmicrohttpd alone: in one run, taking turns, so that a noisy machine is noisy
# for all. Prints a report in Markdown.
#   ROUNDS (3), DURATION (5: seconds each), LEVELS (1 10 100 500: connections), OUT (a file for the report too)
# Fails only when a measurement cannot be made; a goal that is missed is said in the report.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/load/lib.sh
source tests/load/lib.sh

ROUNDS=${ROUNDS:-3}
DURATION=${DURATION:-5}
LEVELS=${LEVELS:-1 10 100 500}
INCREMENT=/api/v1/counter/increment

mkdir -p "$RUN_DIR"
measurements=$RUN_DIR/measurements.txt
: >"$measurements"

record() { # measure, value...
    echo "$*" | tee -a "$measurements" >&2
}

measure_wrk() { # measure, connections, url, script argument...
    local measure=$1 connections=$2 url=$3 output
    shift 3
    output=$(wrk -t1 -c"$connections" -d"${DURATION}s" --timeout 5s -s tests/load/wrk.lua "$url" -- "$@")
    record "$measure" "$(sed -n 's/^RESULT //p' <<<"$output")"
}

# A gRPC message on the wire: a zero byte for "not compressed", four bytes of length, the message.
grpc_body() { # resource_id
    local message=$RUN_DIR/increment.bin length
    echo "resource_id: '$1' counter_type: 'like' delta: 1" |
        protoc --encode=tally.v1.IncrementRequest -Iproto tally/v1/counter.proto >"$message"
    length=$(printf '%08x' "$(stat -c %s "$message")")
    printf '\x00'
    # shellcheck disable=SC2059 # the length in escapes is the format
    printf "\\x${length:0:2}\\x${length:2:2}\\x${length:4:2}\\x${length:6:2}"
    cat "$message"
}

# h2load counts HTTP answers and sees no grpc-status: the counter tells how many increments were applied.
measure_grpc() {
    local body=$RUN_DIR/increment.grpc report=$RUN_DIR/h2load.txt before after rate
    grpc_body bench-grpc >"$body"
    before=$(counter_value bench-grpc like)
    h2load -t1 -c20 -m10 -D"$DURATION" -d "$body" -H 'content-type: application/grpc' -H 'te: trailers' \
        "http://127.0.0.1:$TALLY_COUNTER_SERVICE_PORT/tally.v1.CounterService/Increment" >"$report"
    after=$(counter_value bench-grpc like)
    rate=$(sed -nE 's/^finished in .*, ([0-9]+)(\.[0-9]+)? req\/s.*/\1/p' "$report")
    record grpc-unary "$rate" "$(((after - before) / DURATION))"
}

resident_kib() { # process name
    awk '/^VmRSS:/ { print $2 }' "/proc/$(process_id "$1")/status"
}

measure_memory() {
    wrk -t1 -c1000 -d5s --timeout 5s -s tests/load/wrk.lua "$GATEWAY_URL" -- POST "$INCREMENT" >/dev/null &
    local load=$!
    sleep 4
    record memory "$(resident_kib gateway)" "$(resident_kib counter-service)"
    wait "$load"
}

redis_number() { # command and its arguments; the first number of the answer
    redis-cli -p "$REDIS_PORT" "$@" | tr -d '\r' | sed -nE 's/^(used_memory:)?([0-9]+)$/\2/p' | head -n 1
}

# A batch of 999 increments: three counters of each of 333 resources.
batch_json() { # number of the first resource
    awk -v first="$1" '
        function increment(resource, type) {
            return "{\"resource_id\":\"article-" resource "\",\"counter_type\":\"" type "\",\"increment\":1234}"
        }
        BEGIN {
            for (i = first; i < first + 333; i++)
                list = list "," increment(i, "like") "," increment(i, "view") "," increment(i, "share")
            print "{\"increments\":[" substr(list, 2) "]}"
        }'
}

# 33,300 resources with three counters each.
measure_redis_memory() {
    local before first resources=33300
    redis-cli -p "$REDIS_PORT" FLUSHALL >/dev/null
    before=$(redis_number INFO memory)
    for ((first = 0; first < resources; first += 333)); do
        batch_json "$first" | curl -sf -o /dev/null -H 'Content-Type: application/json' --data-binary @- \
            "$GATEWAY_URL$INCREMENT/batch"
    done
    record redis-bytes $((($(redis_number INFO memory) - before) / resources / 3))
}

# Above one or so, others are at work on this machine, and the ratios mean little.
load_before=$(cut -d' ' -f1 /proc/loadavg)

trap stop_all EXIT
ulimit -n 8192
start_load_stack
start_webdis
start_bare_server

for ((round = 1; round <= ROUNDS; round++)); do
    echo "round $round of $ROUNDS" >&2
    for level in $LEVELS; do
        measure_wrk "webdis-$level" "$level" "$WEBDIS_URL" GET /INCRBY/bench/1
        measure_wrk "increment-$level" "$level" "$GATEWAY_URL" POST "$INCREMENT"
        measure_wrk "bare-$level" "$level" "$BARE_URL" POST "$INCREMENT"
        measure_wrk "get-$level" "$level" "$GATEWAY_URL" GET /api/v1/counter/bench/like
    done
    measure_wrk hot 100 "$GATEWAY_URL" POST "$INCREMENT" 1
    for items in 100 1000; do
        measure_wrk "batch-$items" 16 "$GATEWAY_URL" BATCH "$INCREMENT/batch" "$items"
    done
    measure_wrk spread 100 "$GATEWAY_URL" POST "$INCREMENT" 100000
    measure_grpc
done
measure_memory
measure_redis_memory

{
    echo "$ROUNDS rounds of $DURATION s each, $(nproc) processors, load generator on the same machine," \
        "load average at the start $load_before."
    echo
    /usr/bin/python3 tests/load/report.py "$measurements"
    echo
    echo "Against webdis (first), batches too, with the CPU time of all server processes an increment:"
    echo
    /usr/bin/python3 tests/load/compare.py webdis build/bin --rounds "$ROUNDS" --seconds "$DURATION" \
        --levels 100,500,batch100,batch1000
} | tee ${OUT:+"$OUT"}
