#!/bin/bash
# The Debian packages: what lintian says, whether another build is the same, and their life in a Debian 12 that has
# systemd and nothing of Tally's: an older version installed, upgraded, configured, removed, purged. `make test-deb`
# calls it, as root, after `make deb`.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/deploy/own_mounts.sh
source tests/deploy/own_mounts.sh

RUN_DIR=build/deploy/test-deb
ROOT=$PWD/$RUN_DIR/root
PACKAGES=(tally-common tally-counter-service tally-gateway)
OLD_VERSION=0.0.1
# shellcheck source=tests/deploy/daemons.sh
source tests/deploy/daemons.sh
# shellcheck source=tests/deploy/system.sh
source tests/deploy/system.sh

# ---- packages ----------------------------------------------------------------------------------------------------

# Also what is only informative or pedantic; overrides have their reasons beside them.
lintian_finds_nothing() {
    local status=0
    lintian --allow-root --display-info --pedantic build/deb/*.deb >"$RUN_DIR/lintian.log" 2>&1 || status=$?
    cat "$RUN_DIR/lintian.log"
    [ "$status" -eq 0 ] && [ ! -s "$RUN_DIR/lintian.log" ]
}

have_the_version() {
    local package
    # shellcheck disable=SC2016 # dpkg's own variables
    for package in build/deb/*.deb; do
        dpkg-deb --show --showformat '${Package} ${Version}\n' "$package"
    done | diff - <(printf "%s $VERSION\n" "${PACKAGES[@]}")
}

# From the sources, elsewhere, by another user's habits.
another_build_is_the_same() {
    local other=$RUN_DIR/elsewhere/in/a/longer/path
    mkdir -p "$other"
    git ls-files -z -co --exclude-standard | tar --null --ignore-failed-read -T - -c 2>/dev/null | tar -C "$other" -x
    (umask 077 && cd "$other" && TZ=Pacific/Auckland LC_ALL=C.UTF-8 HOME=/nonexistent NO_DEPS=1 make -s deb) || return
    (cd build/deb && sha256sum -- *.deb) >"$RUN_DIR/checksums"
    cat "$RUN_DIR/checksums"
    (cd "$other/build/deb" && sha256sum --check --strict) <"$RUN_DIR/checksums" && rm -rf "$RUN_DIR/elsewhere"
}

# The same programs under another version, with another configuration.
make_older() { # package
    local tree=$RUN_DIR/older
    rm -rf "$tree"
    dpkg-deb --raw-extract "$1" "$tree"
    sed -i -E -e "s/^Version: .*/Version: $OLD_VERSION/" -e "s/(tally-common \(= )[^)]*/\1$OLD_VERSION/" \
        "$tree/DEBIAN/control"
    [ ! -e "$tree/etc/tally/config.yaml" ] || echo '# older' >>"$tree/etc/tally/config.yaml"
    dpkg-deb --root-owner-group -Zgzip -z1 --build "$tree" "$ROOT/packages/older" >/dev/null
    rm -rf "$tree"
}

