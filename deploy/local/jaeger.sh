#!/bin/bash
# Builds Jaeger with Go, once, into build/jaeger; nothing is installed, but that Go keeps its copies where it always
# does. That takes some minutes. The last line printed is the path of the program. Does nothing else when it is there.
# Needs no root. What runs it: deploy/local/jaeger_server.sh. It is built without its page: the query API is there.
set -euo pipefail
cd "$(dirname "$0")/../.."

VERSION=1.76.0
PACKAGE=github.com/jaegertracing/jaeger/cmd/jaeger
GO_MIN=1.24 # the first with `go get -tool`
DIR=$PWD/build/jaeger
PROGRAM=$DIR/jaeger

is_there() {
    "$PROGRAM" version >/dev/null 2>&1
}

require_go() {
    local found
    command -v go >/dev/null || {
        echo "jaeger.sh: there is no Go here, and Jaeger is built with Go $GO_MIN or newer (Debian 12's own is 1.19:" \
            "too old); or put the program at $PROGRAM" >&2
        return 1
    }
    found=$(GOTOOLCHAIN=local go env GOVERSION)
    found=${found#go}
    printf '%s\n' "$GO_MIN" "$found" | sort --check=quiet --version-sort || {
        echo "jaeger.sh: the Go here is $found, and Jaeger is built with $GO_MIN or newer (Debian 12's own is 1.19:" \
            "too old); or put the program at $PROGRAM" >&2
        return 1
    }
}

# In a module of its own, which names the version.
build() {
    echo "jaeger.sh: building Jaeger $VERSION; this once, it takes some minutes" >&2
    rm -rf "$work"
    mkdir -p "$work"
    (
        cd "$work"
        export GOWORK=off
        go mod init tally/jaeger && go get -tool "$PACKAGE@v$VERSION" &&
            go build -trimpath -ldflags "-s -w" -o "$work/jaeger" "$PACKAGE"
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
    require_go
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
