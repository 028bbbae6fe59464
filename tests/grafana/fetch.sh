#!/bin/bash
# Fetches TypeScript and Grafana's types by npm, as package-lock.json has them, into build/grafana; nothing is
# installed. Does nothing when they are there. What uses them: check.sh.
set -euo pipefail
cd "$(dirname "$0")/../.."

DIR=build/grafana

is_there() {
    cmp -s tests/grafana/package-lock.json "$DIR/fetched"
}

mkdir -p "$DIR"
exec 9>"$DIR/lock"
flock 9
if ! is_there; then
    command -v npm >/dev/null || {
        echo "fetch.sh: there is no npm here: \`make deps-test\` installs it" >&2
        exit 1
    }
    cp tests/grafana/package.json tests/grafana/package-lock.json "$DIR"
    npm ci --prefix "$DIR" --ignore-scripts --no-audit --no-fund --silent >&2 || {
        echo "fetch.sh: npm does not give what package-lock.json names" >&2
        exit 1
    }
    cp tests/grafana/package-lock.json "$DIR/fetched"
fi
