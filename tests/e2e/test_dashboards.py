"""deploy/grafana/dashboards by Grafana's own types. What their queries find: test_prometheus.py."""

import json
import os
import shutil
import subprocess
from collections import Counter

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


def test_each_dashboard_and_each_panel_has_an_id_and_a_place_of_its_own():
    boards = [json.loads(path.read_text()) for path in DASHBOARDS.glob("*.json")]
    assert len({board["uid"] for board in boards}) == len({board["title"] for board in boards}) == len(boards)
    for board in boards:
        ids, cells = Counter(), Counter()
        for panel in board["panels"]:
            place = panel["gridPos"]
            ids[panel["id"]] += 1
            columns = range(place["x"], place["x"] + place["w"])
            cells.update((x, y) for x in columns for y in range(place["y"], place["y"] + place["h"]))
            assert place["x"] + place["w"] <= 24, panel["title"]
        assert set(ids.values()) == set(cells.values()) == {1}, board["title"]


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
