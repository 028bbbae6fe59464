# shellcheck shell=bash
# Starts the script that sources it once more, in a mount namespace of its own: what it mounts is gone with it, however
# it ends. Needs root.
if [ "${OWN_MOUNTS:-}" != "$$" ]; then
    if [ "$(id -u)" -ne 0 ]; then
        echo "$0: chroot and mount need root" >&2
        exit 1
    fi
    # unshare becomes the script: the process keeps its number.
    OWN_MOUNTS=$$ exec unshare --mount "$0" "$@"
fi
