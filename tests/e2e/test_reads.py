"""Reads: one counter, all of a resource, many at once."""

import pytest

from harness.calls import (
    INT64_MAX,
    INT64_MIN,
    READ_BATCH,
    counter_path,
    fill_counter_types,
    increment,
    item,
    read,
    read_batch,
    set_value,
)  # fmt: skip
from harness.problems import check_problem, check_problem_document


def test_a_counter_never_written_is_zero(gateway, resource):
    response = gateway.get(counter_path(resource, "like"))
    assert response.status == 200
    assert response.json() == {"resource_id": resource, "counter_type": "like", "value": 0}


def test_a_resource_lists_its_counters(gateway, resource):
    assert gateway.get(counter_path(resource)).json() == {"resource_id": resource, "counters": {}}
    increment(gateway, resource, "view", increment=120)
    increment(gateway, resource, "like", increment=3)
    response = gateway.get(counter_path(resource))
    assert response.status == 200
    assert response.json() == {"resource_id": resource, "counters": {"like": 3, "view": 120}}


def test_a_full_resource_is_listed_whole(gateway, rpc, resource):
    fill_counter_types(rpc, resource, 1000)
    assert gateway.get(counter_path(resource)).json()["counters"] == {f"t{number}": 1 for number in range(1000)}


@pytest.mark.parametrize("value", [INT64_MAX, INT64_MIN, 2**53 + 1, 10**14, 10**17 + 1, -1])
def test_values_keep_all_their_digits_in_every_read(gateway, rpc, resource, value):
    set_value(rpc, resource, value)
    assert read(gateway, resource) == value
    assert gateway.get(counter_path(resource)).json()["counters"] == {"like": value}
    assert read_batch(gateway, [item(resource)]).json()["results"][0]["value"] == value


def test_a_batch_of_reads_answers_in_the_order_asked(gateway, resource):
    for number in range(1, 6):
        increment(gateway, f"{resource}-{number}", increment=number)
    order = [3, 1, 5, 0, 3, 2, 4]
    response = read_batch(gateway, [item(f"{resource}-{number}") for number in order])
    assert response.status == 200
    assert set(response.json()) == {"results"}
    assert response.json()["results"] == [
        {"resource_id": f"{resource}-{number}", "counter_type": "like", "value": number} for number in order
    ]


def test_a_bad_query_is_its_own_error_and_positions_stay(gateway, resource):
    increment(gateway, resource, increment=9)
    queries = [
        item(resource),
        item(resource, "Bad"),
        item(""),
        {"resource_id": resource},
        item(resource, value=1),
        item(resource),
    ]
    response = read_batch(gateway, queries)
    results = response.json()["results"]
    assert [result.get("value") for result in results] == [9, None, None, None, None, 9]
    for result, field in zip(results[1:5], ["counter_type", "resource_id", "counter_type", "value"], strict=True):
        check_problem_document(result["error"], 400, None, field)


def test_a_thousand_queries_are_answered_and_no_more(gateway, resource):
    increment(gateway, resource)
    assert len(read_batch(gateway, [item(resource)] * 1000).json()["results"]) == 1000
    check_problem(read_batch(gateway, [item(resource)] * 1001), 400, None, "queries")
    check_problem(read_batch(gateway, []), 400, None, "queries")


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"queries":{}}', b'{"queries":null}', b'{"queries":[', b'{"increments":[]}']
)
def test_a_batch_of_reads_of_a_wrong_shape_is_refused(gateway, body):
    check_problem(gateway.post(READ_BATCH, body), 400, None)


def test_a_batch_of_reads_of_another_media_type_is_415(gateway):
    check_problem(gateway.post(READ_BATCH, {"queries": [item("r")]}, [("Content-Type", "text/plain")]), 415, None)


@pytest.mark.parametrize(
    ("encoded", "resource_id"),
    [("a%2Fb", "a/b"), ("a%2fb", "a/b"), ("%25", "%"), ("%E2%82%AC", "€"), ("a+b", "a+b"), ("a%20b", "a b"),
     ("%2E%2E%2E", "..."), ("%3Fx%3D1", "?x=1"), ("a%252Fb", "a%2Fb"), ("%61", "a")],
)  # fmt: skip
def test_the_path_is_split_first_and_decoded_then(gateway, encoded, resource_id):
    value = increment(gateway, resource_id).json()["value"]
    one = gateway.get(f"/api/v1/counter/{encoded}/like")
    assert one.json() == {"resource_id": resource_id, "counter_type": "like", "value": value}
    assert gateway.get(f"/api/v1/counter/{encoded}").json()["counters"]["like"] == value


@pytest.mark.parametrize(
    "encoded",
    ["a%00b", "%00", "%", "a%2", "%zz", "%2g", "%c3%28", "%ff", "%ed%a0%80", "%0a", "%7f", "%c2%80", "%7Ba", "a%7D"],
)
def test_a_bad_resource_id_in_the_path_is_refused(gateway, encoded):
    check_problem(gateway.get(f"/api/v1/counter/{encoded}/like"), 400, None)
    check_problem(gateway.get(f"/api/v1/counter/{encoded}"), 400, None)


def test_a_path_segment_over_the_bound_is_named(gateway):
    assert gateway.get(f"/api/v1/counter/{'x' * 256}/like").status == 200
    check_problem(gateway.get(f"/api/v1/counter/{'x' * 257}/like"), 400, None, "resource_id")
    check_problem(gateway.get(f"/api/v1/counter/{'x' * 257}"), 400, None, "resource_id")


@pytest.mark.parametrize("counter_type", ["Like", "1x", "a%20b", "z" * 65, "%C3%A9"])
def test_a_bad_counter_type_in_the_path_is_named(gateway, resource, counter_type):
    check_problem(gateway.get(f"/api/v1/counter/{resource}/{counter_type}"), 400, None, "counter_type")


def test_an_escaped_counter_type_is_decoded(gateway, resource):
    increment(gateway, resource, "like")
    assert gateway.get(f"/api/v1/counter/{resource}/%6Cike").json()["value"] == 1


@pytest.mark.parametrize("kind", [None, "like"])
def test_head_is_get_without_its_body(gateway, resource, kind):
    increment(gateway, resource, increment=12345)
    get = gateway.get(counter_path(resource, kind))
    with gateway.connection() as connection:
        head = connection.request("HEAD", counter_path(resource, kind))
        assert (head.status, head.header("content-type")) == (200, get.header("content-type"))
        assert head.header("content-length") == str(len(get.body))
        assert connection.request("GET", counter_path(resource, kind)).body == get.body


def test_damaged_data_is_a_server_error_and_not_a_zero(stack, gateway, resource):
    increment(gateway, resource, increment=4)
    increment(gateway, resource + "-whole")
    stack.redis.call("HSET", f"tally:{{p0}}:c:{resource}", "like", "junk")
    stack.redis.call("SET", f"tally:{{p0}}:c:{resource}-whole", "junk")
    try:
        for name in (resource, resource + "-whole"):
            check_problem(gateway.get(counter_path(name, "like")), 500, None)
            check_problem(gateway.get(counter_path(name)), 500, None)
            check_problem(increment(gateway, name), 500, "not_applied")
            results = read_batch(gateway, [item(name), item("fine")]).json()["results"]
            check_problem_document(results[0]["error"], 500, None)
            assert "value" in results[1]
    finally:
        stack.redis.call("DEL", f"tally:{{p0}}:c:{resource}", f"tally:{{p0}}:c:{resource}-whole")
