"""What deploy/k8s says against the API's schemas, against the programs, and against the arrows of ARCHITECTURE.md.

k8s.py DIRECTORY KUBECTL: where the programs are, and a kubectl that knows components of kustomizations.
"""

import contextlib
import pathlib
import subprocess
import sys

import kubernetes_validate
import yaml

from manifests.network import arrow_problems
from manifests.others import other_problems
from manifests.pods import pod_problems
from manifests.services import finding_problems
from manifests.stack import KINDS, Stack
from manifests.tally import all_tally_problems
from programs import PROGRAMS, Running

API_VERSION = "1.34"
OVERLAYS = {"example": pathlib.Path("deploy/k8s/overlays/example"), "overlay": pathlib.Path("tests/k8s/overlay")}
NAMESPACE = "tally"
# Of other projects; the API server knows them when their operators are installed.
OTHER_APIS = {"monitoring.coreos.com/v1"}
# What the example may ask for, in thousandths of a CPU: a machine with two has less than the half left.
EXAMPLE_CPU_MAX = 600
# Who speaks to whom, by which protocol on which port, in each overlay: see network.py.
TALLY = {
    ("*", "gateway", "TCP", 8080),
    ("gateway", "counter-service", "TCP", 50051),
    ("gateway", "kube-dns.kube-system", "UDP", 53),
    ("gateway", "kube-dns.kube-system", "TCP", 53),
    ("counter-service", "kube-dns.kube-system", "UDP", 53),
    ("counter-service", "kube-dns.kube-system", "TCP", 53),
}
ARROWS = {
    "example": TALLY
    | {
        ("gateway", "consul", "TCP", 8500),
        ("counter-service", "consul", "TCP", 8500),
        ("consul", "gateway", "TCP", 8080),
        ("consul", "counter-service", "TCP", 50051),
        ("counter-service", "redis", "TCP", 6379),
    },
    "overlay": TALLY
    | {
        ("counter-service", "10.0.0.0/8", "TCP", 6379),
        ("counter-service", "10.0.0.0/8", "TCP", 9092),
        ("gateway", "opentelemetry-collector.tracing", "TCP", 4318),
        ("counter-service", "opentelemetry-collector.tracing", "TCP", 4318),
        ("prometheus.monitoring", "gateway", "TCP", 8080),
        ("prometheus.monitoring", "counter-service", "TCP", 50052),
    },
}


def rendered(overlay):
    """Its objects."""
    command = [sys.argv[2], "kustomize", OVERLAYS[overlay]]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode != 0:
        sys.exit(f"{OVERLAYS[overlay]}: {run.stderr.strip()}")
    return list(yaml.load_all(run.stdout, getattr(yaml, "CSafeLoader", yaml.SafeLoader)))


@contextlib.contextmanager
def running_programs():
    with contextlib.ExitStack() as ends:
        yield {program: ends.enter_context(Running(program)) for program in PROGRAMS}


def schema_problems(objects):
    for one in objects:
        if one["apiVersion"] in OTHER_APIS:
            continue
        try:
            kubernetes_validate.validate(one, API_VERSION, strict=True)
        except kubernetes_validate.ValidationError as error:
            path = ".".join(str(part) for part in error.path)
            yield f"{one['kind']} {one['metadata']['name']}: {path}: {error.message}"


def namespace_problems(stack):
    for one in stack.objects:
        who = f"{one['kind']} {one['metadata']['name']}"
        if one["kind"] not in KINDS:
            yield f"{who}: is of a kind that k8s.py does not know"
        found = one["metadata"]["name"] if one["kind"] == "Namespace" else one["metadata"].get("namespace")
        if found != NAMESPACE:
            yield f"{who}: the namespace is {found}, not {NAMESPACE}"
    for one in stack.of("Namespace"):
        if one["metadata"]["labels"].get("pod-security.kubernetes.io/enforce") != "restricted":
            yield "Namespace tally: does not enforce the restricted standard"


def cpu_problems(stack):
    scalers = stack.named("HorizontalPodAutoscaler")
    total = 0
    for name, workload in stack.workloads.items():
        replicas = scalers[name]["spec"]["minReplicas"] if name in scalers else workload["spec"].get("replicas", 1)
        for container in stack.containers(name):
            total += replicas * int(container["resources"]["requests"]["cpu"].removesuffix("m"))
    if total > EXAMPLE_CPU_MAX:
        yield f"all pods ask for {total}m of CPU, more than {EXAMPLE_CPU_MAX}m"


def problems_of(overlay, stack, running):
    """All but those of the schemas."""
    for name in PROGRAMS:
        if name not in stack.workloads:
            yield f"there is no Deployment {name}"
            return
    yield from namespace_problems(stack)
    for name in stack.workloads:
        yield from pod_problems(stack, name)
    yield from other_problems(stack)
    yield from finding_problems(stack, running)
    yield from all_tally_problems(stack, running)
    yield from arrow_problems(stack, ARROWS[overlay])
    if overlay == "example":
        yield from cpu_problems(stack)


def main():
    status = 0
    with running_programs() as running:
        for overlay, folder in OVERLAYS.items():
            stack = Stack(rendered(overlay))
            # All else looks at objects that are whole.
            for problem in [*schema_problems(stack.objects)] or problems_of(overlay, stack, running):
                print(f"{folder}: {problem}", flush=True)
                status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
