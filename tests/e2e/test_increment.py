"""POST /api/v1/counter/increment: what counts, what is refused, and that a refusal counts nothing."""

import grpc
import pytest

from harness.calls import (
    INCREMENT,
    INT64_MAX,
    INT64_MIN,
    JSON_MAX,
    fill_counter_types,
    increment,
    item,
    read,
    set_value,
)
from harness.problems import check_problem
from harness.stubs import pb


def post_raw(gateway, body, content_type="application/json"):
    headers = [("Content-Type", content_type)]
    return gateway.post(INCREMENT, body if isinstance(body, bytes) else body.encode(), headers)


def post_number(gateway, resource, number):
    """An increment whose number is written exactly so."""
    return post_raw(gateway, f'{{"resource_id":"{resource}","counter_type":"like","increment":{number}}}')


def test_an_increment_answers_resource_type_and_new_value(gateway, resource):
    response = increment(gateway, resource, "view", increment=5)
    assert response.status == 200
    assert response.header("content-type").startswith("application/json")
    assert response.json() == {"resource_id": resource, "counter_type": "view", "value": 5}
    assert increment(gateway, resource, "view", increment=2).json()["value"] == 7
    assert read(gateway, resource, "view") == 7


def test_without_increment_it_is_one(gateway, resource):
    assert increment(gateway, resource).json()["value"] == 1
    assert increment(gateway, resource).json()["value"] == 2


def test_a_counter_may_go_below_zero(gateway, resource):
    assert increment(gateway, resource, increment=3).json()["value"] == 3
    assert increment(gateway, resource, increment=-10).json()["value"] == -7
    assert read(gateway, resource) == -7


@pytest.mark.parametrize(
    ("number", "counted"),
    [
        (JSON_MAX, JSON_MAX),
        (-JSON_MAX, -JSON_MAX),
        ("1.0", 1),
        ("-2.000", -2),
        ("1e2", 100),
        ("1E+2", 100),
        ("1.5e1", 15),
        ("100e-2", 1),
        ("9007199254740991.0", JSON_MAX),
    ],
)
def test_every_way_to_write_an_integer_counts_exactly(gateway, resource, number, counted):
    response = post_number(gateway, resource, number)
    assert response.status == 200, response
    assert response.json()["value"] == counted
    assert read(gateway, resource) == counted


@pytest.mark.parametrize(
    "number",
    [
        "0", "-0", "0.0", "0e5", "1.5", "1e-1", "9007199254740992", "-9007199254740992", "9007199254740993",
        "9007199254740990.5", "9223372036854775807", "1e16", "1e400", "18446744073709551617", '"1"', '""', "true",
        "false", "[]", "[1]", "{}",
    ],
)  # fmt: skip
def test_what_is_no_integer_in_range_is_refused_and_named(gateway, resource, number):
    check_problem(post_number(gateway, resource, number), 400, "not_applied", "increment")
    assert read(gateway, resource) == 0


@pytest.mark.parametrize("number", ["01", "+1", ".5", "1.", "0x10", "NaN", "Infinity", "-", "1e", "1_000", "--1", "1,"])
def test_what_is_no_json_number_is_refused(gateway, resource, number):
    check_problem(post_number(gateway, resource, number), 400, "not_applied")
    assert read(gateway, resource) == 0


@pytest.mark.parametrize("start", [2**53 + 1, 10**14 + 1, 2**62 + 1, INT64_MAX - 1, INT64_MIN, -(2**53) - 3])
def test_values_keep_all_their_digits(gateway, rpc, resource, start):
    set_value(rpc, resource, start)
    response = increment(gateway, resource)
    assert b'"value":%d' % (start + 1) in response.body.replace(b" ", b"")
    assert read(gateway, resource) == start + 1


@pytest.mark.parametrize(("start", "step"), [(INT64_MAX, 1), (INT64_MIN, -1), (INT64_MAX - 5, JSON_MAX)])
def test_an_overflow_is_a_conflict_and_changes_nothing(gateway, rpc, resource, start, step):
    set_value(rpc, resource, start)
    check_problem(increment(gateway, resource, increment=step), 409, "not_applied")
    assert read(gateway, resource) == start
    assert increment(gateway, resource, increment=-step).json()["value"] == start - step


