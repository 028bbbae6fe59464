#!/bin/bash
# deploy/docker-compose.yml without an engine: each service runs in a network namespace of its own, with an address and
# the others' names, with the command, variables and health check that the file or the image says. Redis and Consul are
# this machine's. `make test-compose` calls it, as root.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/deploy/own_mounts.sh
source tests/deploy/own_mounts.sh

RUN_DIR=build/deploy/test-compose
HOSTS=$PWD/$RUN_DIR/hosts
NETWORK=10.99.7
# shellcheck source=deploy/docker/buildah.sh
source deploy/docker/buildah.sh
# shellcheck source=tests/deploy/daemons.sh
source tests/deploy/daemons.sh
# shellcheck source=tests/deploy/containers.sh
source tests/deploy/containers.sh

SERVICES=(redis consul counter-service-1 counter-service-2 gateway)
declare -A address

# What the file says of a service, a word a line: compose gateway environment.
compose() { # service, key...
    /usr/bin/python3 -c '
import sys, yaml
value = yaml.safe_load(open("deploy/docker-compose.yml"))["services"]
for key in sys.argv[1:]:
    value = value.get(key, [])
words = [f"{name}={text}" for name, text in value.items()] if isinstance(value, dict) else value
print(*words, sep="\n", end="\n" if words else "")' "$@"
}

delete_network() {
    local host
    for host in hub "${SERVICES[@]}"; do
        ip netns delete "tally-$host" 2>/dev/null || true
    done
}

finish_compose() {
    remove_containers
    stop_process consul
    stop_process redis
    delete_network
}

# A bridge in a namespace of its own, and a host on it for each service. Nothing of this machine's network changes.
make_network() {
    local service number=10
    ip netns add tally-hub
    ip -netns tally-hub link add bridge type bridge
    ip -netns tally-hub address add "$NETWORK.1/24" dev bridge
    ip -netns tally-hub link set bridge up
    echo '127.0.0.1 localhost' >"$HOSTS"
    for service in "${SERVICES[@]}"; do
        address[$service]=$NETWORK.$((number += 1))
        echo "${address[$service]} $service" >>"$HOSTS"
        ip netns add "tally-$service"
        ip -netns tally-hub link add "host$number" type veth peer name eth0 netns "tally-$service"
        ip -netns tally-hub link set "host$number" master bridge up
        ip -netns "tally-$service" address add "${address[$service]}/24" dev eth0
        ip -netns "tally-$service" link set eth0 up
        ip -netns "tally-$service" link set lo up
    done
}

on_host() { # service, command...
    ip netns exec "tally-$1" "${@:2}"
}

wait_healthy() { # service, health check...
    local tenths service=$1
    shift
    for ((tenths = 0; tenths < 200; tenths++)); do
        on_host "$service" "$@" && return
        process_runs "$service" || break
        sleep 0.1
    done
    tail -n 5 "$RUN_DIR/$service.log"
    return 1
}

start_third_party() { # service
    local command health
    mapfile -t command < <(compose "$1" entrypoint && compose "$1" command)
    mapfile -t health < <(compose "$1" healthcheck test | tail -n +2)
    [ "$1" != redis ] || command+=(--dir "$PWD/$RUN_DIR")
    start_process "$1" ip netns exec "tally-$1" "${command[@]}"
    wait_healthy "$1" "${health[@]}"
}

start_tally() { # service
    local variables health
    mapfile -t variables < <(compose "$1" environment)
    mapfile -t health < <(health_command "$1")
    make_container "$1" "${1%-[0-9]}"
    start_as_process_1 "$1" "$HOSTS" ip netns exec "tally-$1" env "${variables[@]}"
    wait_healthy "$1" env "${variables[@]}" chroot --userspec=10001:10001 "$(root_of "$1")" "${health[@]}"
}

# Consul's page is green: each is registered at an address of its own, and the check of it passes.
consul_is_green() {
    local instances tenths passing
    instances=("counter-service-${address[counter-service-1]}-50051"
        "counter-service-${address[counter-service-2]}-50051" "gateway-${address[gateway]}-8080")
    for ((tenths = 0; tenths < 100; tenths++)); do
        passing=$(on_host hub curl -s "http://${address[consul]}:8500/v1/health/state/passing" |
            tr -d ' ' | grep -oFf <(printf '"ServiceID":"%s"\n' "${instances[@]}") | sort -u)
        [ "$(wc -l <<<"$passing")" -lt ${#instances[@]} ] || return 0
        sleep 0.1
    done
    echo "$passing"
    return 1
}

gateway_uses_both() {
    on_host hub curl -s "http://${address[gateway]}:8080/health" |
        grep -F "${address[counter-service-1]}:50051" | grep -F "${address[counter-service-2]}:50051"
}

for name in $(compgen -e TALLY_); do
    unset "$name"
done
have_images || deploy/docker/build.sh
CONSUL=$(deploy/local/consul.sh)
PATH=$(dirname "$CONSUL"):$PATH
rm -rf "$RUN_DIR"
mkdir -p "$RUN_DIR"
trap finish_compose EXIT
trap 'exit 1' INT TERM
delete_network # of a test that was killed
make_network

check "redis is healthy" start_third_party redis
check "consul is healthy" start_third_party consul
for service in counter-service-1 counter-service-2 gateway; do
    check "$service is healthy" start_tally "$service"
done
check "Consul finds all three well, at their own addresses" consul_is_green
check "the gateway uses both services" gateway_uses_both
check "README's commands print what it shows" \
    on_host hub /usr/bin/python3 tests/readme_console.py "${address[gateway]}:8080"
for service in gateway counter-service-1 counter-service-2; do
    check "SIGTERM ends $service with 0" ends_well "$service"
done
finish
