"""Real rankings, as a test waits for and reads them."""

from datetime import UTC, datetime

from harness.wait import wait_until

ENTRIES_MAX = 1000


def top(gateway, counter_type, query):
    response = gateway.get(f"/api/v1/rankings/{counter_type}?{query}")
    assert response.status == 200, response
    return response.json()


def entries_of(answer):
    return [(entry["resource_id"], entry["score"]) for entry in answer["entries"]]


def wait_ranked(gateway, counter_type, window="all", timeout=60):
    """Until every increment that was answered by now is in the rankings. They have cache_ttl: 0s."""
    now = datetime.now(UTC)

    def has_all():
        return datetime.fromisoformat(top(gateway, counter_type, f"window={window}&limit=1")["as_of"]) > now

    wait_until(has_all, timeout, "every event to be ranked")


def whole_order(gateway, counter_type, window):
    """Every resource and its score, as far as they are kept in order."""
    found = []
    while True:
        answer = top(gateway, counter_type, f"window={window}&limit={ENTRIES_MAX}&offset={len(found)}")
        assert answer["complete"], answer
        found += entries_of(answer)
        if len(answer["entries"]) < ENTRIES_MAX:
            return found


def ordered(scores):
    """Of a dict: what the order must be."""
    return sorted(scores.items(), key=lambda entry: (-entry[1], entry[0].encode()))
