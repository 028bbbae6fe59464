"""README's console blocks, on a stack that nobody used before."""

import subprocess
import sys

from harness.paths import ROOT


def test_every_command_prints_what_readme_shows(gateway):
    run = subprocess.run(
        [sys.executable, "tests/readme_console.py", f"127.0.0.1:{gateway.port}"],
        cwd=ROOT, capture_output=True, text=True, timeout=55,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
