#!/bin/bash
# Checks the session protocol of session.pml with spin: model.sh small|large. README.md says what each run is.
# Prints a line a run, "model NAME: passed, ..." or "model NAME: FAILED, ...", and ends with 1 if one failed. What a run
# leaves is in build/model/NAME. model.sh run NAME: only that one.
# JOBS (one a processor): how many runs at once. Each may take 2 GB.
set -euo pipefail
cd "$(dirname "$0")/../.."

own="-DOWN_CONNECTIONS -DDEPTH=1"
connections=-DDEPTH=1

# What must hold, in every state within the bounds. The bounds that are not named here are those of session.pml.
declare -A holds=(
    [connections]="$connections"
    [attempts]="$own -DATTEMPTS=3"
    [partitions]="$own -DPARTITIONS=2 -DBATCHES=1"
    [senders]="$connections -DSENDERS=2 -DSESSIONS=1 -DBATCHES=1"
    [senders_lanes]="$own -DSENDERS=2 -DSESSIONS=1 -DATTEMPTS=1"
    [lane_reused_early_counts_once]="$own -DLANE_REUSED_EARLY -DC_MAY_REACH_AN_OPEN_BATCH"
    [handed_out_early_counts_once]="$own -DPARTITIONS=2 -DBATCHES=1 -DHANDED_OUT_EARLY"
)
declare -A holds_large=(
    [connections_deep]="-DDEPTH=2"
    [batches]="$own -DBATCHES=3"
    [attempts_more]="$own -DATTEMPTS=4"
    [backups]="$own -DBACKUPS"
    [partitions_attempts]="$own -DPARTITIONS=2 -DBATCHES=1 -DATTEMPTS=3"
    [partitions_lanes]="$own -DPARTITIONS=2 -DSESSIONS=1"
    [senders_sessions]="$own -DSENDERS=2 -DBATCHES=1"
    [senders_lanes_attempts]="$own -DSENDERS=2 -DSESSIONS=1"
)
# Where everything that the model can do must have been done.
everything_reached=" connections connections_deep "

# What must break, and how.
declare -A breaks=(
    [record_dropped_after_time]="counted twice"
    [record_dropped_after_results]="counted twice"
    [lower_number_applied]="counted twice"
    [hash_created]="counted twice"
    [open_step_twice]="counted twice"
    [batch_moves_whole]="counted twice"
    [new_session_after_unknown]="moved to a new session, and was counted"
    [n_after_unknown]="counted, and was told not applied"
    [answer_settles_all]="counted, and was told not applied"
    [service_resends]="told not applied, and was counted"
    [lane_reused_early]="C for an open batch"
)
flags_of_variant() {
    case $1 in
        batch_moves_whole | answer_settles_all) echo "$own -DPARTITIONS=2 -DBATCHES=1" ;;
        n_after_unknown) echo "$own" ;;
        service_resends) echo "-DDEPTH=2" ;;
        *) echo "$connections" ;;
    esac
    echo "-D${1^^} -DLOSSES_NOT_COUNTED -DSTEP=d_step"
}

build_checker() { # flags of the model, flags of the compiler
    # shellcheck disable=SC2086 # lists of flags
    spin -a $1 session.pml >spin.log && gcc -w -DSAFETY -DMEMLIM=2000 $2 -o pan pan.c
}

# The whole search: no error, nothing cut off, nothing left out.
check_holds() { # name, flags of the model, flags of the compiler
    build_checker "$2" "$3"
    timeout 1200 ./pan -E -m10000 >pan.log 2>&1 || true
    grep -q 'errors: 0$' pan.log || { echo "an error, or no end"; return 1; }
    ! grep -qiE 'not completed|too small|out of memory' pan.log || { echo "the search was not completed"; return 1; }
    [[ $everything_reached != *" $1 "* ]] || all_reached || { echo "something is never reached"; return 1; }
    echo "$(sed -nE 's/^ *([0-9.e+]+) states, stored.*/\1 states/p' pan.log), $SECONDS s"
}

# The checks' own words are never reached, nor is the end of what runs for ever.
all_reached() {
    local unreached
    unreached=$(grep -E '\.pml:[0-9]+, state ' pan.log | grep -vE 'BROKEN|"-end-"$' || true)
    [ -z "$unreached" ]
}

# The shortest way into the error, in words.
check_breaks() { # name, flags, words
    build_checker "$2" "-O0 -DBFS"
    timeout 300 ./pan -E -m10000 >pan.log 2>&1 || true
    [ -f session.pml.trail ] || { echo "no error was found"; return 1; }
    # shellcheck disable=SC2086 # a list of flags
    spin -t $2 session.pml | sed -nE 's/^ *((sender|service|redis|BROKEN).*: .*)/\1/p' >steps
    grep -qx "BROKEN: $3" steps || { echo "it breaks otherwise than by \"$3\""; return 1; }
    echo "breaks in $(grep -vc '^BROKEN' steps) steps, \"$3\": build/model/$1/steps"
}

run_one() { # name, function and arguments
    local said name=$1
    rm -rf "build/model/$name"
    mkdir -p "build/model/$name"
    cp tests/model/*.pml "build/model/$name/"
    cd "build/model/$name"
    if said=$("${@:2}"); then
        echo "model $name: passed, $said"
    else
        echo "model $name: FAILED, $said; build/model/$name"
        tail -n 30 steps pan.log spin.log 2>/dev/null || true
        return 1
    fi
}

case ${1:-small} in
    run)
        if [ -n "${breaks[$2]:-}" ]; then
            run_one "$2" check_breaks "$2" "$(flags_of_variant "$2" | tr '\n' ' ')" "${breaks[$2]}"
        elif [ -n "${holds[$2]:-}" ]; then
            run_one "$2" check_holds "$2" "${holds[$2]}" -O1
        else # in less memory, by a third slower
            run_one "$2" check_holds "$2" "${holds_large[$2]}" "-O1 -DCOLLAPSE"
        fi
        exit
        ;;
    small) names=("${!holds[@]}" "${!breaks[@]}") ;;
    large) names=("${!holds_large[@]}" "${!holds[@]}" "${!breaks[@]}") ;;
    *)
        echo "model.sh: small, large, or run and a name" >&2
        exit 2
        ;;
esac
printf '%s\n' "${names[@]}" | xargs -P "${JOBS:-$(nproc)}" -I{} tests/model/model.sh run {}