def test_the_1001st_counter_type_is_a_conflict_and_changes_nothing(gateway, rpc, resource):
    fill_counter_types(rpc, resource, 1000)
    check_problem(increment(gateway, resource, "one-more", increment=7), 409, "not_applied")
    assert len(gateway.get(f"/api/v1/counter/{resource}").json()["counters"]) == 1000
    assert read(gateway, resource, "one-more") == 0
    assert increment(gateway, resource, "t999").json()["value"] == 2


@pytest.mark.parametrize(
    "resource_id",
    ["x" * 256, "é" * 128, "a/b", "a b", "100%", "user:1", "ключ", "日本", "😀", "\"quoted\"", "back\\slash", "...",
     "?a=b#c", "[0]"],
)  # fmt: skip
def test_a_resource_id_is_any_text_up_to_256_bytes(gateway, resource_id):
    before = read(gateway, resource_id)
    response = increment(gateway, resource_id)
    assert response.json() == {"resource_id": resource_id, "counter_type": "like", "value": before + 1}
    assert read(gateway, resource_id) == before + 1


@pytest.mark.parametrize(
    "resource_id",
    ["", "x" * 257, "é" * 129, "a\nb", "a\tb", "\x01", "\x1f", "\x7f", "\x80", "\x9f", "{a}", "a{", "a}"],
)
def test_a_bad_resource_id_is_refused_and_named(gateway, resource_id):
    check_problem(increment(gateway, resource_id), 400, "not_applied", "resource_id")


@pytest.mark.parametrize("counter_type", ["a", "a_b.c-9", "z" * 64])
def test_a_good_counter_type_counts(gateway, resource, counter_type):
    assert increment(gateway, resource, counter_type).json()["value"] == 1


@pytest.mark.parametrize(
    "counter_type", ["", "Like", "1x", "_x", "-x", ".x", "z" * 65, "a b", "é", "a/b", "a:b", "a\n"]
)
def test_a_bad_counter_type_is_refused_and_named(gateway, resource, counter_type):
    check_problem(increment(gateway, resource, counter_type), 400, "not_applied", "counter_type")


@pytest.mark.parametrize("user_id", ["", "u", "x" * 128, "é" * 64])
def test_a_good_user_id_is_taken(gateway, resource, user_id):
    assert increment(gateway, resource, user_id=user_id).status == 200


@pytest.mark.parametrize("user_id", ["x" * 129, "é" * 65, 5, ["u"]])
def test_a_bad_user_id_is_refused_and_named(gateway, resource, user_id):
    check_problem(increment(gateway, resource, user_id=user_id), 400, "not_applied", "user_id")
    assert read(gateway, resource) == 0


@pytest.mark.parametrize("field", ["resource_id", "counter_type"])
@pytest.mark.parametrize("value", [None, 5, True, ["a"], {"a": 1}])
def test_a_field_of_a_wrong_type_is_named(gateway, field, value):
    body = {"resource_id": "r", "counter_type": "like", field: value}
    check_problem(gateway.post(INCREMENT, body), 400, "not_applied", field)


@pytest.mark.parametrize("field", ["resource_id", "counter_type"])
def test_a_missing_field_is_named(gateway, field):
    body = {"resource_id": "r", "counter_type": "like"}
    del body[field]
    check_problem(gateway.post(INCREMENT, body), 400, "not_applied", field)


@pytest.mark.parametrize("field", ["delta", "Increment", "value", "idempotency_key", "x" * 40, "résumé"])
def test_a_field_that_the_call_does_not_know_is_named(gateway, resource, field):
    check_problem(increment(gateway, resource, **{field: 5}), 400, "not_applied", field)
    assert read(gateway, resource) == 0


@pytest.mark.parametrize("field", ["resource_id", "counter_type", "increment", "user_id"])
def test_a_field_given_twice_is_named(gateway, resource, field):
    values = {"resource_id": f'"{resource}"', "counter_type": '"like"', "increment": "5", "user_id": '"u"'}
    members = [f'"{name}":{value}' for name, value in values.items()] + [f'"{field}":{values[field]}']
    check_problem(post_raw(gateway, "{" + ",".join(members) + "}"), 400, "not_applied", field)
    assert read(gateway, resource) == 0


GOOD = b'{"resource_id":"never-counted","counter_type":"like"}'


