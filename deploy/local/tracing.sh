# shellcheck shell=bash
# Jaeger of the local stack, which takes the traces of both programs: every request's, unless told otherwise. stack.sh
# sources it.
#
#   JAEGER                     1: it is started, as deploy/local/jaeger.sh has built it
#   JAEGER_PORT (16686), JAEGER_OTLP_PORT (4318): its query API, and where spans go

set_tracing_defaults() {
    export JAEGER_PORT=${JAEGER_PORT:-16686}
    export JAEGER_OTLP_PORT=${JAEGER_OTLP_PORT:-4318}
    if [ -n "${JAEGER:-}" ]; then
        export TALLY_TRACING_ENDPOINT=${TALLY_TRACING_ENDPOINT-http://127.0.0.1:$JAEGER_OTLP_PORT}
        export TALLY_TRACING_SAMPLE_RATIO=${TALLY_TRACING_SAMPLE_RATIO:-1}
    fi
}

start_jaeger() {
    start_process jaeger deploy/local/jaeger_server.sh "$PWD/$RUN_DIR/jaeger" "$JAEGER_OTLP_PORT" "$JAEGER_PORT"
    wait_ready jaeger "http://127.0.0.1:$JAEGER_PORT/api/services"
}
