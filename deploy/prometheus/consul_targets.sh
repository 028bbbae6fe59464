#!/bin/bash
# Keeps a file of targets for Prometheus (file_sd_configs) as the instances of a service are in Consul, well or not:
# consul_targets.sh SERVICE FILE. It runs until it is stopped, and asks an agent that is gone again and again; the file
# stays meanwhile. For a Prometheus without Consul's discovery, as Debian's is; prometheus-consul.yml does the same.
# CONSUL: the program (consul). CONSUL_HTTP_ADDR, CONSUL_HTTP_TOKEN and the others: Consul's own.
set -euo pipefail

# The port of /metrics is in the Meta: that of the service may speak gRPC.
instances_to_targets() {
    jq '[.[].Service | select(.Meta.metrics_port) | {labels: {job: .Service}, targets: [
        (if .Address | contains(":") then "[\(.Address)]" else .Address end) + ":" + .Meta.metrics_port]}]'
}

# What `consul watch` calls, with the instances on stdin.
if [ "$1" = --write ]; then
    instances_to_targets >"$2.new"
    mv "$2.new" "$2"
    exit
fi
exec "${CONSUL:-consul}" watch -type service -service "$1" -shell=false "$(realpath "$0")" --write "$2"
