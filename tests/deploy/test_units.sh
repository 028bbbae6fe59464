#!/bin/bash
# The units under a real systemd: a Debian 12 is booted by systemd-nspawn, with a network of its own that is the
# loopback only, and both programs run there in their sandboxes. `make test-units` calls it, as root.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/deploy/own_mounts.sh
source tests/deploy/own_mounts.sh

RUN_DIR=build/deploy/test-units
ROOT=$PWD/$RUN_DIR/root
# shellcheck source=tests/deploy/daemons.sh
source tests/deploy/daemons.sh
# shellcheck source=tests/deploy/system.sh
source tests/deploy/system.sh

install_into_root() {
    make -s --no-print-directory install DESTDIR="$ROOT" PREFIX=/usr SYSCONFDIR=/etc
    # There is no Consul in it. This is where secrets would be, too.
    (umask 077 && echo "TALLY_CONSUL_ADDRESS=" >"$ROOT/etc/tally/environment")
}

start_units() {
    in_system systemctl start "${UNITS[@]}"
    become_ready
}

are_confined() {
    local unit pid status
    for unit in "${UNITS[@]}"; do
        pid=$(in_system systemctl show -P MainPID "$unit")
        status=$(in_system grep -E '^(CapBnd|CapEff|NoNewPrivs|Seccomp):' "/proc/$pid/status" | tr '\t\n' ' ')
        echo "$unit $status"
        [ "$status" = "CapEff: 0000000000000000 CapBnd: 0000000000000000 NoNewPrivs: 1 Seccomp: 2 " ] || return
        [ "$(in_system stat -c %U "/proc/$pid")" = tally ] || return
    done
}

nothing_is_refused() {
    ! in_system journalctl --no-pager --unit 'tally-*' | grep -iE 'not permitted|permission denied|too low|"error"'
}

# They are active only once they have told so themselves.
tell_systemd() {
    local unit
    for unit in "${UNITS[@]}"; do
        [ "$(in_system systemctl show -P Type "$unit")" = notify ] || return
        [ "$(in_system systemctl show -P StatusText "$unit")" = listening ] || return
        [ "$(in_system systemctl show -P WatchdogUSec "$unit")" = 30s ] || return
    done
}

logged_at_debug() { # unit
    in_system journalctl --no-pager --unit "$1" | grep -qF '"log_level":"debug"'
}

reload_the_level() {
    local unit
    sed -i 's/^  level: info$/  level: debug/' "$ROOT/etc/tally/config.yaml"
    in_system systemctl reload "${UNITS[@]}"
    for unit in "${UNITS[@]}"; do
        wait_until 50 logged_at_debug "$unit" || return
        in_system systemctl is-active --quiet "$unit" || return
    done
}

# For longer than the watchdog of a drop-in waits, under which a program that told nothing would be ended.
outlive_the_watchdog() {
    local unit
    for unit in "${UNITS[@]}"; do
        in_system mkdir -p "/run/systemd/system/$unit.d"
        in_system sh -c "printf '[Service]\nWatchdogSec=2s\n' >/run/systemd/system/$unit.d/watchdog.conf"
    done
    in_system systemctl daemon-reload
    in_system systemctl restart "${UNITS[@]}"
    become_ready
    sleep 5
    for unit in "${UNITS[@]}"; do
        [ "$(in_system systemctl show -P NRestarts "$unit")" = 0 ] || return
        in_system systemctl is-active --quiet "$unit" || return
    done
}

# Neither turns any more.
restarts_what_is_stuck() {
    local unit
    in_system systemctl kill --signal=STOP "${UNITS[@]}"
    sleep 6
    become_ready
    for unit in "${UNITS[@]}"; do
        [ "$(in_system systemctl show -P NRestarts "$unit")" = 1 ] || return
        in_system rm "/run/systemd/system/$unit.d/watchdog.conf"
    done
    in_system systemctl daemon-reload
    in_system systemctl restart "${UNITS[@]}"
    become_ready
}

restarts_after_a_crash() {
    in_system systemctl kill --signal=KILL "${UNITS[@]}"
    # RestartSec and a little.
    sleep 3
    become_ready && [ "$(in_system systemctl show -P NRestarts tally-gateway.service)" = 1 ]
}

stop_well() {
    local unit
    in_system systemctl stop "${UNITS[@]}"
    for unit in "${UNITS[@]}"; do
        [ "$(in_system systemctl show -P Result "$unit")" = success ] || return
        [ "$(in_system systemctl show -P ExecMainStatus "$unit")" = 0 ] || return
    done
}

# The project is in /src there.
uninstall_stops_both() {
    in_system systemctl enable --quiet --now "${UNITS[@]}"
    become_ready
    in_system env PREFIX=/usr SYSCONFDIR=/etc /src/deploy/install.sh uninstall
    local unit
    for unit in "${UNITS[@]}"; do
        ! in_system systemctl is-active --quiet "$unit" || return
    done
    ! find "$ROOT/etc/systemd" "$ROOT/usr/lib/systemd" -name 'tally*' | grep .
}

trap finish_system EXIT
trap 'exit 1' INT TERM
rm -rf "$RUN_DIR"
mkdir -p "$RUN_DIR"
make_debian_for_tally "$ROOT" systemd redis-server curl
umount "$ROOT/proc"
install_into_root >/dev/null

check "Debian boots" boot
check "systemctl start, and both are ready" start_units
check "both run as tally, without capabilities, system calls filtered" are_confined
check "README's commands print what it shows" \
    in_network /usr/bin/python3 tests/readme_console.py localhost:8080
check "the sandbox and the limits refuse nothing" nothing_is_refused
check "both tell systemd that they listen" tell_systemd
check "systemctl reload applies the level of the log" reload_the_level
check "both outlive a watchdog of 2 s" outlive_the_watchdog
check "a program that stands still is restarted" restarts_what_is_stuck
check "both are restarted after a crash" restarts_after_a_crash
check "systemctl stop ends both with 0" stop_well
check "uninstall stops both and leaves no unit" uninstall_stops_both
finish
