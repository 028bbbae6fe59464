# shellcheck shell=bash disable=SC2034 # used by those who source it
# buildah on a machine without a container engine: the images are in a store under build/, and programs in them run by
# chroot, in the machine's own network. To be sourced from the top folder of the project. VERSION: of Tally.

PROGRAMS=(gateway counter-service)
BASE=localhost/tally-debian:12
STORE=$PWD/build/deploy/containers
BUILDAH=(buildah --storage-driver vfs --root "$STORE/root" --runroot "$STORE/run")
CHROOT=(--isolation chroot --network host)

if [ "$(id -u)" -ne 0 ]; then
    echo "$0: chroot needs root" >&2
    exit 1
fi

image_of() { # program
    echo "localhost/tally-$1:${VERSION:?: call make}"
}
