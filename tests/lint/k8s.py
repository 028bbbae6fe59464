"""What deploy/k8s says against the API's schemas, against the programs, and against the arrows of ARCHITECTURE.md.

k8s.py DIRECTORY KUBECTL: where the programs are, and a kubectl that knows components of kustomizations.
"""

import pathlib
import re
import subprocess
import sys

import kubernetes_validate
import yaml

from programs import PROGRAMS, drain_seconds, effective, ports_of

API_VERSION = "1.34"
OVERLAYS = (pathlib.Path("deploy/k8s/overlays/example"), pathlib.Path("tests/k8s/overlay"))
# Of other projects; the API server knows them when their operators are installed.
OTHER_APIS = {"monitoring.coreos.com/v1"}
# Who speaks to whom on which port, in each overlay; "*" is everybody.
TALLY = {
    ("*", "gateway", 8080),
    ("gateway", "counter-service", 50051),
    ("gateway", "kube-dns", 53),
    ("counter-service", "kube-dns", 53),
}
ARROWS = {
    "example": TALLY
    | {
        ("gateway", "consul", 8500),
        ("counter-service", "consul", 8500),
        ("consul", "gateway", 8080),
        ("consul", "counter-service", 50051),
        ("counter-service", "redis", 6379),
    },
    "overlay": TALLY
    | {
        ("counter-service", "10.0.0.0/8", 6379),
        ("prometheus", "gateway", 8080),
        ("prometheus", "counter-service", 50052),
    },
}


def rendered(overlay):
    run = subprocess.run([sys.argv[2], "kustomize", overlay], capture_output=True, text=True, check=False)
    if run.returncode != 0:
        sys.exit(f"{overlay}: {run.stderr.strip()}")
    return list(yaml.safe_load_all(run.stdout))


class Stack:
    """The objects of one overlay."""

    def __init__(self, objects):
        self.objects = objects
        self.workloads = {one["metadata"]["name"]: one for one in self.of("Deployment", "StatefulSet")}
        self.services = {one["metadata"]["name"]: one for one in self.of("Service")}

    def of(self, *kinds):
        return [one for one in self.objects if one["kind"] in kinds]

    def pod(self, name):
        return self.workloads[name]["spec"]["template"]

    def container(self, name):
        return self.pod(name)["spec"]["containers"][0]

    def ports(self, name):
        """By name: the numbers of a pod's ports."""
        return {port["name"]: port["containerPort"] for port in self.container(name)["ports"]}


def schema_problems(stack):
    for one in stack.objects:
        if one["apiVersion"] in OTHER_APIS:
            continue
        try:
            kubernetes_validate.validate(one, API_VERSION, strict=True)
        except kubernetes_validate.ValidationError as error:
            path = ".".join(str(part) for part in error.path)
            yield f"{one['kind']} {one['metadata']['name']}: {path}: {error.message}"


# ---- any pod ---------------------------------------------------------------------------------------------------------


def confined_problems(stack, name):
    pod, container = stack.pod(name)["spec"], stack.container(name)
    wanted = {
        "runAsNonRoot": pod.get("securityContext", {}).get("runAsNonRoot") is True,
        "a numeric user": pod.get("securityContext", {}).get("runAsUser", 0) > 0,
        "seccomp RuntimeDefault": pod.get("securityContext", {}).get("seccompProfile") == {"type": "RuntimeDefault"},
        "readOnlyRootFilesystem": container["securityContext"].get("readOnlyRootFilesystem") is True,
        "no privilege escalation": container["securityContext"].get("allowPrivilegeEscalation") is False,
        "no capabilities": container["securityContext"].get("capabilities") == {"drop": ["ALL"]},
        "no token": pod.get("automountServiceAccountToken") is False,
        "no service links": pod.get("enableServiceLinks") is False,
        "requests of CPU and memory": container["resources"]["requests"].keys() == {"cpu", "memory"},
        "a limit of memory": "memory" in container["resources"]["limits"],
        "an image of a version": re.search(r":v?\d+\.\d+\.\d+[\w.-]*$", container["image"]) is not None,
        "a readinessProbe": "readinessProbe" in container,
        "a livenessProbe": "livenessProbe" in container,
    }
    for what, holds in wanted.items():
        if not holds:
            yield f"{name}: lacks {what}"


