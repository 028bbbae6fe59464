"""What the load test reads of the reports of hey 0.1.4, which Debian has, and 0.1.5, which writes "50%%" for "50%"."""

import subprocess

import pytest

from harness.paths import ROOT

REPORT = """
Summary:
  Total:	0.0421 secs
  Requests/sec:	23752.9691

Latency distribution:
  10{percent} in 0.0002 secs
  50{percent} in 0.0012 secs
  95{percent} in 0.0105 secs
  99{percent} in 0.1250 secs

Status code distribution:
  [200]	1000 responses
"""


@pytest.mark.parametrize("percent", ["%", "%%"])
@pytest.mark.parametrize("percentile, milliseconds", [(50, "1.2"), (95, "10.5"), (99, "125.0")])
def test_a_percentile_is_read_of_either_report(tmp_path, percent, percentile, milliseconds):
    report = tmp_path / "hey.txt"
    report.write_text(REPORT.format(percent=percent))
    command = f"source tests/load/lib.sh && percentile_ms {percentile} '{report}'"
    run = subprocess.run(["bash", "-euc", command], cwd=ROOT, capture_output=True, text=True, timeout=20, check=False)
    assert (run.returncode, run.stdout) == (0, milliseconds), run.stderr
