"""Which of the services follows the outbox."""

from harness.wait import wait_until

# Components of /health, and their fields that tell.
RELAY = ("events", "relay")
AGGREGATOR = ("rankings", "aggregator")

# More than LEASE_MS of relay_run.c and aggregator_run.c.
TAKE_OVER_SECONDS = 30


def health_of(service, part):
    return service.get("/health").json()["components"][part[0]]


def leader(stack, part):
    """None: nobody does."""
    for service in stack.services:
        if service.is_running and health_of(service, part)[part[1]] == "leads":
            return service
    return None


def kill_leader(stack, part):
    """Another one has taken over when this returns, and it is started again."""
    replace(stack, part, wait_until(lambda: leader(stack, part), TAKE_OVER_SECONDS))


def replace(stack, part, victim):
    victim.kill()
    wait_until(lambda: leader(stack, part), TAKE_OVER_SECONDS, what="the other one to take over")
    victim.start()
    stack.wait_ready()
