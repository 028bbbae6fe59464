#!/bin/bash
# Runs the local stack until Ctrl-C, `make stop`, or one of its processes ends. WITH_KAFKA=1: and Kafka, to which
# counter-service tells each change. WITH_PROMETHEUS=1: and Prometheus with Alertmanager. WITH_JAEGER=1: and
# Jaeger, which gets the traces of both programs. Other variables: stack.sh.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=deploy/local/stack.sh
source deploy/local/stack.sh

CONSUL=$(deploy/local/consul.sh) || echo "no Consul: going on without discovery" >&2
KAFKA=
if [ "${WITH_KAFKA:-}" = 1 ]; then
    KAFKA=$(deploy/local/kafka.sh) || echo "no Kafka: going on without events" >&2
fi
PROMETHEUS=
if [ "${WITH_PROMETHEUS:-}" = 1 ]; then
    if [ -n "$CONSUL" ] && monitoring_is_installed >/dev/null; then
        PROMETHEUS=1
    else
        echo "no Prometheus, Alertmanager, jq or Consul: going on without metrics kept" >&2
    fi
fi
JAEGER=
if [ "${WITH_JAEGER:-}" = 1 ]; then
    if deploy/local/jaeger.sh >/dev/null; then
        JAEGER=1
    else
        echo "no Jaeger: going on without traces" >&2
    fi
fi
set_stack_defaults
require_free_port "the gateway" "$TALLY_SERVER_PORT" TALLY_SERVER_PORT
require_free_port "counter-service's gRPC" "$TALLY_COUNTER_SERVICE_PORT" TALLY_COUNTER_SERVICE_PORT
require_free_port "counter-service's health and metrics" "$TALLY_COUNTER_SERVICE_ADMIN_PORT" \
    TALLY_COUNTER_SERVICE_ADMIN_PORT
require_free_port Redis "$REDIS_PORT" REDIS_PORT
[ -z "$CONSUL" ] || require_free_port Consul "$CONSUL_PORT" CONSUL_PORT
[ -z "$KAFKA" ] || require_free_port Kafka "$KAFKA_PORT" KAFKA_PORT
if [ -n "$PROMETHEUS" ]; then
    require_free_port Prometheus "$PROMETHEUS_PORT" PROMETHEUS_PORT
    require_free_port Alertmanager "$ALERTMANAGER_PORT" ALERTMANAGER_PORT
fi
if [ -n "$JAEGER" ]; then
    require_free_port "Jaeger's query API" "$JAEGER_PORT" JAEGER_PORT
    require_free_port "Jaeger's spans" "$JAEGER_OTLP_PORT" JAEGER_OTLP_PORT
fi

mkdir -p "$RUN_DIR"
process_identity $$
echo "$identity" >"$RUN_DIR/run.pid"
trap 'stop_stack; rm -f "$RUN_DIR/run.pid"' EXIT
trap 'echo; echo "stopping"; exit 0' INT TERM HUP
start_stack

topic=${TALLY_KAFKA_TOPIC:-counter_events}
cat <<TEXT

Tally is running. Logs are in $RUN_DIR/, Redis's data in $RUN_DIR/redis/. Ctrl-C stops it.

  gateway          $GATEWAY_URL                (status page; /health, /metrics, /openapi.yaml)
  counter-service  127.0.0.1:$TALLY_COUNTER_SERVICE_PORT  gRPC
                   $ADMIN_URL               (/health, /health/live, /metrics)
  Redis            127.0.0.1:$REDIS_PORT
${CONSUL:+  Consul           http://127.0.0.1:$CONSUL_PORT/ui             (both programs, and how they are)
}${KAFKA:+  Kafka            127.0.0.1:$KAFKA_PORT             (topic $topic; its data is in $RUN_DIR/kafka/)
}${PROMETHEUS:+  Prometheus       http://127.0.0.1:$PROMETHEUS_PORT                (/targets, /alerts, /graph)
  Alertmanager     http://127.0.0.1:$ALERTMANAGER_PORT
}${JAEGER:+  Jaeger           http://127.0.0.1:$JAEGER_PORT                (/api/traces, /api/services; without a page)
}
Try:
  curl $GATEWAY_URL/api/v1/counter/increment -H 'Content-Type: application/json' \\
       -d '{"resource_id":"article-1","counter_type":"like"}'
  curl $GATEWAY_URL/api/v1/counter/article-1/like
  curl $GATEWAY_URL/health
${KAFKA:+  kcat -b 127.0.0.1:$KAFKA_PORT -t $topic -C -o beginning -f '%k %h %s\n'
  TALLY_REDIS_ADDR=127.0.0.1:$REDIS_PORT TALLY_KAFKA_BROKERS=127.0.0.1:$KAFKA_PORT \\
      $BIN_DIR/counter-verify --config configs/config.yaml
}${PROMETHEUS:+  curl http://127.0.0.1:$PROMETHEUS_PORT/api/v1/query -d query=tally_increments_total
}${JAEGER:+  curl \"http://127.0.0.1:$JAEGER_PORT/api/traces?service=tally-gateway\"
}
TEXT

names=(gateway counter-service redis ${CONSUL:+consul} ${KAFKA:+kafka})
[ -z "$PROMETHEUS" ] || names+=("${MONITORING[@]}")
[ -z "$JAEGER" ] || names+=(jaeger)
all_run() {
    local name
    for name in "${names[@]}"; do
        process_runs "$name" || return 1
    done
}
while all_run; do
    sleep 1
done
for name in "${names[@]}"; do
    if ! process_runs "$name"; then
        echo "$name ended by itself; the end of $RUN_DIR/$name.log:" >&2
        tail -n 5 "$RUN_DIR/$name.log" >&2
    fi
done
exit 1
