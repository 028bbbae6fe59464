#!/bin/bash
# What the stand-in for the image jaegertracing/all-in-one runs. That image has Jaeger 1 and its options; this is Jaeger
# 2, which reads ports and memory from a file. It keeps no traces of itself.
set -euo pipefail

config=/tmp/jaeger.yaml
max_traces=${1#--memory.max-traces=}

cat >"$config" <<YAML
service:
  extensions: [jaeger_storage, jaeger_query, healthcheckv2]
  pipelines:
    traces: {receivers: [otlp], exporters: [jaeger_storage_exporter]}
  telemetry:
    metrics: {level: none}
    logs: {level: warn}
receivers:
  otlp:
    protocols:
      http: {endpoint: "0.0.0.0:4318"}
extensions:
  healthcheckv2:
    use_v2: true
    http: {endpoint: "0.0.0.0:14269", status: {enabled: true, path: /}}
  jaeger_storage:
    backends:
      kept: {memory: {max_traces: $max_traces}}
  jaeger_query:
    storage: {traces: kept}
    http: {endpoint: "0.0.0.0:16686"}
    grpc: {endpoint: "127.0.0.1:0"}
exporters:
  jaeger_storage_exporter: {trace_storage: kept}
YAML
OTEL_TRACES_SAMPLER=always_off exec /usr/local/bin/jaeger --config "file:$config"