@pytest.mark.parametrize(
    "body",
    [
        b"", b" ", b"{", b"}", b"[]", b'"x"', b"null", b"5", b"not json", GOOD[:-1], GOOD + b"x", GOOD + GOOD,
        GOOD + b"\x00", b"\x00" + GOOD, b"\xef\xbb\xbf" * 2 + GOOD, b"[" + GOOD + b"]", GOOD.replace(b'"', b"'"),
        GOOD.replace(b":", b"=", 1), GOOD.replace(b"}", b",}"), b"/**/" + GOOD, b"[" * 10000,
        b'{"a":' * 2000, b"\xff\xfe" + GOOD,
    ],
)  # fmt: skip
def test_what_is_not_one_json_object_is_refused(gateway, body):
    check_problem(post_raw(gateway, body), 400, "not_applied")
    assert read(gateway, "never-counted") == 0


@pytest.mark.parametrize(
    "text",
    [rb"a\u0000b", rb"\ud800", rb"\udc00x", b"\xff", b"\xc3\x28", b"\xed\xa0\x80", b"\xc0\x80", rb"\x41", b"a\x00b"],
)
def test_a_string_that_is_no_clean_unicode_is_refused(gateway, text):
    check_problem(post_raw(gateway, b'{"resource_id":"%s","counter_type":"like"}' % text), 400, "not_applied")


def test_json_escapes_and_white_space_mean_what_they_mean(gateway, resource):
    body = f' {{\n"resource_id"\t:"{resource}-\\u00e9\\ud83d\\ude00\\/",\r\n "counter_\\u0074ype": "lik\\u0065" }}\n '
    response = post_raw(gateway, body)
    assert response.json() == {"resource_id": f"{resource}-é😀/", "counter_type": "like", "value": 1}


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json; charset=utf-8",
        'application/json;Charset="UTF-8"',
        "Application/JSON",
        "application/json ;x=y",
    ],
)
def test_the_media_type_is_compared_as_the_standard_says(gateway, resource, content_type):
    body = f'{{"resource_id":"{resource}","counter_type":"like"}}'
    assert post_raw(gateway, body, content_type).json()["value"] == 1


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "text/plain",
        "application/jsonx",
        "application/json-patch+json",
        "application/x-www-form-urlencoded",
        "application/json; charset=latin1",
        "application/json; charset=utf-16",
        "json",
    ],
)
def test_another_media_type_is_415(gateway, resource, content_type):
    body = f'{{"resource_id":"{resource}","counter_type":"like"}}'
    check_problem(post_raw(gateway, body, content_type), 415, "not_applied")
    assert read(gateway, resource) == 0


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate", "identity, gzip"])
def test_a_compressed_body_is_415(gateway, resource, coding):
    response = gateway.post(INCREMENT, item(resource), [("Content-Encoding", coding)])
    check_problem(response, 415, "not_applied", "Content-Encoding")
    assert response.header("accept-encoding") == "identity"
    assert gateway.post(INCREMENT, item(resource), [("Content-Encoding", "Identity")]).json()["value"] == 1


def test_a_byte_order_mark_is_skipped(gateway, resource):
    body = b'\xef\xbb\xbf{"resource_id":"%s","counter_type":"like"}' % resource.encode()
    assert post_raw(gateway, body).json()["value"] == 1


def test_null_says_that_an_optional_field_is_absent(gateway, resource):
    response = increment(gateway, resource, user_id=None, increment=None)
    assert response.status == 200 and response.json()["value"] == 1
    check_problem(gateway.post(INCREMENT, {"resource_id": resource, "counter_type": None}), 400, says="counter_type")


@pytest.mark.parametrize("resource_id", [".", ".."])
def test_a_dot_segment_is_no_resource(gateway, rpc, resource_id):
    check_problem(increment(gateway, resource_id), 400, "not_applied", "resource_id must not be")
    check_problem(gateway.get(f"/api/v1/counter/{resource_id.replace('.', '%2E')}/like"), 400, says="resource_id")
    with pytest.raises(grpc.RpcError) as error:
        rpc.Increment(pb.IncrementRequest(resource_id=resource_id, counter_type="like", delta=1), timeout=5)
    assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "resource_id must not be" in error.value.details()
