"""Rankings over HTTP: what is asked of the service, and what its answers become."""

import grpc
import jsonschema
import pytest
import yaml

from harness.daemons import Gateway
from harness.exposition import scrape
from harness.paths import OPENAPI
from harness.problems import check_problem
from harness.rankings import AS_OF_MS, RANK, TOP, ranked, state, top, will_answer, will_fail
from harness.session_service import SessionService
from harness.stubs import pb


@pytest.fixture(scope="module")
def fake():
    fake = SessionService()
    yield fake
    fake.close()


@pytest.fixture(scope="module")
def gateway(fake, tmp_path_factory):
    gateway = Gateway(tmp_path_factory.mktemp("gateway"), fake.address, DRAIN_DELAY="0ms")
    gateway.start()
    yield gateway
    gateway.stop()
    gateway.close()


def check_schema(response, name):
    """The body of a 200 is what openapi.yaml says. Returns it."""
    components = yaml.safe_load(OPENAPI.read_text())["components"]
    assert response.status == 200, response
    assert response.header("content-type") == "application/json"
    schema = {"$ref": f"#/components/schemas/{name}", "components": components}
    jsonschema.validate(response.json(), schema, jsonschema.Draft202012Validator)
    return response.json()


# --- answers


def test_the_best_of_a_ranking(fake, gateway):
    will_answer(fake, top(ranked(1, "article_001", 4711), ranked(2, 'é "2"', -(2**63))))
    assert check_schema(gateway.get(TOP), "Ranking") == {
        "counter_type": "like",
        "window": "day",
        "period": "2026-11-25",
        "as_of": "2026-11-25T10:00:00.123Z",
        "complete": True,
        "entries": [
            {"rank": 1, "resource_id": "article_001", "score": 4711},
            {"rank": 2, "resource_id": 'é "2"', "score": -(2**63)},
        ],
    }
    [asked] = fake.requests
    assert pb.TopCountersRequest.FromString(asked) == pb.TopCountersRequest(counter_type="like", window="day", limit=10)


def test_where_one_resource_stands(fake, gateway):
    entries = [ranked(2, "a", 5000), ranked(3, "article_001", 4711)]
    since = state(period="", complete=False, since_ms=AS_OF_MS - 123)
    will_answer(fake, pb.RankOfResponse(state=since, rank=3, score=4711, entries=entries))
    assert check_schema(gateway.get(RANK + "&neighbours=1"), "RankOf") == {
        "counter_type": "like",
        "window": "24h",
        "period": None,
        "as_of": "2026-11-25T10:00:00.123Z",
        "complete": False,
        "since": "2026-11-25T10:00:00.000Z",
        "resource_id": "article_001",
        "rank": 3,
        "score": 4711,
        "entries": [
            {"rank": 2, "resource_id": "a", "score": 5000},
            {"rank": 3, "resource_id": "article_001", "score": 4711},
        ],
    }
    [asked] = fake.requests
    assert pb.RankOfRequest.FromString(asked) == pb.RankOfRequest(
        counter_type="like", window="24h", resource_id="article_001", neighbours=1
    )


def test_a_resource_without_a_place_has_a_score_all_the_same(fake, gateway):
    will_answer(fake, pb.RankOfResponse(state=state(), score=2**63 - 1))
    answer = check_schema(gateway.get(RANK), "RankOf")
    assert (answer["rank"], answer["score"], answer["entries"]) == (None, 2**63 - 1, [])


def test_an_empty_ranking(fake, gateway):
    will_answer(fake, top())
    assert check_schema(gateway.get(TOP), "Ranking")["entries"] == []


def test_a_thousand_entries_are_told(fake, gateway):
    will_answer(fake, top(*[ranked(number, f"r-{number}-" + "x" * 240, number) for number in range(1, 1001)]))
    entries = check_schema(gateway.get(TOP + "&limit=1000"), "Ranking")["entries"]
    assert [entry["rank"] for entry in entries] == list(range(1, 1001))


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ("window=day&limit=1000&offset=100000", {"window": "day", "limit": 1000, "offset": 100000}),
        ("offset=0&limit=1&period=2026-11-24&window=day", {"window": "day", "limit": 1, "period": "2026-11-24"}),
        ("window=day&period=", {"window": "day", "limit": 10}),
        ("window=d%61y&l%69mit=%31", {"window": "day", "limit": 1}),
        ("&&window=24h&", {"window": "24h", "limit": 10}),
    ],
)
def test_parameters_reach_the_service(fake, gateway, query, asked):
    will_answer(fake, top())
    assert gateway.get(f"/api/v1/rankings/li%6be?{query}").status == 200
    [request] = fake.requests
    assert pb.TopCountersRequest.FromString(request) == pb.TopCountersRequest(counter_type="like", **asked)


