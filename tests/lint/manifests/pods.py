"""Any pod: it is confined, and what it names is there."""

import re

from manifests.stack import finds_all, matches

PROBES = ("startupProbe", "livenessProbe", "readinessProbe")
WAYS = ("httpGet", "tcpSocket", "grpc", "exec")
QUANTITIES = {"cpu": re.compile(r"\d+m"), "memory": re.compile(r"\d+[MG]i")}
TOPOLOGY_KEYS = {"topology.kubernetes.io/zone", "kubernetes.io/hostname"}


def confined_problems(stack, name):
    pod = stack.pod(name)
    context = pod.get("securityContext", {})
    wanted = {
        "runAsNonRoot": context.get("runAsNonRoot") is True,
        "a numeric user": context.get("runAsUser", 0) > 0,
        "seccomp RuntimeDefault": context.get("seccompProfile") == {"type": "RuntimeDefault"},
        "no token": pod.get("automountServiceAccountToken") is False,
        "no service links": pod.get("enableServiceLinks") is False,
    }
    for container in stack.containers(name):
        wanted |= {f"{what} in {container['name']}": holds for what, holds in container_wants(container).items()}
    for what, holds in wanted.items():
        if not holds:
            yield f"{name}: lacks {what}"


def are_quantities(given, names):
    return given.keys() == names and all(QUANTITIES[name].fullmatch(given[name]) for name in names)


def container_wants(container):
    own = container.get("securityContext", {})
    resources = container.get("resources", {})
    return {
        "readOnlyRootFilesystem": own.get("readOnlyRootFilesystem") is True,
        "no privilege escalation": own.get("allowPrivilegeEscalation") is False,
        "no capabilities": own.get("capabilities") == {"drop": ["ALL"]},
        "requests of CPU and memory": are_quantities(resources.get("requests", {}), {"cpu", "memory"}),
        "a limit of memory, and of nothing else": are_quantities(resources.get("limits", {}), {"memory"}),
        "an image of a version": re.search(r":v?\d+\.\d+\.\d+[\w.-]*$", container["image"]) is not None,
        "a readinessProbe": "readinessProbe" in container,
        "a livenessProbe": "livenessProbe" in container,
    }


def key_problems(stack, who, kind, name, keys):
    known = stack.keys_of(kind)
    if name not in known:
        yield f"{who}: there is no {kind} {name}"
        return
    for key in keys:
        if key not in known[name]:
            yield f"{who}: the {kind} {name} has no key {key}"


def variable_problems(stack, name, container):
    """A reference that is optional must be right too: without it the program runs with its default."""
    for variable in container.get("env", []):
        for field, kind in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
            reference = variable.get("valueFrom", {}).get(field)
            if reference is not None:
                who = f"{name}: {variable['name']}"
                yield from key_problems(stack, who, kind, reference["name"], [reference["key"]])
    for source in container.get("envFrom", []):
        for field, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
            if field in source:
                yield from key_problems(stack, f"{name}: envFrom", kind, source[field]["name"], [])


def shell_problems(name, container):
    """Each $NAME of its commands is a variable of it."""
    known = {variable["name"] for variable in container.get("env", [])}
    words = [*container.get("command", []), *container.get("args", [])]
    for kind in PROBES:
        words += container.get(kind, {}).get("exec", {}).get("command", [])
    for variable in re.findall(r"\$[({]?(\w+)", " ".join(words)):
        if variable not in known:
            yield f"{name}: a command has ${variable}, which is no variable of it"


def volume_problems(stack, name):
    volumes = stack.pod(name).get("volumes", [])
    for volume in volumes:
        who = f"{name}: volume {volume['name']}"
        source = volume.get("configMap") or volume.get("secret") or {}
        keys = [item["key"] for item in source.get("items", [])]
        if "configMap" in volume:
            yield from key_problems(stack, who, "ConfigMap", source["name"], keys)
        elif "secret" in volume:
            yield from key_problems(stack, who, "Secret", source["secretName"], keys)
        elif "emptyDir" not in volume:
            yield f"{who}: is of a kind that k8s.py does not know"
    claims = stack.workloads[name]["spec"].get("volumeClaimTemplates", [])
    known = {volume["name"] for volume in volumes} | {claim["metadata"]["name"] for claim in claims}
    mounted = {mount["name"] for one in stack.containers(name) for mount in one.get("volumeMounts", [])}
    for volume in sorted(mounted - known):
        yield f"{name}: mounts {volume}, which is no volume of it"
    for volume in sorted(known - mounted):
        yield f"{name}: no container mounts its volume {volume}"


def probe_problems(name, container):
    ports = {port["name"]: port["containerPort"] for port in container.get("ports", [])}
    for kind in PROBES:
        probe = container.get(kind)
        if probe is None:
            continue
        ways = probe.keys() & set(WAYS)
        if len(ways) != 1:
            yield f"{name}: {kind} asks in {len(ways)} ways"
        for way in ways - {"exec"}:
            if probe[way]["port"] not in (*ports, *ports.values()):
                yield f"{name}: {kind} asks port {probe[way]['port']}, which the container lacks"


def placement_problems(stack, name):
    labels = stack.labels(name)
    selector = stack.workloads[name]["spec"]["selector"]
    if finds_all(selector) or not matches(selector, labels):
        yield f"{name}: its selector does not find its pods"
    account = stack.pod(name).get("serviceAccountName")
    if account is not None and account not in stack.named("ServiceAccount"):
        yield f"{name}: there is no ServiceAccount {account}"
    for constraint in stack.pod(name).get("topologySpreadConstraints", []):
        if finds_all(constraint["labelSelector"]) or not matches(constraint["labelSelector"], labels):
            yield f"{name}: a topologySpreadConstraint does not find its pods"
        if constraint["topologyKey"] not in TOPOLOGY_KEYS:
            yield f"{name}: a topologySpreadConstraint has the key {constraint['topologyKey']}, which no node has"


def pod_problems(stack, name):
    yield from confined_problems(stack, name)
    yield from placement_problems(stack, name)
    yield from volume_problems(stack, name)
    for container in stack.containers(name):
        yield from variable_problems(stack, name, container)
        yield from shell_problems(name, container)
        yield from probe_problems(name, container)
