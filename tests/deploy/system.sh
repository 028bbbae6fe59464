# shellcheck shell=bash disable=SC2034 # used by those who source it
# A Debian that systemd-nspawn boots from $ROOT, with a network of its own that is the loopback only, and Tally's units
# in it. To be sourced in a mount namespace, after tests/deploy/daemons.sh.

UNITS=(tally-counter-service.service tally-gateway.service)

finish_system() {
    stop_process system
    rm -rf "$ROOT"
}

# Its process 1, by whose namespaces it is entered.
system_id() {
    pgrep -P "$(process_id system)" | head -n 1
}

in_system() {
    nsenter --target "$(system_id)" --mount --uts --ipc --net --pid -- "$@"
}

in_network() {
    nsenter --target "$(system_id)" --net -- "$@"
}

# The project is in /src there.
boot() {
    start_process system systemd-nspawn --quiet --boot --directory "$ROOT" --private-network --register=no \
        --keep-unit --console=pipe --bind-ro="$PWD:/src"
    wait_until 300 in_system systemctl is-active --quiet multi-user.target || {
        cat "$RUN_DIR/system.log"
        return 1
    }
}

become_ready() {
    wait_until 200 in_system curl -sf -o /dev/null localhost:8080/health/ready || {
        in_system journalctl --no-pager --unit 'tally-*'
        return 1
    }
}
