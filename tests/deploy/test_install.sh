#!/bin/bash
# `make install` into a clean Debian 12 that has only the run-time packages, both programs started from there as the
# user `tally`, README's commands answered, `make uninstall`. `make test-install` calls it, as root.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/deploy/own_mounts.sh
source tests/deploy/own_mounts.sh

RUN_DIR=build/deploy/test-install
ROOT=$PWD/$RUN_DIR/root
# shellcheck source=tests/deploy/daemons.sh
source tests/deploy/daemons.sh

finish_stack() {
    stop_stack
    umount "$ROOT/proc" || true
    rm -rf "$ROOT"
}

in_root() {
    chroot "$ROOT" "$@"
}

# But for what the new user changes.
files() {
    find "$ROOT" -xdev -not -type d -not -path "$ROOT/proc/*" -not -path "$ROOT/etc/.pwd.lock" \
        -not -path "$ROOT/etc/*-" | sort
}

install_into_root() {
    make -s --no-print-directory install DESTDIR="$ROOT" PREFIX=/usr SYSCONFDIR=/etc
}

no_library_is_missing() {
    in_root ldd /usr/bin/tally-gateway /usr/bin/tally-counter-service /usr/bin/tally-counter-verify >"$RUN_DIR/ldd.log"
    ! grep 'not found' "$RUN_DIR/ldd.log"
}

# But for units of others, which the root lacks, as it has no systemd.
units_are_valid() {
    systemd-analyze verify --man=no --root="$ROOT" tally-gateway.service tally-counter-service.service \
        >"$RUN_DIR/units.log" 2>&1 || true
    ! grep -F tally "$RUN_DIR/units.log" | grep -v 'Unit sysinit.target not found'
}

start_as_tally() { # program
    start_process "$1" chroot --userspec=tally:tally "$ROOT" "/usr/bin/tally-$1" --config /etc/tally/config.yaml
}

start_all() {
    start_redis redis "$REDIS_PORT"
    start_consul
    start_as_tally counter-service
    start_as_tally gateway
    wait_ready counter-service "$ADMIN_URL/health" && wait_ready gateway "$GATEWAY_URL/health/ready"
}

runs_as_tally() { # program
    [ "$(stat -c %u "/proc/$(program_id "$1")")" = "$(in_root id -u tally)" ]
}

says_it_is_well() { # program
    in_root "/usr/bin/tally-$1" --config /etc/tally/config.yaml --health
}

verify_says_what_it_lacks() {
    in_root /usr/bin/tally-counter-verify --config /etc/tally/config.yaml 2>"$RUN_DIR/verify.log" || [ $? = 2 ] &&
        grep -F 'kafka.brokers is empty' "$RUN_DIR/verify.log"
}

own_config_survives() {
    echo '# a change' >>"$ROOT/etc/tally/config.yaml"
    cp "$ROOT/etc/tally/config.yaml" "$RUN_DIR/config.yaml"
    install_into_root
    cmp "$RUN_DIR/config.yaml" "$ROOT/etc/tally/config.yaml" &&
        cmp configs/config.yaml "$ROOT/etc/tally/config.yaml.new"
}

only_the_config_is_left() {
    make -s --no-print-directory uninstall DESTDIR="$ROOT" PREFIX=/usr SYSCONFDIR=/etc
    files >"$RUN_DIR/files.after"
    diff "$RUN_DIR/files.before" "$RUN_DIR/files.after" | grep '^[<>]' >"$RUN_DIR/left.log" || true
    cat "$RUN_DIR/left.log"
    [ "$(cat "$RUN_DIR/left.log")" = "> $ROOT/etc/tally/config.yaml" ] && [ ! -e "$ROOT/usr/share/doc/tally" ]
}

CONSUL=$(deploy/local/consul.sh)
trap finish_stack EXIT
trap 'exit 1' INT TERM
rm -rf "$RUN_DIR"
make_debian_for_tally "$ROOT"
files >"$RUN_DIR/files.before"
set_free_ports

check "make install" install_into_root
check "the packages of deploy/runtime-packages.txt suffice" no_library_is_missing
check "systemd accepts the units" units_are_valid
check "systemd-sysusers makes the user" systemd-sysusers --root="$ROOT"
check "both programs start and are ready" start_all
for program in gateway counter-service; do
    check "$program runs as tally" runs_as_tally "$program"
    check "$program --health" says_it_is_well "$program"
done
check "counter-verify starts" verify_says_what_it_lacks
check "README's commands print what it shows" \
    /usr/bin/python3 tests/readme_console.py "127.0.0.1:$TALLY_SERVER_PORT"
for program in gateway counter-service; do
    check "SIGTERM ends $program with 0" ends_well "$program"
done
check "a configuration that is there is kept" own_config_survives
check "make uninstall leaves only the configuration" only_the_config_is_left
finish
