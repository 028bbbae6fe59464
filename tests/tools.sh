#!/bin/bash
# Fetches and builds what end-to-end tests need beside Debian's packages, into build/: Python's packages, Consul, Kafka,
# Jaeger, a Prometheus, TypeScript, kubectl. Does nothing when all is there. Where one cannot be had its tests are
# skipped, by name. Here, because it may take longer than the 60 s that a test has.
set -euo pipefail
cd "$(dirname "$0")/.."

# The virtual environment is made again when what it holds changes.
prepare_venv() {
    local stamp=build/venv/requirements.txt wanted=(tests/requirements.txt tests/e2e/requirements.txt)
    cat "${wanted[@]}" | cmp -s - "$stamp" && return
    rm -rf build/venv
    # Debian's Python by its path: another one in PATH may lack the venv module.
    /usr/bin/python3 -m venv build/venv
    build/venv/bin/pip install --quiet --disable-pip-version-check "${wanted[@]/#/--requirement=}"
    cat "${wanted[@]}" >"$stamp"
}

# One at a time: `.ci/run` has this run beside its first steps, which may come to need it.
mkdir -p build
exec 9>build/tools.lock
flock 9
prepare_venv
timeout 300 deploy/local/consul.sh >/dev/null || true
timeout 300 deploy/local/kafka.sh >/dev/null || true
timeout 900 deploy/local/jaeger.sh >/dev/null || true
timeout 600 tests/prometheus/build.sh || true
timeout 300 tests/grafana/fetch.sh || true
# Go builds its pprof when it is first asked for it, with this cache (tests/e2e/test_profiles.py).
GOTOOLCHAIN=local GOCACHE=$PWD/build/go-cache timeout 300 go tool pprof -help >/dev/null 2>&1 || true
timeout 900 tests/k8s/build.sh kubectl >/dev/null || true
