#!/bin/bash
# Installs Tally, or takes it away again: install.sh install|uninstall. `make install` and `make uninstall` call it.
#   BIN_DIR (build/bin)  DESTDIR ("")  PREFIX (/usr/local)  SYSCONFDIR (/etc)
#   UNIT_DIR (PREFIX/lib/systemd/system)  DOC_DIR (PREFIX/share/doc/tally)
# A configuration that is there is never overwritten or removed: a new one is put beside it, as config.yaml.new.
set -euo pipefail
cd "$(dirname "$0")/.."

BIN_DIR=${BIN_DIR:-build/bin}
DESTDIR=${DESTDIR:-}
PREFIX=${PREFIX:-/usr/local}
CONFIG_DIR=${SYSCONFDIR:-/etc}/tally
UNIT_DIR=${UNIT_DIR:-$PREFIX/lib/systemd/system}
DOC_DIR=${DOC_DIR:-$PREFIX/share/doc/tally}
PROGRAMS=(gateway counter-service) # that run all the time
TOOLS=(counter-verify)
DOCUMENTS=(README.md README.zh-CN.md ARCHITECTURE.md CHANGELOG.md LICENSE)
# Made by `make man`.
MAN_PAGES=(tally-gateway.8 tally-counter-service.8 tally-counter-verify.1 tally-config.5)

put() { # mode, source, target
    echo "  $DESTDIR$3"
    install -D -m "$1" "$2" "$DESTDIR$3"
}

remove() { # target...
    local target
    for target in "$@"; do
        [ ! -e "$DESTDIR$target" ] || echo "  $DESTDIR$target"
        rm -f "$DESTDIR$target"
    done
}

unit_path() { # program
    echo "$UNIT_DIR/tally-$1.service"
}

man_path() { # page
    echo "$PREFIX/share/man/man${1##*.}/$1"
}

put_unit() { # program
    sed -e "s|@PROGRAM@|$1|g" -e "s|@BINDIR@|$PREFIX/bin|g" -e "s|@CONFDIR@|$CONFIG_DIR|g" -e "s|@DOCDIR@|$DOC_DIR|g" \
        deploy/systemd/tally.service.in | put 644 /dev/stdin "$(unit_path "$1")"
}

put_config() {
    local target=$CONFIG_DIR/config.yaml
    if [ ! -e "$DESTDIR$target" ]; then
        put 644 configs/config.yaml "$target"
    elif ! cmp -s configs/config.yaml "$DESTDIR$target"; then
        put 644 configs/config.yaml "$target.new"
    fi
}

# Into a DESTDIR only files are put.
for_this_systemd() { # command...
    if [ -z "$DESTDIR" ] && [ -d /run/systemd/system ]; then
        "$@"
    fi
}

install_all() {
    local program document page
    for program in "${PROGRAMS[@]}" "${TOOLS[@]}"; do
        put 755 "$BIN_DIR/$program" "$PREFIX/bin/tally-$program"
    done
    for program in "${PROGRAMS[@]}"; do
        put_unit "$program"
    done
    put 644 deploy/systemd/tally.sysusers "$PREFIX/lib/sysusers.d/tally.conf"
    for document in "${DOCUMENTS[@]}"; do
        put 644 "$document" "$DOC_DIR/$document"
    done
    for page in "${MAN_PAGES[@]}"; do
        put 644 "build/man/$page" "$(man_path "$page")"
    done
    put_config
    for_this_systemd systemd-sysusers
    for_this_systemd systemctl daemon-reload
}

uninstall_all() {
    local program page
    for program in "${PROGRAMS[@]}"; do
        # Fails where the unit is not installed any more.
        for_this_systemd systemctl --quiet disable --now "tally-$program" || true
        remove "$PREFIX/bin/tally-$program" "$(unit_path "$program")"
    done
    remove "${TOOLS[@]/#/$PREFIX/bin/tally-}"
    for page in "${MAN_PAGES[@]}"; do
        remove "$(man_path "$page")"
    done
    remove "$PREFIX/lib/sysusers.d/tally.conf" "${DOCUMENTS[@]/#/$DOC_DIR/}" "$CONFIG_DIR/config.yaml.new"
    [ ! -d "$DESTDIR$DOC_DIR" ] || rmdir --ignore-fail-on-non-empty "$DESTDIR$DOC_DIR"
    for_this_systemd systemctl daemon-reload
}

case ${1:-} in
    install) install_all ;;
    uninstall) uninstall_all ;;
    *)
        echo "usage: install.sh install|uninstall" >&2
        exit 2
        ;;
esac