def test_a_resource_with_a_slash_is_encoded(fake, gateway):
    will_answer(fake, pb.RankOfResponse(state=state(), rank=1, score=1, entries=[ranked(1, "a/é", 1)]))
    assert gateway.get("/api/v1/rankings/like/a%2F%C3%A9?window=day").json()["resource_id"] == "a/é"
    [request] = fake.requests
    assert pb.RankOfRequest.FromString(request).resource_id == "a/é"


# --- headers and methods


@pytest.mark.parametrize(
    ("age_ms", "max_age_ms", "age", "cache_control"),
    [
        (0, 0, "1", "no-store"),
        (1001, 2999, "2", "max-age=2, must-revalidate"),
        (1500, 0, "2", "no-store"),
        (0, 999, "1", "no-store"),
    ],
)
def test_caches_are_told_how_old_it_is_and_may_become(fake, gateway, age_ms, max_age_ms, age, cache_control):
    fields = {"age_ms": age_ms, "max_age_ms": max_age_ms}
    for target, response in ((TOP, top(**fields)), (RANK, pb.RankOfResponse(state=state(**fields)))):
        will_answer(fake, response)
        answer = gateway.get(f"{target}&period=not-kept-{age_ms}")
        assert (answer.status, answer.header("age"), answer.header("cache-control")) == (200, age, cache_control)


def test_no_error_may_be_kept(fake, gateway):
    will_answer(fake, top(max_age_ms=60000))
    with gateway.connection() as connection:
        assert connection.request("GET", TOP + "&offset=60").header("cache-control") == "max-age=60, must-revalidate"
        will_fail(fake, grpc.StatusCode.NOT_FOUND)
        for target in (TOP, "/api/v1/rankings/like"):
            response = connection.request("GET", target)
            assert response.status in (400, 404)
            assert (response.header("age"), response.header("cache-control")) == (None, "no-store")


@pytest.mark.parametrize("target", [TOP, RANK])
def test_head_is_get_without_its_body(fake, gateway, target):
    will_answer(fake, top(ranked(1, "a", 1), max_age_ms=5000) if target == TOP else pb.RankOfResponse(state=state()))
    with gateway.connection() as connection:
        head = connection.request("HEAD", target + "&period=head")
        get = connection.request("GET", target + "&period=head")
    assert head.status == get.status == 200
    for name in ("content-type", "content-length"):
        assert head.header(name) == get.header(name) is not None
    assert (head.header("age"), head.header("cache-control")) == (None, "no-store")


@pytest.mark.parametrize("target", [TOP, RANK])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_a_wrong_method_is_405(gateway, target, method):
    response = gateway.request(method, target, {})
    check_problem(response, 405, None)
    assert response.header("allow") == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize("target", [TOP, RANK])
def test_options_tells_the_methods(gateway, target):
    response = gateway.request("OPTIONS", target)
    assert (response.status, response.header("allow")) == (204, "GET, HEAD, OPTIONS")


@pytest.mark.parametrize(
    "path", ["/api/v1/rankings", "/api/v1/rankings/", "/api/v1/rankings/like/", "/api/v1/rankings/a/b/c"]
)
def test_other_paths_are_no_routes(gateway, path):
    check_problem(gateway.get(path + "?window=day"), 404, None, "there is nothing at this path")


def test_requests_are_counted_by_route(fake, gateway):
    will_answer(fake, pb.RankOfResponse(state=state()))
    routes = ("/api/v1/rankings/{counter_type}", "/api/v1/rankings/{counter_type}/{resource_id}")
    before = [scrape(gateway).sum("tally_http_requests_total", route=route, status="400") for route in routes]
    gateway.get("/api/v1/rankings/like")
    for number in range(2):
        gateway.get(f"/api/v1/rankings/like/{number}")
    after = [scrape(gateway).sum("tally_http_requests_total", route=route, status="400") for route in routes]
    assert [new - old for new, old in zip(after, before)] == [1, 2]
