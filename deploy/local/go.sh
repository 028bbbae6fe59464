#!/bin/bash
# A Go that is new enough to build Jaeger: the machine's own, or one that is fetched through Go's module proxy into
# build/go, since Debian 12's is too old. The last line printed is the path of the program. Needs no root.
set -euo pipefail
cd "$(dirname "$0")/../.."

MIN=1.24 # the first with `go get -tool`
VERSION=1.25.3
DIR=$PWD/build/go

is_new_enough() { # program
    local found
    found=$(GOTOOLCHAIN=local "$1" env GOVERSION 2>/dev/null) &&
        printf '%s\n' "$MIN" "${found#go}" | sort --check=quiet --version-sort
}

# The go command looks it up in the checksum database, as it does with every module. A module has no executables
# (https://go.dev/doc/toolchain#download).
fetch() {
    local answer
    answer=$(cd "$DIR" && GOFLAGS=-mod=mod go mod download -json \
        "golang.org/toolchain@v0.0.1-go$VERSION.$(go env GOOS)-$(go env GOARCH)") || {
        echo "go.sh: Go's module proxy does not give Go $VERSION: $answer; does GOPROXY name the one that this" \
            "machine reaches? Or install Go $MIN or newer" >&2
        return 1
    }
    rm -rf "$DIR/root"
    cp -r "$(sed -nE 's/^\t"Dir": "(.*)",$/\1/p' <<<"$answer")" "$DIR/root"
    chmod -R u+wx "$DIR/root/bin" "$DIR/root/pkg/tool"
}

command -v go >/dev/null || {
    echo "go.sh: there is no Go here: \`make deps-stack\` installs it" >&2
    exit 1
}
if is_new_enough go; then
    command -v go
    exit
fi
mkdir -p "$DIR"
exec 9>"$DIR/lock"
flock 9
is_new_enough "$DIR/root/bin/go" || fetch
is_new_enough "$DIR/root/bin/go" || {
    echo "go.sh: $DIR/root/bin/go does not run on this machine" >&2
    exit 1
}
echo "$DIR/root/bin/go"
