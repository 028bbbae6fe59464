"""The console blocks of README.md and README.zh-CN.md, each on a stack that nobody used before."""

import subprocess
import sys

import pytest

from harness.paths import ROOT


@pytest.mark.parametrize("readme", ["README.md", "README.zh-CN.md"])
def test_every_command_prints_what_readme_shows(start_stack, readme):
    gateway = start_stack().gateway
    run = subprocess.run(
        [sys.executable, "tests/readme_console.py", f"127.0.0.1:{gateway.port}", readme],
        cwd=ROOT, capture_output=True, text=True, timeout=55,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
