#!/bin/bash
# Builds Jaeger with Go, once, into build/jaeger; nothing is installed, but that Go keeps its copies where it always
# does. That takes some minutes. The last line printed is the path of the program. Does nothing else when it is there.
# Needs no root. What runs it: deploy/local/jaeger_server.sh. It is built without its page: the query API is there.
set -euo pipefail
cd "$(dirname "$0")/../.."

VERSION=1.76.0
PACKAGE=github.com/jaegertracing/jaeger/cmd/jaeger
DIR=$PWD/build/jaeger
PROGRAM=$DIR/jaeger

is_there() {
    "$PROGRAM" version >/dev/null 2>&1
}

# In a module of its own, which names the version.
build() {
    rm -rf "$work"
    mkdir -p "$work"
    (
        cd "$work"
        export GOFLAGS=-mod=mod GOWORK=off CGO_ENABLED=0
        "$go" mod init tally/jaeger && "$go" get -tool "$PACKAGE@v$VERSION" &&
            "$go" build -trimpath -ldflags "-s -w" -o "$work/jaeger" "$PACKAGE"
    ) >&2 || {
        echo "jaeger.sh: Go does not build Jaeger $VERSION: see above; does GOPROXY name the proxy that this machine" \
            "reaches? Or put the program at $PROGRAM" >&2
        return 1
    }
}

mkdir -p "$DIR"
exec 9>"$DIR/lock"
flock 9
if ! is_there; then
    go=$(deploy/local/go.sh)
    work=$DIR/work
    trap 'rm -rf "$work"' EXIT
    build
    mv "$work/jaeger" "$PROGRAM"
    is_there || {
        echo "jaeger.sh: $PROGRAM does not run on this machine" >&2
        exit 1
    }
fi
echo "$PROGRAM"
