# shellcheck shell=bash
# What the load scripts share: a stack of their own on free ports, its contestants, a counter's value. To be sourced
# from the top folder of the project.
RUN_DIR=${RUN_DIR:-build/load}
# shellcheck source=deploy/local/stack.sh
source deploy/local/stack.sh

# Sets GATEWAY_URL and ADMIN_URL. The counters of an earlier run are gone.
start_load_stack() {
    rm -rf "${RUN_DIR:?}/redis"
    set_free_ports
    start_stack
}

# webdis as its package starts it, but for ports, log and Redis: its own, with the stack's settings.
start_webdis() {
    local redis_port
    read -r redis_port WEBDIS_PORT < <(free_ports 2)
    rm -rf "${RUN_DIR:?}/webdis-redis"
    start_redis webdis-redis "$redis_port"
    cat >"$RUN_DIR/webdis.json" <<JSON
{
    "redis_host": "127.0.0.1", "redis_port": $redis_port, "redis_auth": null, "database": 0,
    "http_host": "127.0.0.1", "http_port": $WEBDIS_PORT, "threads": ${WEBDIS_THREADS:-2}, "pool_size": 20,
    "daemonize": false, "websockets": false, "verbosity": 0, "logfile": "$PWD/$RUN_DIR/webdis-requests.log",
    "acl": [{ "disabled": [] }]
}
JSON
    start_process webdis webdis "$RUN_DIR/webdis.json"
    WEBDIS_URL=http://127.0.0.1:$WEBDIS_PORT
    wait_ready webdis "$WEBDIS_URL/PING"
}

start_bare_server() {
    BARE_PORT=$(free_ports 1)
    BARE_URL=http://127.0.0.1:$BARE_PORT
    start_process bare build/bin/bare_mhd_server "$BARE_PORT"
    wait_ready bare "$BARE_URL/"
}

stop_all() {
    stop_stack
    stop_process webdis
    stop_process webdis-redis
    stop_process bare
}

counter_value() { # resource_id, counter_type
    curl -sf --max-time 10 "$GATEWAY_URL/api/v1/counter/$1/$2" | sed -nE 's/.*"value":(-?[0-9]+).*/\1/p'
}

# The number of a line of hey's report: "  50% in 0.0012 secs" in milliseconds. hey 0.1.5 writes "50%%".
percentile_ms() { # percentile, report
    awk -v percentile="^$1%%?$" '$1 ~ percentile { printf "%.1f", $3 * 1000 }' "$2"
}
