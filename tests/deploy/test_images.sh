#!/bin/bash
# Runs the images of deploy/docker/build.sh with a real Redis and a real Consul: first by `buildah run`, then as a
# container engine does, with the program as process 1 and a root file system that nobody can write to.
# `make test-images` calls it, as root.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/deploy/own_mounts.sh
source tests/deploy/own_mounts.sh

RUN_DIR=build/deploy/test-images
# shellcheck source=deploy/docker/buildah.sh
source deploy/docker/buildah.sh
# shellcheck source=tests/deploy/daemons.sh
source tests/deploy/daemons.sh
# shellcheck source=tests/deploy/containers.sh
source tests/deploy/containers.sh

finish_containers() {
    remove_containers
    stop_stack
}

set_run_command() { # program
    local name
    run=("${BUILDAH[@]}" run "${CHROOT[@]}")
    for name in $(compgen -e TALLY_); do
        run+=(--env "$name=${!name}")
    done
    run+=("${container[$1]}" --)
}

start_by_buildah() { # program
    local run command
    set_run_command "$1"
    mapfile -t command < <(entrypoint "$1")
    start_process "$1" "${run[@]}" "${command[@]}"
}

start_both() { # how
    "$1" counter-service
    "$1" gateway
    wait_ready counter-service "$ADMIN_URL/health" && wait_ready gateway "$GATEWAY_URL/health/ready"
}

health_check_passes() { # program
    local run command
    set_run_command "$1"
    mapfile -t command < <(health_command "$1")
    "${run[@]}" "${command[@]}"
}

is_not_root() { # program
    grep -E '^(Uid|Gid|CapEff|NSpid):' "/proc/$(program_id "$1")/status"
    [ "$(stat -c %u "/proc/$(program_id "$1")")" -ge 1000 ]
}

is_process_1() { # program
    grep -E '^NSpid:.*\s1$' "/proc/$(program_id "$1")/status"
}

root_is_read_only() { # program
    ! touch "/proc/$(program_id "$1")/root/tmp/file"
}

holds_no_tools() { # program
    local root
    root=$(root_of "$1")
    ! ls "$root"/usr/bin/{gcc,cc,make,curl,protoc} "$root"/src 2>/dev/null
}

says_its_version() { # program
    [ "$(image_words "$1" '{{index .Docker.Config.Labels "org.opencontainers.image.version"}}')" = "$VERSION" ] &&
        [ "$(chroot "$(root_of "$1")" "tally-$1" --version)" = "$1 $VERSION" ]
}

check_both() { # check, what is said of it
    local program
    for program in "${PROGRAMS[@]}"; do
        check "$program: $2" "$1" "$program"
    done
}

CONSUL=$(deploy/local/consul.sh)
rm -rf "$RUN_DIR"
mkdir -p "$RUN_DIR"
trap finish_containers EXIT
trap 'exit 1' INT TERM
set_free_ports
for program in "${PROGRAMS[@]}"; do
    make_container "$program"
done
start_redis redis "$REDIS_PORT"
start_consul

check_both says_its_version "says the version of the image"
check_both holds_no_tools "no compiler and no source in the image"
check "both start by buildah run and are ready" start_both start_by_buildah
check_both is_not_root "does not run as root"
check_both health_check_passes "the image's health check passes"
check "README's commands print what it shows" \
    /usr/bin/python3 tests/readme_console.py "127.0.0.1:$TALLY_SERVER_PORT"
check_both ends_well "SIGTERM ends it with 0"

check "both start as process 1 on a read-only root" start_both start_as_process_1
check_both is_process_1 "is process 1"
check_both root_is_read_only "cannot write"
check_both health_check_passes "the image's health check passes"
check_both ends_well "SIGTERM ends it with 0"
finish
