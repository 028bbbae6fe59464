"""Did each service that is in no profile start only when those that it depends on were healthy, as
deploy/docker-compose.yml says?

compose_order.py EVENTS: a file of `docker events --format '{{json .}}'` since before the first start.
"""

import json
import pathlib
import sys

from compose_file import plain_services


def first_times(events, action):
    """When it first happened to each service."""
    times = {}
    for event in events:
        if event["Action"] == action:
            times.setdefault(event["Actor"]["Attributes"]["com.docker.compose.service"], event["timeNano"])
    return times


def main():
    services = plain_services()
    events = [json.loads(line) for line in pathlib.Path(sys.argv[1]).read_text().splitlines()]
    started = first_times(events, "start")
    healthy = first_times(events, "health_status: healthy")
    problems = [f"{name} did not become healthy" for name in services.keys() - healthy.keys()]
    for name, service in services.items():
        for other in service.get("depends_on", {}):
            if not problems and started[name] < healthy[other]:
                problems.append(f"{name} started before {other} was healthy")
    print("\n".join(problems))
    return 1 if problems else 0


sys.exit(main())
