#!/bin/bash
# deploy/docker-compose.yml by a real engine: tests/deploy/compose_checks.sh says what is checked. `make test-compose`
# calls it, as root, after `make images`.
#
# Real: dockerd, docker-compose, the file as it is, and Tally's images, which buildah made by deploy/docker/Dockerfile.
# Stand-ins, as nothing is pulled: the images of the others, which tests/deploy/stand_ins.Dockerfile makes of Debian's
# packages, Consul, Kafka's jars, and Jaeger, under the names that the file has. There is none for Grafana, which is not
# started.
#
# The engine runs in mount, network and process namespaces of its own: its bridges, rules and ports are not the
# machine's, and whatever it starts is gone with them, however this ends.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=deploy/docker/buildah.sh
source deploy/docker/buildah.sh

RUN_DIR=build/deploy/test-compose
IMAGES_DIR=$PWD/$RUN_DIR/images
CONTEXT_DIR=$PWD/$RUN_DIR/stand-ins
ENGINE_DIR=$PWD/$RUN_DIR/engine
CONTROL_GROUP=tally-test-compose
SECONDS_MAX=400

# Each image of the file, and which stand-in it is, if it is one.
images() {
    local image stand_in
    while read -r _ image; do
        stand_in=${image##*/}
        [[ $image == tally-* ]] && stand_in=
        echo "$image ${stand_in%%:*}"
    done < <(/usr/bin/python3 tests/deploy/compose_file.py) | sort -u
}

# Of links: all of it is in build/
make_context() {
    local consul kafka jaeger
    consul=$(deploy/local/consul.sh)
    kafka=$(deploy/local/kafka.sh)
    jaeger=$(deploy/local/jaeger.sh)
    mkdir -p "$CONTEXT_DIR"
    cp --link "$consul" "$CONTEXT_DIR/consul"
    cp --link --recursive "$kafka" "$CONTEXT_DIR/kafka"
    cp --link "$jaeger" "$CONTEXT_DIR/jaeger"
    cp tests/deploy/{kafka,jaeger}_stand_in.sh "$CONTEXT_DIR"
}

build_stand_in() { # image, stage of the Dockerfile
    "${BUILDAH[@]}" bud "${CHROOT[@]}" --format docker --pull-never --build-arg BASE="$BASE" \
        --file tests/deploy/stand_ins.Dockerfile --target "$2" --tag "localhost/$1" "$CONTEXT_DIR"
}

make_archives() {
    local image stand_in
    make_context
    mkdir -p "$IMAGES_DIR"
    while read -r -u 3 image stand_in; do
        [ -z "$stand_in" ] || build_stand_in "$image" "$stand_in"
        "${BUILDAH[@]}" push "localhost/$image" "docker-archive:$IMAGES_DIR/${image//[\/:]/-}.tar:$image"
    done 3< <(images)
}

# Those of the control groups that hold no process.
remove_control_groups() {
    find /sys/fs/cgroup -depth -type d -path "*/$CONTROL_GROUP*" -exec rmdir {} + 2>/dev/null || true
}

remove_engine() {
    # With process 1 of its namespace go all others; unshare ends when they are gone.
    if [ -n "$engine" ] && pkill -KILL --parent "$engine"; then
        wait "$engine" || true
    fi
    remove_control_groups
    rm -rf "$ENGINE_DIR" "$IMAGES_DIR" "$CONTEXT_DIR"
}

engine=
trap remove_engine EXIT
trap 'exit 1' INT TERM
rm -rf "$RUN_DIR"
mkdir -p "$RUN_DIR"
remove_control_groups
make_archives >"$RUN_DIR/images.log" 2>&1 || {
    tail -n 20 "$RUN_DIR/images.log" >&2
    exit 1
}
# Each of these programs ends with the one before it, and the first with this script. The user's settings of docker are
# not theirs.
setpriv --pdeathsig KILL unshare --mount --net --pid --mount-proc --fork --kill-child \
    env --ignore-environment PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME="$ENGINE_DIR" RUN_DIR="$RUN_DIR" \
    IMAGES_DIR="$IMAGES_DIR" ENGINE_DIR="$ENGINE_DIR" CONTROL_GROUP="$CONTROL_GROUP" \
    timeout --kill-after=10 "$SECONDS_MAX" tests/deploy/compose_checks.sh &
engine=$!
status=0
wait "$engine" || status=$?
engine=
[ "$status" -eq 0 ]
