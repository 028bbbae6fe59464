# shellcheck shell=bash
# Starts and stops processes by name, and the local stack with them: redis-server, a Consul agent, a Kafka broker,
# counter-service, gateway, Prometheus. To be sourced from the top folder of the project.
#
#   RUN_DIR (build/run)   NAME.log and NAME.pid of each process; Redis's data in redis/, Kafka's in kafka/
#   BIN_DIR (build/bin)   where the programs are
#   CONSUL                the Consul program; "": no discovery
#   KAFKA                 where Kafka's jars are; "": none is started
#   PROMETHEUS, PROMETHEUS_PORT, ALERTMANAGER_PORT: see monitoring.sh
#   JAEGER, JAEGER_PORT, JAEGER_OTLP_PORT: see tracing.sh
#   REDIS_PORT (16379), CONSUL_PORT (8500: its page and API), KAFKA_PORT (9092), TALLY_SERVER_PORT (8080),
#   TALLY_COUNTER_SERVICE_PORT (50051), TALLY_COUNTER_SERVICE_ADMIN_PORT (50052) and every other TALLY_
#   variable of the programs

RUN_DIR=${RUN_DIR:-build/run}
BIN_DIR=${BIN_DIR:-build/bin}
# shellcheck source=deploy/local/monitoring.sh
source deploy/local/monitoring.sh
# shellcheck source=deploy/local/tracing.sh
source deploy/local/tracing.sh

# Everything listens on loopback unless told otherwise. drain.delay is for load balancers, which are not here.
set_stack_defaults() {
    export REDIS_PORT=${REDIS_PORT:-16379}
    export TALLY_SERVER_HOST=${TALLY_SERVER_HOST:-127.0.0.1}
    export TALLY_SERVER_PORT=${TALLY_SERVER_PORT:-8080}
    export TALLY_COUNTER_SERVICE_HOST=${TALLY_COUNTER_SERVICE_HOST:-127.0.0.1}
    export TALLY_COUNTER_SERVICE_PORT=${TALLY_COUNTER_SERVICE_PORT:-50051}
    export TALLY_COUNTER_SERVICE_ADMIN_PORT=${TALLY_COUNTER_SERVICE_ADMIN_PORT:-50052}
    export TALLY_GRPC_COUNTER_SERVICE_HOST=${TALLY_GRPC_COUNTER_SERVICE_HOST:-127.0.0.1:$TALLY_COUNTER_SERVICE_PORT}
    export TALLY_REDIS_ADDR=${TALLY_REDIS_ADDR:-127.0.0.1:$REDIS_PORT}
    export CONSUL_PORT=${CONSUL_PORT:-8500}
    if [ -n "${CONSUL:-}" ]; then
        export TALLY_CONSUL_ADDRESS=${TALLY_CONSUL_ADDRESS-127.0.0.1:$CONSUL_PORT}
        export TALLY_CONSUL_HEALTH_INTERVAL=${TALLY_CONSUL_HEALTH_INTERVAL:-2s}
    else
        export TALLY_CONSUL_ADDRESS=${TALLY_CONSUL_ADDRESS-}
    fi
    export KAFKA_PORT=${KAFKA_PORT:-9092}
    [ -z "${KAFKA:-}" ] || export TALLY_KAFKA_BROKERS="${TALLY_KAFKA_BROKERS-127.0.0.1:$KAFKA_PORT}"
    set_monitoring_defaults
    set_tracing_defaults
    export TALLY_DRAIN_DELAY=${TALLY_DRAIN_DELAY:-0s}
    GATEWAY_URL=http://127.0.0.1:$TALLY_SERVER_PORT
    ADMIN_URL=http://127.0.0.1:$TALLY_COUNTER_SERVICE_ADMIN_PORT
}

