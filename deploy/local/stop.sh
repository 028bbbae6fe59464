#!/bin/bash
# Stops deploy/local/run.sh, which stops its processes; and those that are left if it was killed. Does nothing when
# nothing runs.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=deploy/local/stack.sh
source deploy/local/stack.sh
stop_process run
stop_stack
