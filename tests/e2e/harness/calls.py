"""The REST calls, as tests make them most."""

from urllib.parse import quote

from harness.stubs import pb

INCREMENT = "/api/v1/counter/increment"
INCREMENT_BATCH = "/api/v1/counter/increment/batch"
READ_BATCH = "/api/v1/counter/batch"

INT64_MAX = 2**63 - 1
INT64_MIN = -(2**63)
JSON_MAX = 2**53 - 1


def increment(gateway, resource_id, counter_type="like", key=None, **fields):
    headers = [("Idempotency-Key", key)] if key is not None else []
    return gateway.post(INCREMENT, {"resource_id": resource_id, "counter_type": counter_type, **fields}, headers)


def item(resource_id, counter_type="like", **fields):
    return {"resource_id": resource_id, "counter_type": counter_type, **fields}


def increment_batch(gateway, items):
    return gateway.post(INCREMENT_BATCH, {"increments": items})


def read_batch(gateway, queries):
    return gateway.post(READ_BATCH, {"queries": queries})


def counter_path(resource_id, counter_type=None):
    path = "/api/v1/counter/" + quote(resource_id, safe="")
    return path if counter_type is None else f"{path}/{quote(counter_type, safe='')}"


def read(gateway, resource_id, counter_type="like"):
    """The value of one counter."""
    response = gateway.get(counter_path(resource_id, counter_type))
    assert response.status == 200, response
    return response.json()["value"]


def set_value(rpc, resource_id, value, counter_type="like"):
    """Makes a new counter hold any int64 but 0."""
    return rpc.Increment(
        pb.IncrementRequest(resource_id=resource_id, counter_type=counter_type, delta=value), timeout=5
    )


def fill_counter_types(rpc, resource_id, count):
    """Gives a resource that many counter types."""
    items = [
        pb.IncrementRequest(resource_id=resource_id, counter_type=f"t{number}", delta=1) for number in range(count)
    ]
    reply = rpc.BatchIncrement(pb.BatchIncrementRequest(items=items), timeout=10)
    assert all(result.code == 0 for result in reply.results), reply
