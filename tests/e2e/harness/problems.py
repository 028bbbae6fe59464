"""What every error of the REST interface must look like."""

ANY = object()


def check_problem(response, status, outcome=ANY, says=""):
    """RFC 9457 with our members. outcome: None for none. says: must be in the detail. Returns the document."""
    assert response.status == status, response
    assert response.header("content-type") == "application/problem+json", response
    problem = response.json()
    check_problem_document(problem, status, outcome, says)
    return problem


def check_problem_document(problem, status, outcome=ANY, says=""):
    assert set(problem) - {"outcome"} == {"type", "title", "status", "detail"}, problem
    assert "/problems/" in problem["type"], problem
    assert problem["title"] and problem["detail"], problem
    assert problem["status"] == status, problem
    assert says in problem["detail"], problem
    if outcome is not ANY:
        assert problem.get("outcome") == outcome, problem


def check_retry_after(response):
    """Whole seconds, at least 1."""
    assert int(response.header("retry-after")) >= 1, response
