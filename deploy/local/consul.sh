#!/bin/bash
# Fetches Consul 1.8.7, which Debian 11 has and Debian 12 has not, into build/consul; nothing is installed. The last
# line printed is the path of the program. Does nothing else when it is there. Needs no root.
# The archive is the one this machine's apt takes Debian from, and Debian's keyring says whether it is to be trusted.
set -euo pipefail
cd "$(dirname "$0")/../.."

SUITE=bullseye
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
DIR=$PWD/build/consul
PROGRAM=$DIR/usr/bin/consul

is_there() {
    "$PROGRAM" version >/dev/null 2>&1
}

# The addresses, in whichever form the sources are written; another archive may use the same suite names.
mirrors() {
    local codename
    # shellcheck disable=SC1091 # not a file of ours
    codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-stable}")
    # shellcheck disable=SC2016 # apt's own variables
    apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
        awk -v codename="$codename" \
            '($1 == codename || $1 ~ /^(old)*stable$/) && $2 == "main" && !seen[$3]++ { print $3 }'
}

# Everything that apt writes is in $work; the machine's own lists and caches stay as they are.
apt_here() {
    apt-get -qq -o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=- \
        -o Dir::State::Lists="$work/lists" -o Dir::Cache="$work/cache" \
        -o APT::Sandbox::User="$(id -un)" -o Acquire::Languages=none "$@"
}

fetch() { # mirror
    rm -rf "$work"
    mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/tree"
    echo "deb [signed-by=$KEYRING] $1 $SUITE main" >"$work/sources.list"
    apt_here update && (cd "$work" && apt_here download consul) && dpkg-deb -x "$work"/consul_*.deb "$work/tree"
}

fetch_from_any() {
    local mirror
    while read -r mirror; do
        if fetch "$mirror" >&2; then
            return
        fi
        echo "consul.sh: $mirror does not give Consul" >&2
    done < <(mirrors)
    echo "consul.sh: found no archive with Debian 11's Consul; put the program at $PROGRAM" >&2
    return 1
}

mkdir -p "$DIR"
exec 9>"$DIR/lock"
flock 9
if ! is_there; then
    work=$DIR/work
    trap 'rm -rf "$work"' EXIT
    fetch_from_any
    rm -rf "${DIR:?}/usr"
    mv "$work/tree/usr" "$DIR/usr"
    is_there || {
        echo "consul.sh: $PROGRAM does not run on this machine" >&2
        exit 1
    }
fi
echo "$PROGRAM"
