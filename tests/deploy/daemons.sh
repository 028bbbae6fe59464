# shellcheck shell=bash
# What the tests of the installation and of the images share: a stack on free ports, and checks of its two daemons. To
# be sourced from the top folder of the project, after RUN_DIR is set.
# shellcheck source=deploy/local/stack.sh
source deploy/local/stack.sh

passed=0
failed=0

# In this shell, so that the command may wait for its children. As a condition: `set -e` does not hold in it.
check() { # what, command...
    local what=$1
    shift
    if "$@" >"$RUN_DIR/check.log" 2>&1; then
        passed=$((passed + 1))
        echo "ok      $what"
    else
        failed=$((failed + 1))
        echo "FAILED  $what"
        cat "$RUN_DIR/check.log"
    fi
}

# Ends the script with one line for all checks.
finish() {
    echo "$passed passed, $failed failed"
    [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
}

# A clean Debian with the packages named. To be called in a mount namespace.
make_debian() { # directory, package...
    local root=$1 tar
    shift
    tar=$(deploy/debian_root.sh)
    mkdir -p "$root"
    tar -C "$root" -xf "$tar"
    cp /etc/resolv.conf "$root/etc/resolv.conf"
    echo '127.0.0.1 localhost' >"$root/etc/hosts"
    mount -t proc proc "$root/proc"
    # Nothing is started by being installed.
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
    chmod 755 "$root/usr/sbin/policy-rc.d"
    chroot "$root" apt-get update -qq
    DEBIAN_FRONTEND=noninteractive chroot "$root" apt-get install -y -qq --no-install-recommends "$@" \
        >"$RUN_DIR/apt.log" 2>&1
}

# Likewise, with what Tally needs at run time.
make_debian_for_tally() { # directory, package...
    local packages
    mapfile -t packages <deploy/runtime-packages.txt
    make_debian "$1" "${packages[@]}" "${@:2}"
}

# The last one in a line of children: the program itself under what runs it.
last_child() { # pid
    local child
    child=$(pgrep -P "$1" | head -n 1) || true
    if [ -n "$child" ]; then last_child "$child"; else echo "$1"; fi
}

program_id() { # name
    last_child "$(process_id "$1")"
}

# Fails unless SIGTERM ends the program with status 0.
ends_well() { # name
    kill -TERM "$(program_id "$1")" && wait "$(process_id "$1")"
}
