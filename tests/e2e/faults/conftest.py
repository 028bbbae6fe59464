"""The clusters that are broken here."""

import pytest

from harness.daemons import SHIPPED_TIMEOUTS


@pytest.fixture(scope="module")
def stack(start_cluster):
    return start_cluster(services=2, gateways=2, service=SHIPPED_TIMEOUTS, gateway=SHIPPED_TIMEOUTS)


@pytest.fixture(scope="module")
def patient_stack(start_cluster):
    """With longer time-outs: for faults that nobody is to notice, on a machine that may stand still for a second."""
    return start_cluster(services=2, gateways=2)
