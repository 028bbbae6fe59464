#!/bin/bash
# Builds Jaeger with Go, once, into build/jaeger. That takes some minutes. The last line printed is the path of the
# program. Does nothing else when it is there. Needs no root. What runs it: deploy/local/jaeger_server.sh. It is built
# without its page: the query API is there.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=deploy/local/go_build.sh
source deploy/local/go_build.sh

VERSION=1.76.0
PACKAGE=github.com/jaegertracing/jaeger/cmd/jaeger
PROGRAM=$PWD/build/jaeger/jaeger

is_there() {
    "$PROGRAM" version >/dev/null 2>&1
}

# In a module of its own, which names the version.
build() { # go
    "$1" mod init tally/jaeger && "$1" get -tool "$PACKAGE@v$VERSION" &&
        "$1" build -trimpath -ldflags "-s -w" -o jaeger "$PACKAGE"
}

go_build_once "$PROGRAM"
