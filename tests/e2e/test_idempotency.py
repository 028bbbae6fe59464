"""Idempotency-Key: a repeated request counts once."""

import uuid

import pytest

from harness.calls import INCREMENT, INT64_MAX, increment, increment_batch, item, read, set_value
from harness.problems import check_problem, check_problem_document


@pytest.fixture
def key():
    return uuid.uuid4().hex


def test_a_replay_answers_the_first_value_and_says_so(gateway, resource, key):
    first = increment(gateway, resource, key=key, increment=5)
    assert (first.status, first.json()["value"], first.header("idempotent-replayed")) == (200, 5, None)
    increment(gateway, resource, increment=100)
    again = increment(gateway, resource, key=key, increment=5)
    assert (again.status, again.header("idempotent-replayed")) == (200, "true")
    assert again.json() == first.json()
    assert read(gateway, resource) == 105


def test_the_default_increment_is_the_same_request_as_one(gateway, resource, key):
    increment(gateway, resource, key=key)
    assert increment(gateway, resource, key=key, increment=1).header("idempotent-replayed") == "true"
    assert read(gateway, resource) == 1


def test_no_user_is_the_same_request_as_an_empty_one(gateway, resource, key):
    increment(gateway, resource, key=key)
    assert increment(gateway, resource, key=key, user_id="").header("idempotent-replayed") == "true"
    assert read(gateway, resource) == 1


@pytest.mark.parametrize("other", [{"increment": 6}, {"increment": -5}, {"user_id": "other"}, {"user_id": ""}])
def test_a_key_reused_with_another_request_is_422(gateway, resource, key, other):
    fields = {"increment": 5, "user_id": "u"}
    increment(gateway, resource, key=key, **fields)
    check_problem(increment(gateway, resource, key=key, **(fields | other)), 422, "not_applied")
    assert read(gateway, resource) == 5
    assert increment(gateway, resource, key=key, **fields).header("idempotent-replayed") == "true"


def test_a_key_belongs_to_one_counter(gateway, resource, key):
    assert increment(gateway, resource, "like", key=key).header("idempotent-replayed") is None
    assert increment(gateway, resource, "view", key=key).header("idempotent-replayed") is None
    assert increment(gateway, resource + "x", "like", key=key).header("idempotent-replayed") is None
    assert (read(gateway, resource, "like"), read(gateway, resource, "view")) == (1, 1)


def test_the_parts_of_a_stored_key_cannot_run_into_each_other(gateway, resource):
    for resource_id, counter_type, key in [
        ("a", "b", "c:d"),
        ("a", "b.c", "d"),
        ("a:b", "c", "d"),
        ("a:b:c", "d", "x"),
    ]:
        response = increment(gateway, f"{resource}{resource_id}", counter_type, key=key)
        assert response.header("idempotent-replayed") is None, (resource_id, counter_type, key)


@pytest.mark.parametrize("good", ["!", "~" * 128, 'a,b;c="d"', "{}", "0"])
def test_a_key_is_up_to_128_visible_characters(gateway, resource, good):
    assert increment(gateway, resource, key=good).status == 200
    assert increment(gateway, resource, key=good).header("idempotent-replayed") == "true"


@pytest.mark.parametrize("bad", ["", "x" * 129, "a b", "a\tb", "clé"])
def test_a_bad_key_is_refused_and_named(gateway, resource, bad):
    check_problem(increment(gateway, resource, key=bad), 400, "not_applied", "Idempotency-Key")
    assert read(gateway, resource) == 0


@pytest.mark.parametrize("second", ["k", "other"])
def test_a_repeated_header_is_refused(gateway, resource, second):
    headers = [("Idempotency-Key", "k"), ("idempotency-key", second)]
    check_problem(gateway.post(INCREMENT, item(resource), headers), 400, "not_applied", "Idempotency-Key")
    assert read(gateway, resource) == 0


def test_a_refused_increment_leaves_its_key_free(gateway, rpc, resource, key):
    set_value(rpc, resource, INT64_MAX)
    check_problem(increment(gateway, resource, key=key, increment=1), 409)
    check_problem(increment(gateway, resource, key=key, increment=0), 400)
    response = increment(gateway, resource, key=key, increment=-3)
    assert (response.json()["value"], response.header("idempotent-replayed")) == (INT64_MAX - 3, None)


def test_the_same_key_twice_in_one_batch_counts_once(gateway, resource, key):
    items = [item(resource, increment=4, idempotency_key=key)] * 3
    first, *others = increment_batch(gateway, items).json()["results"]
    assert first["value"] == 4 and not first.get("replayed")
    assert [(result["value"], result["replayed"]) for result in others] == [(4, True), (4, True)]
    assert read(gateway, resource) == 4


def test_a_key_reused_within_a_batch_is_that_items_error(gateway, resource, key):
    items = [item(resource, increment=step, idempotency_key=key) for step in (4, 5)] + [item(resource)]
    results = increment_batch(gateway, items).json()["results"]
    check_problem_document(results[1]["error"], 422, "not_applied")
    assert (results[0]["value"], results[2]["value"]) == (4, 5)


def test_single_and_batch_calls_share_their_keys(gateway, resource, key):
    increment(gateway, resource, key=key, increment=4)
    (result,) = increment_batch(gateway, [item(resource, increment=4, idempotency_key=key)]).json()["results"]
    assert (result["value"], result["replayed"]) == (4, True)
    assert read(gateway, resource) == 4


def test_a_key_is_kept_for_a_day_and_a_replay_does_not_lengthen_that(stack, gateway, resource, key):
    increment(gateway, resource, key=key)
    (name,) = [name for name in stack.redis.call("KEYS", "tally:*:i:*") if key.encode() in name]
    day = 24 * 3600 * 1000
    assert day - 60_000 < stack.redis.call("PTTL", name) <= day
    stack.redis.call("PEXPIRE", name, 50_000)
    assert increment(gateway, resource, key=key).header("idempotent-replayed") == "true"
    assert stack.redis.call("PTTL", name) <= 50_000
