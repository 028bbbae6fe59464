#!/bin/bash
# Starts an engine and docker-compose.yml in it, and checks the whole of them. tests/deploy/test_compose.sh calls it in
# namespaces that are this script's own, and removes what is left. RUN_DIR: logs. IMAGES_DIR: archives of the images.
# ENGINE_DIR: the engine's data. CONTROL_GROUP: the parent of those of the containers.
set -euo pipefail
cd "$(dirname "$0")/../.."
: "${IMAGES_DIR:?} ${ENGINE_DIR:?} ${CONTROL_GROUP:?}"
# shellcheck source=tests/deploy/daemons.sh
source tests/deploy/daemons.sh
# shellcheck source=tests/deploy/compose_counting.sh
source tests/deploy/compose_counting.sh

PROJECT=tally-test
# As README says.
URL=http://localhost:8080
CONSUL_URL=http://127.0.0.1:8500
PROMETHEUS_URL=http://127.0.0.1:9090
JAEGER_URL=http://127.0.0.1:16686
PROGRAMS=(gateway counter-service-1 counter-service-2)
PLAIN=(redis consul "${PROGRAMS[@]}")
ENV_FILE=deploy/observability.env
# Another machine, and how this one is reached from there.
NEIGHBOUR=10.99.7.2
FROM_NEIGHBOUR=10.99.7.1
# Of the stack that runs: its services, docker-compose's options, and the services that `up` is told. Told none it takes
# all, and of the whole stack not each has an image here.
services=("${PLAIN[@]}")
options=()
to_start=()

is_whole_from_now_on() {
    mapfile -t services < <(/usr/bin/python3 tests/deploy/compose_file.py | cut -d ' ' -f 1)
    options=(--env-file "$ENV_FILE")
    to_start=("${services[@]}")
}

compose() {
    timeout 100 docker-compose --ansi never -f deploy/docker-compose.yml -p "$PROJECT" "${options[@]}" "$@"
}

container() { # service
    echo "${PROJECT}_$1_1"
}

# By a Go template over what the engine knows of it.
state_of() { # service, template
    docker inspect --type container --format "$2" "$(container "$1")"
}

# For at most 30 s; only the last try says anything.
settles() { # command...
    wait_until 300 "$@" >/dev/null 2>&1 || "$@"
}

# ---- the machine and its engine ----------------------------------------------------------------------------------

# The namespaces have nothing yet. What the engine keeps in /run and /etc/docker is not the machine's either.
make_machine() {
    ip link set lo up
    mount -t tmpfs tmpfs /run
    mount -t tmpfs tmpfs /etc/docker
    # For Kafka, which tells its clients its name.
    echo '127.0.0.1 localhost' >"$RUN_DIR/hosts"
    mount --bind "$RUN_DIR/hosts" /etc/hosts
    ip netns add neighbour
    ip link add neighbour type veth peer name eth0 netns neighbour
    ip address add "$FROM_NEIGHBOUR/24" dev neighbour
    ip link set neighbour up
    ip -netns neighbour address add "$NEIGHBOUR/24" dev eth0
    ip -netns neighbour link set eth0 up
    ip -netns neighbour route add default via "$FROM_NEIGHBOUR"
    start_process neighbour ip netns exec neighbour \
        /usr/bin/python3 -m http.server --bind "$NEIGHBOUR" --directory "$RUN_DIR" 80
}

engine_starts() {
    start_process engine dockerd --data-root "$ENGINE_DIR" --cgroup-parent "$CONTROL_GROUP" \
        --exec-opt native.cgroupdriver=cgroupfs
    if ! settles docker version; then
        tail -n 20 "$RUN_DIR/engine.log"
        return 1
    fi
}

