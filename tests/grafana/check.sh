#!/bin/bash
# Are the dashboards of a directory what Grafana's own types allow? check.sh DIRECTORY. Before it: fetch.sh.
set -euo pipefail
directory=$(realpath "$1")
cd "$(dirname "$0")/../.."

rm -rf build/grafana/check
mkdir -p build/grafana/check
cp tests/grafana/dashboard.ts build/grafana/check
for file in "$directory"/*.json; do
    {
        echo 'import type { TallyDashboard } from "./dashboard";'
        echo "export const dashboard = $(cat "$file") satisfies TallyDashboard;"
    } >"build/grafana/check/$(basename "$file" .json).ts"
done
cd build/grafana
node_modules/.bin/tsc --noEmit --strict --skipLibCheck --target es2022 --module nodenext check/*.ts
