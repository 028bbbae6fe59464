#!/bin/bash
# Builds the images on this machine, without an engine, over a Debian 12 that debootstrap makes, and prints their sizes.
# `make images` calls it, as root. Elsewhere: see deploy/docker/Dockerfile.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=deploy/docker/buildah.sh
source deploy/docker/buildah.sh

OVER_BASE_MAX_MB=120
LOG=build/deploy/images.log

make_base() {
    local tar container
    tar=$(deploy/debian_root.sh)
    container=$("${BUILDAH[@]}" from scratch)
    "${BUILDAH[@]}" add --quiet "$container" "$tar" /
    "${BUILDAH[@]}" commit --quiet --rm "$container" "$BASE"
}

build_image() { # program
    "${BUILDAH[@]}" bud "${CHROOT[@]}" --format docker --pull-never \
        --build-arg BASE="$BASE" --build-arg VERSION="$VERSION" \
        --file deploy/docker/Dockerfile --target "$1" --tag "$(image_of "$1")" .
}

# Of its layers, uncompressed.
megabytes() { # image
    "${BUILDAH[@]}" inspect --type image --format '{{.Manifest}}' "$1" | /usr/bin/python3 -c '
import json, sys
print(round(sum(layer["size"] for layer in json.load(sys.stdin)["layers"]) / 1e6))'
}

mkdir -p build/deploy
# Nothing of an older build is used again: packages have newer versions, and space is given back.
rm -rf "$STORE"
{
    make_base
    for program in "${PROGRAMS[@]}"; do
        build_image "$program"
    done
} >"$LOG" 2>&1 || {
    tail -n 20 "$LOG" >&2
    exit 1
}

base=$(megabytes "$BASE")
echo "$BASE: $base MB"
for program in "${PROGRAMS[@]}"; do
    size=$(megabytes "$(image_of "$program")")
    echo "$(image_of "$program"): $size MB, $((size - base)) MB over its base"
    if [ $((size - base)) -ge "$OVER_BASE_MAX_MB" ]; then
        echo "build.sh: more than $OVER_BASE_MAX_MB MB over the base" >&2
        exit 1
    fi
done
