# shellcheck shell=bash
# Prometheus and Alertmanager of the local stack, with the configuration of deploy/prometheus, over what is registered
# in Consul. stack.sh sources it. Their data is in $RUN_DIR/prometheus and $RUN_DIR/alertmanager.
#
#   PROMETHEUS                 1: they are started; needs CONSUL
#   PROMETHEUS_PORT (9090), ALERTMANAGER_PORT (9093): their pages and APIs

MONITORING=(prometheus alertmanager targets-gateway targets-counter-service)

set_monitoring_defaults() {
    export PROMETHEUS_PORT=${PROMETHEUS_PORT:-9090}
    export ALERTMANAGER_PORT=${ALERTMANAGER_PORT:-9093}
}

monitoring_is_installed() {
    command -v prometheus && command -v prometheus-alertmanager && command -v jq
}

start_targets() { # program, its name in Consul
    CONSUL=$CONSUL CONSUL_HTTP_ADDR=127.0.0.1:$CONSUL_PORT start_process "targets-$1" \
        deploy/prometheus/consul_targets.sh "$2" "$RUN_DIR/prometheus/targets/$1.json"
}

start_monitoring() {
    local directory=$RUN_DIR/prometheus
    rm -rf "$directory/rules" "$directory/targets"
    mkdir -p "$directory/targets"
    cp -r deploy/prometheus/rules "$directory"
    sed "s/alertmanager:9093/127.0.0.1:$ALERTMANAGER_PORT/" deploy/prometheus/prometheus.yml \
        >"$directory/prometheus.yml"
    start_targets gateway gateway
    start_targets counter-service "${TALLY_CONSUL_SERVICE:-counter-service}"
    start_process alertmanager prometheus-alertmanager --config.file=deploy/prometheus/alertmanager.yml \
        --storage.path="$RUN_DIR/alertmanager" --web.listen-address="127.0.0.1:$ALERTMANAGER_PORT" \
        --cluster.listen-address= --log.level=warn
    start_process prometheus prometheus --config.file="$directory/prometheus.yml" \
        --storage.tsdb.path="$directory/data" --web.listen-address="127.0.0.1:$PROMETHEUS_PORT" --log.level=warn
    wait_ready alertmanager "http://127.0.0.1:$ALERTMANAGER_PORT/-/ready"
    wait_ready prometheus "http://127.0.0.1:$PROMETHEUS_PORT/-/ready"
}

stop_monitoring() {
    local name
    for name in "${MONITORING[@]}"; do
        stop_process "$name"
    done
}
