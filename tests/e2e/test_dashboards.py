"""deploy/grafana/dashboards by Grafana's own types. What their queries find: test_prometheus.py."""

import os
import shutil
import subprocess

import pytest

from harness.paths import ROOT

DASHBOARDS = ROOT / "deploy" / "grafana" / "dashboards"


def check(directory):
    if not os.access(ROOT / "build/grafana/node_modules/.bin/tsc", os.X_OK) or not shutil.which("node"):
        pytest.skip("no TypeScript here: tests/grafana/fetch.sh fetches it, or says why it cannot")
    return subprocess.run([ROOT / "tests/grafana/check.sh", directory], capture_output=True, text=True, timeout=55)


def test_the_dashboards_are_what_grafanas_types_allow():
    run = check(DASHBOARDS)
    assert (run.returncode, run.stdout + run.stderr) == (0, "")


@pytest.mark.parametrize(
    "right, wrong",
    [
        ('"graphTooltip": 1', '"graphTooltip": 7'),
        ('"textMode": "auto"', '"textMode": "big"'),
        ('"lineWidth"', '"lineWidht"'),
        ('"refId": "A", ', ""),
    ],
)
def test_what_they_do_not_allow_is_found(tmp_path, right, wrong):
    text = (DASHBOARDS / "overview.json").read_text()
    assert right in text
    (tmp_path / "overview.json").write_text(text.replace(right, wrong))
    run = check(tmp_path)
    assert run.returncode != 0 and "overview.ts" in run.stdout
