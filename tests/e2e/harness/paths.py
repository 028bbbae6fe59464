"""Where things are."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
CONFIG = ROOT / "configs" / "config.yaml"
OPENAPI = ROOT / "proto" / "openapi.yaml"
BIN_DIR = Path(os.environ.get("TEST_BIN_DIR") or ROOT / "build" / "bin").resolve()


def program(name):
    path = BIN_DIR / name
    assert os.access(path, os.X_OK), f"{path} is missing: build the programs first, or set TEST_BIN_DIR"
    return path

# A sanitizer takes several times the memory.
MEMORY_FACTOR = 6 if BIN_DIR.parent.name in ("asan", "tsan") else 1