# What they depend on and recommend is fetched beforehand: the system has no network.
make_packages_ready() {
    local package
    mkdir -p "$ROOT/packages/newer" "$ROOT/packages/older"
    cp build/deb/*.deb "$ROOT/packages/newer"
    for package in build/deb/*.deb; do
        make_older "$package"
    done
    chroot "$ROOT" sh -c 'apt-get install -y -qq --download-only /packages/newer/*.deb' >"$RUN_DIR/fetch.log" 2>&1
    rm "$ROOT/usr/sbin/policy-rc.d"
}

# ---- in the system -----------------------------------------------------------------------------------------------

# As an administrator does who is not asked: a configuration that he changed stays.
apt_get() { # arguments...
    # shellcheck disable=SC2016 # for the inner shell
    in_system env DEBIAN_FRONTEND=noninteractive \
        sh -c 'apt-get -y -qq -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confold '"$*"
}

installs() { # older or newer
    apt_get install --allow-downgrades "/packages/$1/*.deb" && in_system dpkg --audit
}

states() { # what systemctl says of each unit: is-active, is-enabled
    in_system systemctl "$1" "${UNITS[@]}" | sort -u
}

run_well() {
    local unit
    become_ready && [ "$(states is-active)" = active ] && [ "$(states is-enabled)" = enabled ] || return
    for unit in "${UNITS[@]}"; do
        [ "$(in_system stat -c %U "/proc/$(in_system systemctl show -P MainPID "$unit")")" = tally ] || return
    done
}

installed_version() {
    # shellcheck disable=SC2016 # dpkg's own variable
    in_system dpkg-query --show --showformat '${Version}\n' "${PACKAGES[@]}" | sort -u
}

# Those that dpkg has installed are what the packages hold, and one of them runs.
runs() { # version
    [ "$(installed_version)" = "$1" ] && in_system dpkg --verify "${PACKAGES[@]}" && run_well || return
    # ls fails where a process ends meanwhile.
    in_system sh -c 'ls -l /proc/[0-9]*/exe; true' >"$RUN_DIR/running" 2>/dev/null || return
    grep -q 'tally' "$RUN_DIR/running" && ! grep 'tally.*(deleted)' "$RUN_DIR/running"
}

say_their_version() {
    local name
    for name in gateway counter-service counter-verify; do
        [ "$(in_system "tally-$name" --version)" = "$name $VERSION" ] || return
    done
}

have_manual_pages() {
    local page
    for page in man8/tally-gateway.8 man8/tally-counter-service.8 man1/tally-counter-verify.1 man5/tally-config.5; do
        zcat "$ROOT/usr/share/man/$page.gz" | groff -man -Tascii -P-cbou -ww | grep SYNOPSIS || return
    done
}

first_install() {
    installs older && runs "$OLD_VERSION" && [ "$(tail -n 1 "$CONFIG")" = '# older' ]
}

counter() {
    in_system curl -s --max-time 5 localhost:8080/api/v1/counter/package/kept
}

count_one() {
    in_system curl -s --max-time 5 localhost:8080/api/v1/counter/increment -H 'Content-Type: application/json' \
        -d '{"resource_id":"package","counter_type":"kept"}'
    counter_is_kept
}

counter_is_kept() {
    [ "$(counter)" = '{"resource_id":"package","counter_type":"kept","value":1}' ]
}

configurations() {
    (cd "$ROOT/etc/tally" && echo *)
}

upgrade_brings_the_new_configuration() {
    installs newer && runs "$VERSION" && counter_is_kept &&
        cmp configs/config.yaml "$CONFIG" && [ "$(configurations)" = config.yaml ]
}

# By the administrator: both files, and one unit turned off.
configure() {
    sed -i '/^log:/,/^$/ s/^  format: json$/  format: console/' "$CONFIG"
    cp "$CONFIG" "$RUN_DIR/config.yaml"
    (umask 077 && echo TALLY_CONSUL_ADDRESS= >"$ROOT/etc/tally/environment" && echo . >"$ROOT/etc/tally/redis-password")
    in_system systemctl restart "${UNITS[@]}" && run_well
}

# In lines for people, not in JSON.
log_as_configured() {
    local unit lines
    for unit in "${UNITS[@]}"; do
        lines=$(in_system journalctl --no-pager --output cat "_PID=$(in_system systemctl show -P MainPID "$unit")")
        echo "$lines"
        grep -q listening <<<"$lines" && ! grep -q '^{' <<<"$lines" || return
    done
}

own_configuration_is_kept() {
    installs older && runs "$OLD_VERSION" && cmp "$RUN_DIR/config.yaml" "$CONFIG" || return
    installs newer && [ "$(installed_version)" = "$VERSION" ] && run_well && cmp "$RUN_DIR/config.yaml" "$CONFIG" &&
        cmp configs/config.yaml "$CONFIG.dpkg-dist" && [ -s "$ROOT/etc/tally/environment" ] && counter_is_kept
}

