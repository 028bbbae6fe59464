# shellcheck shell=bash
# A program that Go builds once, into a folder of build/: for the script that sources this, in the project's top folder.
# It has VERSION and two functions: is_there, whether the program is there and runs, and build, which leaves the program
# in the folder that it is called in, an empty one; its argument is the path of go. Nothing is installed, but that Go
# keeps its copies where it always does. Two at a time: one waits for the other.

# Prints the path of the program. Does nothing else when it is there.
go_build_once() { # path of the program
    local program=$1 dir=${1%/*} name=${1##*/} go
    mkdir -p "$dir"
    exec 9>"$dir/lock"
    flock 9
    if ! is_there; then
        go=$(deploy/local/go.sh)
        work=$dir/work
        trap 'rm -rf "$work"' EXIT
        rm -rf "$work"
        mkdir -p "$work"
        (export GOFLAGS=-mod=mod GOWORK=off CGO_ENABLED=0 && cd "$work" && build "$go") >&2 || {
            echo "${0##*/}: Go does not build $name $VERSION: see above; does GOPROXY name the proxy that this" \
                "machine reaches? Or put the program at $program" >&2
            return 1
        }
        mv "$work/$name" "$program"
        is_there || {
            echo "${0##*/}: $program does not run on this machine" >&2
            return 1
        }
    fi
    echo "$program"
}