port_is_taken() { # port
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# So many, on one line. Below the range that outgoing connections use.
free_ports() { # count
    local port
    local -A found=()
    for _ in {1..500}; do
        port=$((20000 + RANDOM % 12000))
        port_is_taken "$port" || found[$port]=1
        if [ "${#found[@]}" -eq "$1" ]; then
            echo "${!found[@]}"
            return
        fi
    done
    echo "no free ports found" >&2
    return 1
}

# For a stack beside others.
set_free_ports() {
    read -r REDIS_PORT CONSUL_PORT KAFKA_PORT TALLY_SERVER_PORT TALLY_COUNTER_SERVICE_PORT \
        TALLY_COUNTER_SERVICE_ADMIN_PORT < <(free_ports 6)
    set_stack_defaults
}

# Fails, naming the port and how to take another one.
require_free_port() { # what, port, variable
    local target=run
    port_is_taken "$2" || return 0
    [ -z "${KAFKA:-}" ] || target=stack
    echo "port $2, for $1, is taken (a stack that still runs? \`make stop\`). Another one: $3=PORT make $target" >&2
    return 1
}

# A process number may be given again to another process: with the start time it is one process for sure. Sets
# identity. Without $(...), here and in process_runs, which run.sh calls all the time: a signal within one may make
# bash (5.2) fail to parse the trap's command.
process_identity() { # pid
    local stat
    { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
    # The second field, the name in parentheses, may hold spaces; the start time is the 20th after it.
    read -ra stat <<<"${stat##*) }"
    [ "${stat[0]}" != Z ] || return 1
    identity="$1 ${stat[19]}"
}

# In its own session: Ctrl-C goes to the script alone, which stops the processes in their order.
start_process() { # name, command...
    local name=$1 identity=
    shift
    mkdir -p "$RUN_DIR"
    setsid "$@" >"$RUN_DIR/$name.log" 2>&1 </dev/null &
    process_identity $! || true
    echo "$identity" >"$RUN_DIR/$name.pid"
}

process_runs() { # name
    local identity started
    { read -r started <"$RUN_DIR/$1.pid"; } 2>/dev/null || return 1
    process_identity "${started%% *}" && [ "$identity" = "$started" ]
}

process_id() { # name
    cut -d' ' -f1 "$RUN_DIR/$1.pid"
}

# Tries a command each tenth of a second, for so many of them, until it succeeds; fails when it never did.
wait_until() { # tenths, command...
    local tenths=$1
    shift
    for (( ; tenths > 0; tenths--)); do
        # With its 0: in a trap, return alone gives the status of before the trap.
        "$@" && return 0
        sleep 0.1
    done
    return 1
}

process_ended() { # name
    ! process_runs "$1"
}

stop_process() { # name
    if process_runs "$1"; then
        kill "$(process_id "$1")" 2>/dev/null || true
        if ! wait_until 150 process_ended "$1"; then
            echo "$1 did not stop in 15 s: killed" >&2
            kill -9 "$(process_id "$1")" 2>/dev/null || true
        fi
    fi
    rm -f "$RUN_DIR/$1.pid"
}

answers_or_ended() { # process name, url
    curl -sf -o /dev/null --max-time 2 "$2" || process_ended "$1"
}

# Waits until a command succeeds, which it also does when the process ended; fails when that is why, or after so many
# tenths of a second.
wait_process_ready() { # process name, tenths, command...
    local name=$1
    shift
    if wait_until "$@" && process_runs "$name"; then
        return 0
    fi
    echo "$name is not ready; the end of $RUN_DIR/$name.log:" >&2
    tail -n 5 "$RUN_DIR/$name.log" >&2
    return 1
}

# Waits until a URL answers 2xx; fails when the process ends first or after 20 s.
wait_ready() { # process name, url
    wait_process_ready "$1" 200 answers_or_ended "$1" "$2"
}

# appendfsync everysec, as most run Redis: a crash of the machine may lose the last two seconds. noeviction: Tally
# refuses a Redis that may forget.
start_redis() { # name, port
    mkdir -p "$RUN_DIR/$1"
    start_process "$1" redis-server --bind 127.0.0.1 --port "$2" --dir "$PWD/$RUN_DIR/$1" \
        --appendonly yes --appendfsync everysec --save '' --maxmemory-policy noeviction
}

# One agent that is its own server, with all of its state in memory. Only its HTTP port matters to others.
start_consul() {
    local serf_port server_port
    read -r serf_port server_port < <(free_ports 2)
    start_process consul "$CONSUL" agent -dev -bind 127.0.0.1 -client 127.0.0.1 -http-port "$CONSUL_PORT" \
        -server-port "$server_port" -serf-lan-port "$serf_port" -serf-wan-port -1 -dns-port -1 -grpc-port -1 \
        -https-port -1 -disable-host-node-id -hcl 'disable_update_check = true' -log-level warn
    wait_ready consul "http://127.0.0.1:$CONSUL_PORT/v1/status/leader"
}

start_kafka() {
    local controller_port
    read -r controller_port < <(free_ports 1)
    start_process kafka deploy/local/kafka_server.sh "$PWD/$RUN_DIR/kafka" "$KAFKA_PORT" "$controller_port"
}

# It listens once it can answer.
kafka_listens_or_ended() {
    port_is_taken "$KAFKA_PORT" || process_ended kafka
}

# Some seconds.
wait_kafka() {
    wait_process_ready kafka 600 kafka_listens_or_ended
}

consul_passes_both() {
    local passing
    # "|| true": grep may find none
    passing=$(curl -sf --max-time 2 "http://127.0.0.1:$CONSUL_PORT/v1/agent/checks" |
        grep -o '"passing"' | wc -l) || true
    [ "$passing" -ge 2 ]
}

# Consul's first check of each comes within the interval; not to have passed it in 10 s is no reason to stop.
wait_consul_passes() {
    wait_until 100 consul_passes_both ||
        echo "Consul does not find both programs healthy: see http://127.0.0.1:$CONSUL_PORT/ui" >&2
}

# Kafka first, since it takes longest.
start_stack() {
    [ -z "${KAFKA:-}" ] || start_kafka
    start_redis redis "$REDIS_PORT"
    [ -z "${CONSUL:-}" ] || start_consul
    [ -z "${KAFKA:-}" ] || wait_kafka
    [ -z "${JAEGER:-}" ] || start_jaeger
    start_process counter-service "$BIN_DIR/counter-service" --config configs/config.yaml
    start_process gateway "$BIN_DIR/gateway" --config configs/config.yaml
    wait_ready counter-service "$ADMIN_URL/health"
    wait_ready gateway "$GATEWAY_URL/health/ready"
    [ -z "${CONSUL:-}" ] || wait_consul_passes
    [ -z "${PROMETHEUS:-}" ] || start_monitoring
}

# In the order in which each can still finish its work.
stop_stack() {
    stop_monitoring
    stop_process gateway
    stop_process counter-service
    stop_process jaeger
    stop_process kafka
    stop_process consul
    stop_process redis
}
