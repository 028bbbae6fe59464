# shellcheck shell=bash
# Increments that go on while something happens to the stack, and their events. For compose_checks.sh, which sources it.

# The counter types that the checks of the whole stack use.
COUNTED=(stopped service_killed gateway_killed redis_restarted kafka_stopped)
# What is counted. `whole` since there is a Kafka: what was counted before is in no event.
resource=plain

increment() { # counter type, key
    [ "$(curl -s -o /dev/null -w '%{http_code}' --max-time 3 "$URL/api/v1/counter/increment" \
        -H 'Content-Type: application/json' -H "Idempotency-Key: $2" \
        -d "{\"resource_id\":\"$resource\",\"counter_type\":\"$1\"}")" = 200 ]
}

value_of() { # counter type
    curl -s --max-time 3 "$URL/api/v1/counter/$resource/$1" | sed -E 's/.*"value":(-?[0-9]+)\}/\1/'
}

# One after the other, each with a key of its own and sent until it is acknowledged, until there is a file `enough`.
keep_counting() { # counter type
    local number=0 failed=0 end=$((SECONDS + 100))
    while [ ! -e "$RUN_DIR/enough" ]; do
        number=$((number + 1))
        until increment "$1" "$1-$number"; do
            failed=$((failed + 1))
            [ "$SECONDS" -lt "$end" ] || return
            sleep 0.1
        done
    done
    echo "$number $failed" >"$RUN_DIR/$1.counted"
}

# The counter then has each acknowledged increment exactly once.
counts_exactly_while() { # counter type, command...
    local counter=$1 client status=0 number failed
    shift
    rm -f "$RUN_DIR/enough"
    keep_counting "$counter" &
    client=$!
    "$@" || status=$?
    touch "$RUN_DIR/enough"
    wait "$client" || return
    read -r number failed <"$RUN_DIR/$counter.counted"
    echo "$counter: $number acknowledged, $failed answers but 200, value $(value_of "$counter")"
    [ "$status" -eq 0 ] && [ "$(value_of "$counter")" = "$number" ]
}

fails_none_while() { # counter type, command...
    counts_exactly_while "$@" && grep -q ' 0$' "$RUN_DIR/$1.counted"
}

# The ids of the events in the topic, of what the whole stack counted, each once.
event_ids() {
    printf '127.0.0.1 localhost\n%s kafka\n' "$(address_of kafka)" >"$RUN_DIR/hosts"
    timeout 20 kcat -q -b kafka:9092 -t counter_events -C -o beginning -e -f '%k %h\n' |
        sed -nE 's/^whole (.*,)?ce_id=([^,]+).*/\2/p' | sort -u
}

# Each increment was of 1.
each_change_is_an_event() {
    local events counter value values=0
    events=$(event_ids | wc -l)
    for counter in "${COUNTED[@]}"; do
        value=$(value_of "$counter") || return
        values=$((values + value))
    done
    echo "$events events, the counters' values are $values in all"
    [ "$values" -gt 0 ] && [ "$events" -eq "$values" ]
}
