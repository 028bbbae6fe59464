#!/bin/bash
# deploy/prometheus by the tools of Prometheus and Alertmanager, and by alerts.py. prometheus-consul.yml is read by
# tests/e2e/test_prometheus.py: Debian's promtool does not know Consul.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit

status=0
quiet() { # command...
    local output
    output=$("$@" 2>&1) || {
        printf '%s:\n%s\n' "$*" "$output"
        status=1
    }
}

quiet /usr/bin/python3 tests/lint/alerts.py
# Not everywhere: `make deps` brings them.
if command -v promtool >/dev/null; then
    quiet promtool check config deploy/prometheus/prometheus.yml
    quiet promtool test rules tests/prometheus/*.yml
fi
if command -v amtool >/dev/null; then
    quiet amtool check-config deploy/prometheus/alertmanager.yml
fi
exit $status
