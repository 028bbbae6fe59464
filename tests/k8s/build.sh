#!/bin/bash
# Builds kubectl or kube-apiserver with Go, once, into build/k8s. kubectl takes some two minutes, unless the machine's
# own is new enough (Debian 12's is not); kube-apiserver some ten. The last line printed is the path of the program.
# Does nothing else when it is there. Needs no root.
#     build.sh kubectl|kube-apiserver
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=deploy/local/go_build.sh
source deploy/local/go_build.sh

VERSION=1.34.4
# The first kubectl whose kustomize adds labels to the templates of pods.
KUBECTL_MIN=v1.27.0
NAME=$1
PROGRAM=$PWD/build/k8s/$NAME

is_there() {
    "$PROGRAM" --help >/dev/null 2>&1
}

machine_has_it() {
    local found
    [ "$NAME" = kubectl ] && found=$(kubectl version --client -o json 2>/dev/null) &&
        found=$(jq -r .clientVersion.gitVersion <<<"$found") &&
        printf '%s\n' "$KUBECTL_MIN" "$found" | sort --check=quiet --version-sort
}

# Kubernetes's module takes its parts (k8s.io/api and others) from its own tree, which is no part of what the proxy has
# of it: each is replaced by the module that is published of it, whose version has a 0 where Kubernetes's has a 1.
name_parts() { # go, Kubernetes's source
    local part
    while read -r part; do
        "$1" mod edit -replace "$part=$part@v0${VERSION#1}" || return
    done < <(sed -nE 's|^\t(k8s.io/[a-z0-9-]+) => \./staging/.*|\1|p' "$2/go.mod")
}

build() { # go
    local source
    source=$("$1" mod download -json "k8s.io/kubernetes@v$VERSION" | sed -nE 's/^\t"Dir": "(.*)",$/\1/p') &&
        "$1" mod init tally/k8s && name_parts "$1" "$source" &&
        "$1" get -tool "k8s.io/kubernetes/cmd/$NAME@v$VERSION" &&
        "$1" build -trimpath -ldflags "-s -w -X k8s.io/component-base/version.gitVersion=v$VERSION" -o "$NAME" \
            "k8s.io/kubernetes/cmd/$NAME"
}

if machine_has_it; then
    command -v kubectl
else
    go_build_once "$PROGRAM"
fi
