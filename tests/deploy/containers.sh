# shellcheck shell=bash
# Containers of the images as an engine runs them, for tests. To be sourced in a mount namespace, after
# deploy/docker/buildah.sh and tests/deploy/daemons.sh.

declare -A container # program -> buildah's container

make_container() { # program
    container[$1]=$("${BUILDAH[@]}" from --pull-never "$(image_of "$1")")
}

remove_containers() {
    local program
    for program in "${!container[@]}"; do
        ! process_runs "$program" || kill "$(program_id "$program")" || true
        stop_process "$program"
        "${BUILDAH[@]}" rm "${container[$program]}" >/dev/null || true
    done
}

# What the image says: its configuration by a Go template that prints a word a line.
image_words() { # program, template
    "${BUILDAH[@]}" inspect --format "$2" "${container[$1]}" | grep .
}

entrypoint() { # program
    image_words "$1" '{{range .Docker.Config.Entrypoint}}{{println .}}{{end}}'
    image_words "$1" '{{range .Docker.Config.Cmd}}{{println .}}{{end}}'
}

health_command() { # program
    image_words "$1" '{{range .Docker.Config.Healthcheck.Test}}{{println .}}{{end}}' | tail -n +2
}

root_of() { # program
    "${BUILDAH[@]}" mount "${container[$1]}"
}

# As process 1 of its own process namespace, as the image's user, on a root file system that nobody can write to.
start_as_process_1() { # program
    local root user command
    root=$(root_of "$1")
    user=$(image_words "$1" '{{.Docker.Config.User}}')
    mapfile -t command < <(entrypoint "$1")
    touch "$root/etc/hosts"
    # shellcheck disable=SC2016 # for the inner shell
    start_process "$1" unshare --mount --pid --fork --kill-child bash -c '
        root=$1 user=$2 && shift 2 &&
        mount --bind "$root" "$root" && mount -o remount,bind,ro "$root" &&
        mount -t proc proc "$root/proc" && mount --bind /etc/hosts "$root/etc/hosts" &&
        exec chroot --userspec="$user" "$root" "$@"' bash "$root" "$user" "${command[@]}"
}
