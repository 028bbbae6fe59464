#!/bin/bash
# Becomes a Jaeger that keeps its traces in memory, on loopback only: jaeger_server.sh DIRECTORY OTLP_PORT QUERY_PORT.
# OTLP_PORT takes spans (OTLP over HTTP), QUERY_PORT answers for traces: /api/traces/ID. Its configuration is written
# into DIRECTORY, which is made if it is new. Before it: deploy/local/jaeger.sh.
set -euo pipefail
cd "$(dirname "$0")/../.."

directory=$1 otlp_port=$2 query_port=$3

# The query service has a gRPC port too, which is any free one. No metrics: they would have a port of their own.
write_config() {
    cat >"$directory/config.yaml" <<YAML
service:
  extensions: [jaeger_storage, jaeger_query]
  pipelines:
    traces: {receivers: [otlp], exporters: [jaeger_storage_exporter]}
  telemetry:
    metrics: {level: none}
    logs: {level: warn}
receivers:
  otlp:
    protocols:
      http: {endpoint: "127.0.0.1:$otlp_port"}
extensions:
  jaeger_storage:
    backends:
      kept: {memory: {max_traces: 10000}}
  jaeger_query:
    storage: {traces: kept}
    http: {endpoint: "127.0.0.1:$query_port"}
    grpc: {endpoint: "127.0.0.1:0"}
exporters:
  jaeger_storage_exporter: {trace_storage: kept}
YAML
}

mkdir -p "$directory"
write_config
exec build/jaeger/jaeger --config "file:$directory/config.yaml"
