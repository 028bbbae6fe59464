"""/metrics of both programs as OpenMetrics 1.0.0, and who gets it. The reader is prometheus_client's."""

import pytest
from prometheus_client.openmetrics import parser as open_parser
from prometheus_client.parser import text_string_to_metric_families

from harness.calls import increment

OPEN = "application/openmetrics-text; version=1.0.0; charset=utf-8"
TEXT = "text/plain; version=0.0.4; charset=utf-8"
PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)


@pytest.fixture(scope="module", params=["gateway", "counter-service"])
def daemon(request, stack):
    increment(stack.gateway, "openmetrics")
    return stack.gateway if request.param == "gateway" else stack.service


def get(daemon, *accepted):
    response = daemon.get("/metrics", headers=[("Accept", value) for value in accepted])
    assert response.status == 200, response
    return response


def families(daemon):
    response = get(daemon, PROMETHEUS_2)
    assert response.header("content-type") == OPEN
    return list(open_parser.text_string_to_metric_families(response.body.decode()))


def test_the_official_reader_reads_all_of_it(daemon):
    by_name = {family.name: family for family in families(daemon)}
    assert len(by_name) > 15
    assert by_name["process_cpu_seconds"].type == "counter" and by_name["process_cpu_seconds"].unit == "seconds"
    assert by_name["process_resident_memory_bytes"].unit == "bytes"
    assert by_name["tally_build_info"].type == "gauge"
    histograms = [family for family in by_name.values() if family.type == "histogram"]
    assert histograms
    for family in histograms:
        bounds = {sample.labels["le"] for sample in family.samples if sample.name.endswith("_bucket")}
        assert "+Inf" in bounds and bounds & {"1.0", "10.0"} and not bounds & {"1", "10"}, family.name


def test_both_formats_say_the_same(daemon):
    old = list(text_string_to_metric_families(get(daemon).body.decode()))
    new = families(daemon)
    assert {family.name: (family.type, family.documentation) for family in old} == {
        family.name: (family.type, family.documentation) for family in new
    }

    def label(key, value):
        return key, float(value) if key == "le" else value

    def series(family):
        return {(sample.name, *sorted(label(*item) for item in sample.labels.items())) for sample in family.samples}

    for one, other in zip(old, new, strict=True):
        # What is counted for the first time between the two scrapes makes a series.
        assert series(one) <= series(other), one.name


def test_it_ends_with_eof_and_has_no_empty_line(daemon):
    body = get(daemon, "application/openmetrics-text").body
    assert body.endswith(b"\n# EOF\n") and body.count(b"# EOF") == 1
    assert b"\n\n" not in body


@pytest.mark.parametrize(
    "accepted",
    [
        [PROMETHEUS_2],
        [PROMETHEUS_3],
        ["application/openmetrics-text"],
        ["application/openmetrics-text; version=1.0.0; charset=utf-8"],
        ["text/plain;q=0.2", "application/openmetrics-text;version=1.0.0;q=0.3"],
        ["application/openmetrics-text;version=1.0.0", "*/*;q=0.1"],
        ["text/plain;q=0, */*"],
        ["x;q=9,\"'; DROP,\",application/openmetrics-text"],
        ["," * 5000 + "application/openmetrics-text"],
    ],
    ids=lambda accepted: accepted[0][-40:],
)
def test_who_wants_openmetrics_more_gets_it(daemon, accepted):
    response = get(daemon, *accepted)
    assert response.header("content-type") == OPEN and response.body.endswith(b"# EOF\n")
    assert "Accept" in [value for name, value in response.headers if name == "vary"]


@pytest.mark.parametrize(
    "accepted",
    [
        [],
        [""],
        ["*/*"],
        ["text/html,application/xhtml+xml,*/*;q=0.8"],
        ["application/json"],
        ["text/plain;version=0.0.4"],
        ["application/openmetrics-text;q=0"],
        ["*/*;q=0"],
        ["application/openmetrics-text;version=1.0.0;q=0.000", "*/*"],
        ["application/openmetrics-text;version=0.0.1"],
        ["application/openmetrics-text;version=2.0.0"],
        ["application/openmetrics-text;q=1.5"],
        ["application/openmetrics-text;q=NaN"],
        ["q=1;;;,,\"application/openmetrics-text"],
        ["é~" * 1000],
        ["x" * 6000],
        ["*/*;q=0.1," * 500],
        ["text/plain"] * 50,
    ],
    ids=lambda accepted: accepted[0][-40:] if accepted else "none",
)
def test_everybody_else_gets_the_text_format(daemon, accepted):
    response = get(daemon, *accepted)
    assert response.header("content-type") == TEXT and b"# EOF" not in response.body
    assert "Accept" in [value for name, value in response.headers if name == "vary"]


def test_head_tells_the_type_that_get_would(daemon):
    response = daemon.request("HEAD", "/metrics", headers=[("Accept", PROMETHEUS_2)])
    assert (response.status, response.header("content-type"), response.body) == (200, OPEN, b"")