def selector_problems(stack):
    """Each selector finds a pod, each port of a Service is one of it, each scaled or protected thing is there."""
    for name, service in stack.services.items():
        found = [pod for pod in stack.workloads if selects(service["spec"]["selector"], labels_of(stack, pod))]
        if not found:
            yield f"Service {name}: selects no pod"
        for port in service["spec"]["ports"]:
            if any(port["targetPort"] not in stack.ports(pod) for pod in found):
                yield f"Service {name}: no pod has a port {port['targetPort']}"
    for budget in stack.of("PodDisruptionBudget"):
        if not any(matches(budget["spec"]["selector"], labels_of(stack, pod)) for pod in stack.workloads):
            yield f"PodDisruptionBudget {budget['metadata']['name']}: selects no pod"
    for scaler in stack.of("HorizontalPodAutoscaler"):
        if scaler["spec"]["scaleTargetRef"]["name"] not in stack.workloads:
            yield f"HorizontalPodAutoscaler {scaler['metadata']['name']}: scales nothing that is there"
    for monitor in stack.of("ServiceMonitor"):
        selector = monitor["spec"]["selector"]
        found = [one for one in stack.services.values() if matches(selector, one["metadata"].get("labels", {}))]
        ports = {port["name"] for service in found for port in service["spec"]["ports"]}
        for endpoint in monitor["spec"]["endpoints"]:
            if endpoint["port"] not in ports:
                yield f"ServiceMonitor {monitor['metadata']['name']}: no Service has a port {endpoint['port']}"


# ---- Tally's own pods ------------------------------------------------------------------------------------------------


def variables_of(stack, name):
    """Values that only a cluster knows are examples of their kind."""
    examples = {"status.podIP": "10.1.2.3"}
    found = {}
    for variable in stack.container(name)["env"]:
        if "value" in variable:
            found[variable["name"]] = variable["value"]
        elif "fieldRef" in variable["valueFrom"]:
            found[variable["name"]] = examples[variable["valueFrom"]["fieldRef"]["fieldPath"]]
        else:
            found[variable["name"]] = "a secret"
    return found


def probe_problems(stack, name, settings, paths):
    container, ports = stack.container(name), stack.ports(name)
    for kind in ("startupProbe", "livenessProbe", "readinessProbe"):
        probe = container[kind]
        if "grpc" in probe and probe["grpc"]["port"] != settings["counter_service"]["port"]:
            yield f"{name}: {kind} asks another port than counter_service.port"
        if "httpGet" in probe and probe["httpGet"]["path"] not in paths:
            yield f"{name}: {kind}: {probe['httpGet']['path']} is no path of proto/openapi.yaml"
        if "httpGet" in probe and probe["httpGet"]["port"] not in ports:
            yield f"{name}: {kind} asks a port that the pod lacks"


def address_problems(stack, name, variables):
    """Each host:port without a dot in its name is a Service's, on a port of its."""
    for variable, value in variables.items():
        match = re.fullmatch(r"([a-z][\w-]*):(\d+)", value)
        if match is None:
            continue
        service = stack.services.get(match.group(1))
        if service is None:
            yield f"{name}: {variable} names {match.group(1)}, which is no Service"
        elif int(match.group(2)) not in [port["port"] for port in service["spec"]["ports"]]:
            yield f"{name}: {variable}: the Service {match.group(1)} has no port {match.group(2)}"


def tally_problems(stack, name, version, paths):
    variables = variables_of(stack, name)
    settings, refusal = effective(name, variables)
    if settings is None:
        yield f"{name}: {refusal}"
        return
    pod, container = stack.pod(name)["spec"], stack.container(name)
    if container["image"] != f"tally-{name}:{version}":
        yield f"{name}: the image is not tally-{name}:{version}, as VERSION says"
    user = re.search(r"^USER (\d+):(\d+)$", pathlib.Path("deploy/docker/Dockerfile").read_text(), re.MULTILINE)
    if [str(pod["securityContext"][key]) for key in ("runAsUser", "runAsGroup")] != list(user.groups()):
        yield f"{name}: runs as another user than its image"
    if set(stack.ports(name).values()) != ports_of(name, settings):
        yield f"{name}: its ports are not {ports_of(name, settings)}"
    if pod["terminationGracePeriodSeconds"] <= drain_seconds(settings):
        yield f"{name}: terminationGracePeriodSeconds is not longer than draining"
    mounts = [mount["mountPath"] for mount in container["volumeMounts"]]
    if container["args"] != ["--config", f"{mounts[0]}/config.yaml"]:
        yield f"{name}: the configuration that it reads is not the one that is mounted"
    yield from probe_problems(stack, name, settings, paths)
    yield from address_problems(stack, name, variables)


