#!/bin/bash
# Builds Jaeger with Go, once, into build/jaeger; nothing is installed, but that Go keeps its copies where it always
# does. That takes some minutes. The last line printed is the path of the program. Does nothing else when it is there.
# Needs no root. What runs it: deploy/local/jaeger_server.sh. It is built without its page: the query API is there.
set -euo pipefail
cd "$(dirname "$0")/../.."

VERSION=1.76.0
PACKAGE=github.com/jaegertracing/jaeger/cmd/jaeger
GO_MIN=1.24 # the first with `go get -tool`
GO_TAKEN=1.26.8
DIR=$PWD/build/jaeger
PROGRAM=$DIR/jaeger

is_there() {
    "$PROGRAM" version >/dev/null 2>&1
}

is_new_enough() { # a Go
    local found
    found=$(GOTOOLCHAIN=local "$1" env GOVERSION)
    printf '%s\n' "$GO_MIN" "${found#go}" | sort --check=quiet --version-sort
}

# Where the Go here is too old, as Debian 12's is, it fetches a newer one, as Go does by itself since 1.21: a module
# that the checksum database vouches for. The programs in it are not marked as such.
fetch_go() {
    local module toolchain
    module=golang.org/toolchain@v0.0.1-go$GO_TAKEN.$(go env GOOS)-$(go env GOARCH)
    (cd "$work" && go mod download "$module") >&2 || {
        echo "jaeger.sh: the Go here is older than $GO_MIN and does not get go$GO_TAKEN; does GOPROXY name the proxy" \
            "that this machine reaches? Or put the program at $PROGRAM" >&2
        return 1
    }
    toolchain=$(go env GOMODCACHE)/$module
    chmod +x "$toolchain"/bin/* "$toolchain"/pkg/tool/*/*
    go=$toolchain/bin/go
}

find_go() {
    command -v go >/dev/null || {
        echo "jaeger.sh: there is no Go here: \`make deps-stack\` installs it; or put the program at $PROGRAM" >&2
        return 1
    }
    go=go
    is_new_enough go || fetch_go
}

# In a module of its own, which names the version.
build() {
    echo "jaeger.sh: building Jaeger $VERSION; this once, it takes some minutes" >&2
    (
        cd "$work"
        export GOWORK=off
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
    work=$DIR/work
    trap 'rm -rf "$work"' EXIT
    rm -rf "$work"
    mkdir -p "$work"
    find_go
    build
    mv "$work/jaeger" "$PROGRAM"
    is_there || {
        echo "jaeger.sh: $PROGRAM does not run on this machine" >&2
        exit 1
    }
fi
echo "$PROGRAM"
