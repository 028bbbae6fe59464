#!/bin/bash
# Builds kubectl or kube-apiserver with Go, once, into build/k8s; nothing is installed, but that Go keeps its copies
# where it always does. kubectl takes some two minutes, unless the machine's own is new enough (Debian 12's is not);
# kube-apiserver some ten. The last line printed is the path of the program. Does nothing else when it is there. Needs
# no root.
#     build.sh kubectl|kube-apiserver
set -euo pipefail
cd "$(dirname "$0")/../.."

VERSION=1.34.4
# The first kubectl whose kustomize adds labels to the templates of pods.
KUBECTL_MIN=v1.27.0
PROGRAM=$1
DIR=$PWD/build/k8s

is_there() {
    "$DIR/$PROGRAM" --help >/dev/null 2>&1
}

machine_has_it() {
    local found
    [ "$PROGRAM" = kubectl ] && found=$(kubectl version --client -o json 2>/dev/null) &&
        found=$(jq -r .clientVersion.gitVersion <<<"$found") &&
        printf '%s\n' "$KUBECTL_MIN" "$found" | sort --check=quiet --version-sort
}

# Kubernetes's module takes its parts (k8s.io/api and others) from its own tree, which is no part of what the proxy has
# of it: each is replaced by the module that is published of it, whose version has a 0 where Kubernetes's has a 1.
build() {
    local source part parts
    rm -rf "$work"
    mkdir -p "$work"
    (
        cd "$work"
        export GOFLAGS=-mod=mod GOWORK=off CGO_ENABLED=0
        source=$("$go" mod download -json "k8s.io/kubernetes@v$VERSION" | sed -nE 's/^\t"Dir": "(.*)",$/\1/p')
        "$go" mod init tally/k8s
        mapfile -t parts < <(sed -nE 's|^\t(k8s.io/[a-z0-9-]+) => \./staging/.*|\1|p' "$source/go.mod")
        for part in "${parts[@]}"; do
            "$go" mod edit -replace "$part=$part@v0${VERSION#1}"
        done
        "$go" get -tool "k8s.io/kubernetes/cmd/$PROGRAM@v$VERSION"
        "$go" build -trimpath -ldflags "-s -w -X k8s.io/component-base/version.gitVersion=v$VERSION" \
            -o "$work/$PROGRAM" "k8s.io/kubernetes/cmd/$PROGRAM"
    ) >&2 || {
        echo "build.sh: Go does not build $PROGRAM $VERSION: see above; does GOPROXY name the proxy that this machine" \
            "reaches? Or put the program at $DIR/$PROGRAM" >&2
        return 1
    }
}

if machine_has_it; then
    command -v kubectl
    exit
fi
mkdir -p "$DIR"
exec 9>"$DIR/lock"
flock 9
if ! is_there; then
    go=$(deploy/local/go.sh)
    work=$DIR/work
    trap 'rm -rf "$work"' EXIT
    build
    mv "$work/$PROGRAM" "$DIR/$PROGRAM"
    is_there || {
        echo "build.sh: $DIR/$PROGRAM does not run on this machine" >&2
        exit 1
    }
fi
echo "$DIR/$PROGRAM"
