# shellcheck shell=bash
# Containers of the images as an engine runs them, for tests. To be sourced in a mount namespace, after
# deploy/docker/buildah.sh and tests/deploy/daemons.sh.

declare -A container # program or service -> buildah's container

make_container() { # name, program
    container[$1]=$("${BUILDAH[@]}" from --pull-never "$(image_of "$2")")
}

remove_containers() {
    local name
    for name in "${!container[@]}"; do
        ! process_runs "$name" || kill "$(program_id "$name")" || true
        stop_process "$name"
        "${BUILDAH[@]}" rm "${container[$name]}" >/dev/null || true
    done
}

# What the image says: its configuration by a Go template that prints a word a line.
image_words() { # name, template
    "${BUILDAH[@]}" inspect --format "$2" "${container[$1]}" | grep .
}

entrypoint() { # name
    image_words "$1" '{{range .Docker.Config.Entrypoint}}{{println .}}{{end}}'
    image_words "$1" '{{range .Docker.Config.Cmd}}{{println .}}{{end}}'
}

health_command() { # name
    image_words "$1" '{{range .Docker.Config.Healthcheck.Test}}{{println .}}{{end}}' | tail -n +2
}

root_of() { # name
    "${BUILDAH[@]}" mount "${container[$1]}"
}

# As process 1 of its own process namespace, as the image's user, on a root file system that nobody can write to.
start_as_process_1() { # name, file for /etc/hosts, command to run it by...
    local name=$1 hosts=$2 root user command
    shift 2
    root=$(root_of "$name")
    user=$(image_words "$name" '{{.Docker.Config.User}}')
    mapfile -t command < <(entrypoint "$name")
    touch "$root/etc/hosts"
    # shellcheck disable=SC2016 # for the inner shell
    start_process "$name" "$@" unshare --mount --pid --fork --kill-child bash -c '
        root=$1 hosts=$2 user=$3 && shift 3 &&
        mount --bind "$root" "$root" && mount -o remount,bind,ro "$root" &&
        mount -t proc proc "$root/proc" && mount --bind "$hosts" "$root/etc/hosts" &&
        exec chroot --userspec="$user" "$root" "$@"' bash "$root" "$hosts" "$user" "${command[@]}"
}
