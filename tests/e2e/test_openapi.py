"""The OpenAPI document, and the running gateway held against it."""

import os
import subprocess
import sys

import openapi_spec_validator
import yaml

from harness.calls import READ_BATCH, increment
from harness.paths import OPENAPI

# What the tests and this document speak of; later versions add to it.
PATHS = {
    "/api/v1/counter/increment": {"post"},
    "/api/v1/counter/increment/batch": {"post"},
    "/api/v1/counter/{resource_id}/{counter_type}": {"get"},
    "/api/v1/counter/{resource_id}": {"get"},
    READ_BATCH: {"post"},
    "/api/v1/rankings/{counter_type}": {"get"},
    "/api/v1/rankings/{counter_type}/{resource_id}": {"get"},
    "/": {"get"},
    "/status.css": {"get"},
    "/status.js": {"get"},
    "/status.json": {"get"},
    "/health": {"get"},
    "/health/live": {"get"},
    "/health/ready": {"get"},
    "/metrics": {"get"},
    "/openapi.yaml": {"get"},
}


def test_the_served_document_is_the_file(gateway):
    response = gateway.get("/openapi.yaml")
    assert response.status == 200
    assert "yaml" in response.header("content-type")
    assert response.body == OPENAPI.read_bytes()


def test_the_document_is_valid_openapi_3_1():
    document = yaml.safe_load(OPENAPI.read_text())
    assert document["openapi"].startswith("3.1")
    openapi_spec_validator.validate(document)


def test_the_document_has_every_call():
    paths = yaml.safe_load(OPENAPI.read_text())["paths"]
    for path, methods in PATHS.items():
        assert methods <= set(paths.get(path, {})), path


def test_the_running_gateway_keeps_to_the_document(gateway, tmp_path):
    increment(gateway, "0")
    run = subprocess.run(
        [
            sys.executable, "-c", "import sys; from schemathesis.cli import schemathesis; sys.exit(schemathesis())",
            "run", str(OPENAPI), "--url", f"http://127.0.0.1:{gateway.port}",
            "--phases", "examples,coverage,fuzzing", "--max-examples", "10", "--seed", "1", "--max-time", "20",
            "--request-timeout", "10", "--no-shrink", "--warnings", "off",
            # What a schema allows may still be refused: a key used before (422), a NUL in a text (400).
            "--exclude-checks", "positive_data_acceptance",
        ],
        cwd=tmp_path, env=os.environ | {"NO_COLOR": "1"}, capture_output=True, text=True, timeout=55,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout[-8000:] + run.stderr[-2000:]
