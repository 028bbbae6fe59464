#!/bin/bash
# Makes a minimal Debian 12 root file system, for the images and the installation test, in build/deploy/debian.tar; the
# last line printed is its path. Does nothing else when it is there; `make clean` and the next call make a newer one.
# Packages come from where this machine's apt takes Debian 12 from, or from DEBIAN_MIRROR. Needs root.
set -euo pipefail
cd "$(dirname "$0")/.."

CODENAME=bookworm
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
DIR=$PWD/build/deploy
TAR=$DIR/debian.tar

# "bookworm main ADDRESS", likewise the updates and security fixes. Other archives may use the same suite names; where
# apt has no lists yet, it does not know the origin.
machine_sources() {
    # shellcheck disable=SC2016 # apt's own variables
    apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(REPO_URI) $(ORIGIN)' 'Created-By: Packages' |
        awk -v suites="^$CODENAME(-updates|-security)?\$" \
            '$1 ~ suites && $2 == "main" && $4 ~ /^(Debian|\$.*)$/ && !seen[$1 $3]++ { print $1, $2, $3 }'
}

# How apt reaches them: proxies and the like. The keys that name files of this machine are of no use there.
machine_settings() {
    apt-config dump --no-empty --format '%f "%v";%n' Acquire |
        grep -iE '^Acquire::((http|https)::(Proxy|Timeout|Pipeline-Depth)|Check-(Valid-Until|Date)|Retries)' || true
}

make_root() { # directory
    local sources mirror
    if [ -n "${DEBIAN_MIRROR:-}" ]; then
        sources="$CODENAME main $DEBIAN_MIRROR"
    else
        sources=$(machine_sources)
    fi
    mirror=$(awk -v codename="$CODENAME" '$1 == codename { print $3; exit }' <<<"$sources")
    if [ -z "$mirror" ]; then
        echo "debian_root.sh: apt here has no source of Debian 12; name one by DEBIAN_MIRROR=ADDRESS" >&2
        return 1
    fi
    # In a mount namespace of its own: what debootstrap mounts is gone with it, however it ends.
    unshare --mount debootstrap --variant=minbase --keyring="$KEYRING" "$CODENAME" "$1" "$mirror"
    awk -v keyring="$KEYRING" '{ print "deb [signed-by=" keyring "]", $3, $1, $2 }' <<<"$sources" \
        >"$1/etc/apt/sources.list"
    machine_settings >"$1/etc/apt/apt.conf.d/90machine"
    rm -rf "$1"/var/cache/apt/*.bin "$1"/var/cache/apt/archives/*.deb "$1"/var/lib/apt/lists/* "$1"/var/log/*.log
}

mkdir -p "$DIR"
exec 9>"$DIR/lock"
flock 9
if [ ! -s "$TAR" ]; then
    [ "$(id -u)" -eq 0 ] || {
        echo "debian_root.sh: debootstrap needs root" >&2
        exit 1
    }
    work=$DIR/debian.new
    trap 'rm -rf "$work" "$TAR.new"' EXIT
    rm -rf "$work"
    make_root "$work" >"$DIR/debian.log" 2>&1 || {
        tail -n 5 "$DIR/debian.log" >&2
        exit 1
    }
    tar -C "$work" --numeric-owner --one-file-system -cf "$TAR.new" .
    mv "$TAR.new" "$TAR"
fi
echo "$TAR"