images_are_loaded() {
    local archive
    for archive in "$IMAGES_DIR"/*; do
        docker load --input "$archive" || return
    done
}

# ---- up ----------------------------------------------------------------------------------------------------------

all_are_healthy() {
    docker ps
    [ "$(docker ps --quiet --filter health=healthy | wc -l)" -eq ${#services[@]} ]
}

comes_up() {
    if ! compose up -d --no-build "${to_start[@]}" || ! settles all_are_healthy; then
        compose logs --no-color --tail=5
        return 1
    fi
}

# The containers that there are, whether or not they run.
has_its_services_only() {
    docker ps --all --format '{{.Label "com.docker.compose.service"}}' | sort |
        diff - <(printf '%s\n' "${services[@]}" | sort)
}

# As the status page shows it, which has the health of both counter-services, and in Redis.
nothing_waits_for_kafka() {
    local status outbox
    status=$(curl -s --max-time 3 "$URL/status.json") || return
    outbox=$(docker exec "$(container redis)" redis-cli --scan --pattern '*:events') || return
    echo "$status $outbox"
    [ "$(grep -oE '"relay":"off","waiting":0' <<<"$status" | wc -l)" -eq 2 ] && [ -z "$outbox" ] &&
        [ "$(grep -oE '"status":"[^"]+"' <<<"$status" | sort -u)" = '"status":"ok"' ]
}

# The services of which a check passes, one line each.
consul_is_green() {
    curl -s --max-time 2 "$CONSUL_URL/v1/health/state/passing" | tr -d ' ' | grep -oE '"ServiceName":"[^"]+"' |
        cut -d '"' -f 4 | sort | diff - <(printf '%s\n' counter-service counter-service gateway)
}

# The jobs whose processes answer, and the path under which Alertmanager takes alerts, one line each.
prometheus_watches_all() {
    {
        curl -s --max-time 2 "$PROMETHEUS_URL/api/v1/query" -d 'query=up == 1' | grep -oE '"job":"[^"]+"'
        curl -s --max-time 2 "$PROMETHEUS_URL/api/v1/alertmanagers" | grep -oE '9093/[^"]+'
    } | sort | diff - <(printf '%s\n' '"job":"counter-service"' '"job":"counter-service"' '"job":"gateway"' \
        9093/api/v2/alerts)
}

only_the_gateways_port_is_published_to_all() { # ports published to this machine...
    ss -Hltn | awk '{ print $4 }' | sed 's/^\[::\]:/0.0.0.0:/' | sort -u |
        diff - <({ echo 0.0.0.0:8080; printf '127.0.0.1:%s\n' "$@"; } | sort)
}

# The two programs, of a request that says that it is traced.
is_traced() {
    local trace=4bf92f3577b34da6a3ce929d0e0e4736
    curl -s -o /dev/null --max-time 3 -H "traceparent: 00-$trace-00f067aa0ba902b7-01" "$URL/api/v1/counter/compose" &&
        settles trace_has_both "$trace"
}

trace_has_both() { # trace
    curl -s --max-time 2 "$JAEGER_URL/api/traces/$1" | grep -oE '"serviceName":"[^"]+"' | cut -d '"' -f 4 | sort -u |
        diff - <(printf '%s\n' tally-counter-service tally-gateway)
}

in_network_of() { # service, command...
    nsenter --target "$(state_of "$1" '{{.State.Pid}}')" --net -- "${@:2}"
}

# Whatever is answered.
reaches() { # url, command to run curl by...
    "${@:2}" curl -s -o /dev/null --max-time 1 "$1"
}

address_of() { # service
    state_of "$1" '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}'
}

# From this machine the service's address is reached: it is the right one.
neighbour_reaches_only_the_gateway() {
    local in_neighbour=(ip netns exec neighbour) inside
    inside=http://$(address_of counter-service-1):50052
    reaches "$inside" && ! reaches "$inside" "${in_neighbour[@]}" &&
        reaches "http://$FROM_NEIGHBOUR:8080" "${in_neighbour[@]}" &&
        ! reaches "http://$FROM_NEIGHBOUR:8500" "${in_neighbour[@]}" &&
        ! reaches "http://$FROM_NEIGHBOUR:9090" "${in_neighbour[@]}"
}

inside_has_no_way_out() {
    local service
    reaches "http://$NEIGHBOUR" in_network_of gateway || return
    for service in redis kafka counter-service-1; do
        ! reaches "http://$NEIGHBOUR" in_network_of "$service" || return
    done
}

# ---- faults ------------------------------------------------------------------------------------------------------

was_restarted() { # service
    [ "$(state_of "$1" '{{.RestartCount}} {{.State.Health.Status}}')" = "1 healthy" ]
}

# Not by `docker kill`, after which the engine does not restart it.
kill_service() { # service
    kill -KILL "$(state_of "$1" '{{.State.Pid}}')" && settles was_restarted "$1"
}

stop_and_start_service() { # service
    compose stop "$1" && sleep 2 && compose start "$1" && settles all_are_healthy
}

restart_redis() {
    compose restart redis && settles all_are_healthy
}

# ---- down --------------------------------------------------------------------------------------------------------

stop_ends_all_well() {
    local program codes
    compose stop
    codes=$(for program in "${PROGRAMS[@]}"; do state_of "$program" '{{.State.ExitCode}}'; done)
    echo "$codes"
    [ "$(sort -u <<<"$codes")" = 0 ]
}

counters() {
    curl -s --max-time 3 "$URL/api/v1/counter/plain" && curl -s --max-time 3 "$URL/api/v1/counter/whole"
}

survives_down_and_up() { # what counters printed
    local before=$1
    compose logs --no-color >"$RUN_DIR/services.log" && compose down && comes_up &&
        counters && [ "$(counters)" = "$before" ]
}

make_machine
check "the engine starts" engine_starts
check "it takes the images" images_are_loaded
start_process events docker events --filter event=start --filter event=health_status --format '{{json .}}'

check "docker-compose up: all become healthy" comes_up
check "that is Redis, Consul, two counter-services and the gateway, and nothing else" has_its_services_only
check "each waited until those that it depends on were healthy" \
    settles /usr/bin/python3 tests/deploy/compose_order.py "$RUN_DIR/events.log"
check "Consul finds two counter-services and the gateway well" settles consul_is_green
check "8080 and, for this machine only, 8500 are published, and nothing else" \
    only_the_gateways_port_is_published_to_all 8500
check "README's commands print what it shows" /usr/bin/python3 tests/readme_console.py localhost:8080
check "nothing waits for Kafka, and all is well without it" settles nothing_waits_for_kafka

is_whole_from_now_on
check "docker-compose --env-file $ENV_FILE up makes it the whole stack: no increment is lost" \
    counts_exactly_while became_whole comes_up
resource=whole
check "that is all of the file that has an image here" has_its_services_only
check "Consul finds two counter-services and the gateway well, still" settles consul_is_green
check "each is as confined and limited as the file says" \
    /usr/bin/python3 tests/deploy/compose_limits.py "${PROJECT}_"
check "Prometheus scrapes all three, and knows Alertmanager" settles prometheus_watches_all
check "Jaeger has the spans of both programs" is_traced
check "8080 and, for this machine only, 8500, 9090, 9093 and 16686 are published, and nothing else" \
    only_the_gateways_port_is_published_to_all 8500 9090 9093 16686
check "another machine reaches the gateway and nothing else" neighbour_reaches_only_the_gateway
check "Redis, Kafka and the services have no way out" inside_has_no_way_out
check "a counter-service is stopped and started: no increment fails" \
    fails_none_while stopped stop_and_start_service counter-service-1
check "a counter-service is killed: restarted, no increment fails" \
    fails_none_while service_killed kill_service counter-service-2
check "the gateway is killed: restarted, no increment is lost" counts_exactly_while gateway_killed kill_service gateway
check "docker-compose restart redis: no increment is lost" counts_exactly_while redis_restarted restart_redis
check "each change is an event in Kafka" wait_until 30 each_change_is_an_event
check "Kafka is stopped and started: no increment fails" fails_none_while kafka_stopped stop_and_start_service kafka
check "the events of that time arrive too" wait_until 30 each_change_is_an_event
counted=$(counters) || true
check "docker-compose stop ends both programs with 0" stop_ends_all_well
check "docker-compose down and up keeps the counters" survives_down_and_up "$counted"
compose logs --no-color >>"$RUN_DIR/services.log" || true
finish
