#!/bin/bash
# What the project says of itself agrees with itself: configuration, documents and deploy/. Part of `make test` and
# `make lint`.
# TEST_BIN_DIR: where the programs are (build/bin).
set -uo pipefail
cd "$(dirname "$0")/../.." || exit

status=0
/usr/bin/python3 tests/lint/config_keys.py "${TEST_BIN_DIR:-build/bin}" || status=1
/usr/bin/python3 tests/lint/config_table.py || status=1
/usr/bin/python3 tests/lint/config_table_test.py || status=1
/usr/bin/python3 tests/lint/readmes.py || status=1
/usr/bin/python3 tests/lint/readmes_test.py || status=1
/usr/bin/python3 tests/lint/docs.py || status=1
/usr/bin/python3 tests/lint/field_reports.py || status=1
/usr/bin/python3 tests/lint/boundaries.py || status=1
/usr/bin/python3 tests/lint/boundaries_test.py || status=1
/usr/bin/python3 tests/lint/deploy.py "${TEST_BIN_DIR:-build/bin}" || status=1
/usr/bin/python3 tests/lint/compose.py "${TEST_BIN_DIR:-build/bin}" || status=1
/usr/bin/python3 tests/lint/compose_test.py "${TEST_BIN_DIR:-build/bin}" || status=1
/usr/bin/python3 tests/lint/version.py "${TEST_BIN_DIR:-build/bin}" || status=1
/usr/bin/python3 tests/lint/help.py "${TEST_BIN_DIR:-build/bin}" || status=1
tests/lint/alerts.sh || status=1
exit $status