# ---- arrows ----------------------------------------------------------------------------------------------------------


def selects(wanted, labels):
    return wanted.items() <= labels.items()


def matches(selector, labels):
    """A LabelSelector; the operators that stand in the manifests."""
    expressions = selector.get("matchExpressions", [])
    assert all(one["operator"] == "In" for one in expressions)
    return selects(selector.get("matchLabels", {}), labels) and all(
        labels.get(one["key"]) in one["values"] for one in expressions
    )


def labels_of(stack, name):
    return stack.pod(name)["metadata"]["labels"]


def peers_of(stack, peers):
    """The names behind a rule's `to` or `from`: pods, a network, or pods of another namespace."""
    if peers is None:
        return {"*"}
    found = set()
    for peer in peers:
        if "ipBlock" in peer:
            found.add(peer["ipBlock"]["cidr"])
        elif "namespaceSelector" in peer:
            found |= set(peer["podSelector"]["matchLabels"].values())
        else:
            found |= {name for name in stack.workloads if matches(peer["podSelector"], labels_of(stack, name))}
    return found


def rules_of(stack, direction, other):
    """(pod, peer, port) for each that a policy allows, with named ports as the numbers of the pod that has them."""
    found = set()
    for policy in stack.of("NetworkPolicy"):
        pods = [name for name in stack.workloads if matches(policy["spec"]["podSelector"], labels_of(stack, name))]
        for rule in policy["spec"].get(direction, []):
            for pod in pods:
                for peer in peers_of(stack, rule.get(other)):
                    owner = pod if direction == "ingress" else peer
                    for port in rule["ports"]:
                        number = stack.ports(owner)[port["port"]] if isinstance(port["port"], str) else port["port"]
                        found.add((pod, peer, number))
    return found


def is_closed(stack, name, direction):
    return any(
        direction in policy["spec"]["policyTypes"] and matches(policy["spec"]["podSelector"], labels_of(stack, name))
        for policy in stack.of("NetworkPolicy")
    )


def arrow_problems(stack, wanted):
    for name in stack.workloads:
        for direction in ("Ingress", "Egress"):
            if not is_closed(stack, name, direction):
                yield f"{name}: no NetworkPolicy closes its {direction}"
    leave = rules_of(stack, "egress", "to")
    come = {(peer, pod, port) for pod, peer, port in rules_of(stack, "ingress", "from")}
    inside = set(stack.workloads)
    # Between two pods both ends must allow it; where one end is elsewhere, the other's word is all there is.
    arrows = {one for one in leave | come if one in leave and one in come or not {one[0], one[1]} <= inside}
    for source, target, port in sorted((leave | come) - arrows):
        yield f"NetworkPolicies: {source} to {target}:{port} is allowed at one end only"
    for source, target, port in sorted(wanted - arrows):
        yield f"NetworkPolicies: {source} to {target}:{port} is missing"
    for source, target, port in sorted(arrows - wanted):
        yield f"NetworkPolicies: {source} to {target}:{port} is no arrow of the architecture"


def main():
    version = pathlib.Path("VERSION").read_text(encoding="ascii").strip()
    paths = yaml.safe_load(pathlib.Path("proto/openapi.yaml").read_text())["paths"]
    status = 0
    for overlay in OVERLAYS:
        stack = Stack(rendered(overlay))
        problems = [*schema_problems(stack)]
        problems += [problem for name in stack.workloads for problem in confined_problems(stack, name)]
        problems += selector_problems(stack)
        problems += [problem for name in PROGRAMS for problem in tally_problems(stack, name, version, paths)]
        problems += arrow_problems(stack, ARROWS[overlay.name])
        for problem in problems:
            print(f"{overlay}: {problem}")
            status = 1
    return status


sys.exit(main())
