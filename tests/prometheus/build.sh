#!/bin/bash
# Builds Prometheus with Consul's discovery, which Debian's lacks, and with no other, into build/prometheus; nothing is
# installed, but that Go keeps its copies where it always does. Does nothing when it is there. A minute.
set -euo pipefail
cd "$(dirname "$0")/../.."

# The version that Debian 12 has.
MODULE=github.com/prometheus/prometheus@v0.42.0
DIR=$PWD/build/prometheus

build() {
    local source
    source=$(go mod download -json "$MODULE" | sed -nE 's/^\t"Dir": "(.*)",$/\1/p')
    rm -rf "$DIR/source"
    cp -r "$source" "$DIR/source"
    chmod -R u+w "$DIR/source"
    echo 'package plugins; import _ "github.com/prometheus/prometheus/discovery/consul"' \
        >"$DIR/source/plugins/plugins.go"
    (cd "$DIR/source" && go build -buildvcs=false -o "$DIR/" ./cmd/prometheus)
    rm -rf "$DIR/source"
}

mkdir -p "$DIR"
exec 9>"$DIR/lock"
flock 9
if [ ! -x "$DIR/prometheus" ]; then
    command -v go >/dev/null || {
        echo "build.sh: there is no Go here: \`make deps-test\` installs it" >&2
        exit 1
    }
    (cd "$DIR" && build) >&2
fi