# What the administrator turned off, an upgrade does not turn on.
stays_disabled() {
    in_system systemctl --quiet disable --now tally-gateway.service
    installs older && installs newer || return
    [ "$(in_system systemctl is-enabled tally-gateway.service)" = disabled ] &&
        [ "$(in_system systemctl is-active tally-counter-service.service)" = active ] || return
    in_system systemctl --quiet enable --now tally-gateway.service && run_well
}

# Of Tally's, or named after it; not the packages themselves, nor what apt, the log and the test keep.
files_of_tally() {
    find "$ROOT" -xdev \( -path "$ROOT/packages" -o -path "$ROOT/var/log" -o -path "$ROOT/var/cache" \) -prune -o \
        -iname '*tally*' -printf '/%P\n' | sort
    find "$ROOT/etc/tally" -type f -printf '/etc/tally/%P\n' 2>/dev/null | sort
}

remove_keeps_the_configuration() {
    apt_get remove "${PACKAGES[@]}" || return
    ! in_system systemctl is-active "${UNITS[@]}" || return
    in_system sh -c 'ls -d /usr/bin/tally-* /lib/systemd/system/tally-* 2>/dev/null; true' >"$RUN_DIR/left" || return
    [ ! -s "$RUN_DIR/left" ] || { cat "$RUN_DIR/left" && return 1; }
    in_system systemctl is-active redis-server.service || return
    cmp "$RUN_DIR/config.yaml" "$CONFIG" && [ -s "$ROOT/etc/tally/environment" ]
}

comes_back_as_it_was() {
    installs newer && run_well && cmp "$RUN_DIR/config.yaml" "$CONFIG" && counter_is_kept
}

# That the user stays is said in deploy/deb/debian/tally-common.postrm.
purge_leaves_redis_alone() {
    apt_get purge "${PACKAGES[@]}" || return
    files_of_tally
    [ -z "$(files_of_tally)" ] && ! in_system systemctl is-active "${UNITS[@]}" &&
        [ "$(in_system redis-cli hget "$counter_key" kept)" = 1 ] && in_system id tally
}

find_the_counter() {
    counter_key=$(in_system redis-cli --scan --pattern '*package*' | head -n 1)
    echo "$counter_key"
    [ "$(in_system redis-cli hget "$counter_key" kept)" = 1 ]
}

installs_anew() {
    installs newer && runs "$VERSION" && counter_is_kept && [ "$(configurations)" = config.yaml ]
}

CONFIG=$ROOT/etc/tally/config.yaml
VERSION=$(cat VERSION)
trap finish_system EXIT
trap 'exit 1' INT TERM
rm -rf "$RUN_DIR"
mkdir -p "$RUN_DIR"
check "lintian finds nothing" lintian_finds_nothing
check "the packages have the version of VERSION" have_the_version
check "another build, elsewhere, is the same byte by byte" another_build_is_the_same
make_debian "$ROOT" systemd curl
make_packages_ready
umount "$ROOT/proc"

check "Debian boots" boot
check "apt installs an older version: both run, enabled, as tally" first_install
check "an increment is counted" count_one
check "an upgrade brings the new configuration, and both run on" upgrade_brings_the_new_configuration
check "the programs say the packages' version" say_their_version
check "each has a manual page" have_manual_pages
check "the administrator configures both" configure
check "both log as configured" log_as_configured
check "what the administrator changed is kept by an upgrade" own_configuration_is_kept
check "a unit that is disabled stays so" stays_disabled
check "the counter is in Redis" find_the_counter
check "remove stops both and keeps the configuration" remove_keeps_the_configuration
check "installed again they are as they were" comes_back_as_it_was
check "purge leaves nothing but the user and Redis's data" purge_leaves_redis_alone
check "installed anew they have the counts" installs_anew
finish
