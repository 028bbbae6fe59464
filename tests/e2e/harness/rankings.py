"""What a test asks of rankings, and what its FakeService answers."""

from harness.fake_service import Failure
from harness.stubs import pb

TOP = "/api/v1/rankings/like?window=day"
RANK = "/api/v1/rankings/like/article_001?window=24h"
AS_OF_MS = 1795600800123  # 2026-11-25T10:00:00.123Z


def state(**fields):
    return pb.RankingState(**{"period": "2026-11-25", "as_of_ms": AS_OF_MS, "complete": True, **fields})


def ranked(rank, resource_id, score, **fields):
    return pb.RankedResource(rank=rank, resource_id=resource_id, score=score, **fields)


def top(*entries, **fields):
    return pb.TopCountersResponse(state=state(**fields), entries=entries)


def will_answer(fake, response):
    fake.will_answer(lambda _: response.SerializeToString())


def will_fail(fake, code, outcome="not_applied", message="made by the test"):
    fake.will_answer(lambda _: Failure(code, outcome, message))
