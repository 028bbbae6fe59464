"""POST /api/v1/counter/increment/batch: many increments in one call."""

import pytest

from harness.calls import INCREMENT_BATCH, INT64_MAX, fill_counter_types, increment_batch, item, read, set_value
from harness.problems import check_problem, check_problem_document


def results_of(response):
    assert response.status == 200, response
    body = response.json()
    assert set(body) == {"results"}
    return body["results"]


def test_results_come_in_the_order_asked(gateway, resource):
    items = [item(f"{resource}-{number % 7}", "like", increment=number + 1) for number in range(100)]
    sums = {}
    for asked, result in zip(items, results_of(increment_batch(gateway, items)), strict=True):
        name = asked["resource_id"]
        sums[name] = sums.get(name, 0) + asked["increment"]
        assert result["resource_id"] == name and result["counter_type"] == "like"
        assert result["value"] == sums[name] and not result.get("replayed")


def test_one_item_and_a_thousand_are_taken(gateway, resource):
    assert [result["value"] for result in results_of(increment_batch(gateway, [item(resource)]))] == [1]
    results = results_of(increment_batch(gateway, [item(resource)] * 1000))
    assert [result["value"] for result in results] == list(range(2, 1002))


def test_a_thousand_of_the_longest_items_fit(gateway, resource):
    longest = item(
        resource.ljust(256, "x"), "t" * 64, user_id="u" * 128, increment=-(2**53 - 1) // 1000, idempotency_key="k" * 100
    )
    items = [longest | {"idempotency_key": f"{number:k>128}"} for number in range(1000)]
    assert all("error" not in result for result in results_of(increment_batch(gateway, items)))


def test_a_bad_item_is_its_own_error_and_the_others_count(gateway, rpc, resource):
    full, at_max = resource + "-full", resource + "-max"
    fill_counter_types(rpc, full, 1000)
    set_value(rpc, at_max, INT64_MAX)
    asked = [
        (item(resource), None),
        (item(resource, increment=0), (400, "increment")),
        (item(resource, "Bad"), (400, "counter_type")),
        (item(at_max), (409, "")),
        (item(full, "one-more"), (409, "")),
        (item(resource, delta=5), (400, "delta")),
        ({"counter_type": "like"}, (400, "resource_id")),
        (item(resource, idempotency_key=""), (400, "idempotency_key")),
        (item(resource, idempotency_key="a b"), (400, "idempotency_key")),
        (item(resource, user_id="x" * 129), (400, "user_id")),
        (item("x" * 257), (400, "resource_id")),
        (item(resource, increment="1"), (400, "increment")),
        (item(resource), None),
    ]
    results = results_of(increment_batch(gateway, [one for one, _ in asked]))
    for (_, error), result in zip(asked, results, strict=True):
        assert ("error" in result) == (error is not None), result
        if error:
            check_problem_document(result["error"], error[0], "not_applied", error[1])
            assert "value" not in result
    assert [result["value"] for result in results if "value" in result] == [1, 2]
    assert (read(gateway, resource), read(gateway, at_max)) == (2, INT64_MAX)


def test_good_fields_of_a_bad_item_come_back(gateway, resource):
    (result,) = results_of(increment_batch(gateway, [item(resource, increment=0)]))
    assert (result["resource_id"], result["counter_type"]) == (resource, "like")


def test_only_bad_items_are_still_an_answer_each(gateway, resource):
    results = results_of(increment_batch(gateway, [item(resource, increment=0)] * 3))
    assert [result["error"]["status"] for result in results] == [400, 400, 400]


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b"null", b'{"increments":{}}', b'{"increments":null}', b'{"increments":[]}',
     b'{"increments":5}',
     b'{"queries":[{"resource_id":"r","counter_type":"like"}]}', b'{"increments":[', b'{"increments":[]}]'],
)  # fmt: skip
def test_a_wrong_shape_is_refused_as_a_whole(gateway, body):
    check_problem(gateway.post(INCREMENT_BATCH, body), 400, "not_applied")


@pytest.mark.parametrize(
    "spoil",
    [lambda items: {"increments": items * 501}, lambda items: {"increments": items, "atomic": True}],
    ids=["1002 items", "unknown field"],
)
def test_nothing_of_a_refused_batch_counts(gateway, resource, spoil):
    check_problem(gateway.post(INCREMENT_BATCH, spoil([item(resource)] * 2)), 400, "not_applied")
    assert read(gateway, resource) == 0


def test_the_field_of_a_wrong_shape_is_named(gateway, resource):
    check_problem(gateway.post(INCREMENT_BATCH, {"increments": []}), 400, "not_applied", "increments")
    check_problem(increment_batch(gateway, [item(resource)] * 1001), 400, "not_applied", "increments")
    check_problem(gateway.post(INCREMENT_BATCH, {"increments": [item("r")], "atomic": 1}), 400, "not_applied", "atomic")


def test_json_cut_short_after_good_items_counts_nothing(gateway, resource):
    body = b'{"increments":[{"resource_id":"%s","counter_type":"like"},' % resource.encode()
    check_problem(gateway.post(INCREMENT_BATCH, body), 400, "not_applied")
    assert read(gateway, resource) == 0


def test_an_idempotency_key_header_on_a_batch_is_refused(gateway, resource):
    body = {"increments": [item(resource)]}
    check_problem(
        gateway.post(INCREMENT_BATCH, body, [("Idempotency-Key", "k")]), 400, "not_applied", "Idempotency-Key"
    )
    assert read(gateway, resource) == 0


def test_another_media_type_is_415(gateway, resource):
    body = {"increments": [item(resource)]}
    check_problem(gateway.post(INCREMENT_BATCH, body, [("Content-Type", "text/plain")]), 415, "not_applied")
    assert read(gateway, resource) == 0
