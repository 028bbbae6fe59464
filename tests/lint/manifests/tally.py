"""Tally's own pods, against what the programs say."""

import functools
import pathlib
import re

from manifests.network import leaving
from manifests.pods import PROBES
from programs import PROGRAMS, drain_seconds, effective, http_port_of, ports_of, seconds

CONFIG = pathlib.Path("configs/config.yaml")
DOCKERFILE = pathlib.Path("deploy/docker/Dockerfile")
VERSION = pathlib.Path("VERSION")
# What only a cluster knows; and a Secret's.
EXAMPLES = {"status.podIP": "10.1.2.3"}
SECRET = "a secret"
# Which probe asks which: one that asks whether others are well restarts pods because of them.
PATHS = {"startupProbe": "/health/live", "livenessProbe": "/health/live", "readinessProbe": "/health/ready"}
READINESS_FAILURES_MIN = 3
# How late others hear that a pod comes or goes: kube-proxy, and the cluster's DNS, which remembers names.
RULES_SECONDS, NAME_SECONDS = 5, 30
DNS_PORT = 53
# The keys that say whom a program connects to.
ADDRESSES = {
    "gateway": ("grpc.counter_service.host", "consul.address", "tracing.endpoint"),
    "counter-service": ("redis.addr", "consul.address", "kafka.brokers", "tracing.endpoint"),
}
ADDRESS = re.compile(r"(?:https?://)?([a-z][\w.-]*):(\d+)")


def variables_of(stack, name):
    """Values that only a cluster knows are examples of their kind."""
    found = {}
    for variable in stack.container(name)["env"]:
        if "value" in variable:
            found[variable["name"]] = variable["value"]
        elif "secretKeyRef" in variable.get("valueFrom", {}):
            found[variable["name"]] = SECRET
        elif "fieldRef" in variable.get("valueFrom", {}):
            path = variable["valueFrom"]["fieldRef"]["fieldPath"]
            found[variable["name"]] = EXAMPLES.get(path, f"{path}, which k8s.py does not know")
        else:
            found[variable["name"]] = "of a source that k8s.py does not know"
    return found


def probe_problems(stack, name, settings, running):
    container = stack.container(name)
    for kind in PROBES:
        probe = container.get(kind)
        if probe is None:
            yield f"{name}: lacks a {kind}"
            continue
        if "grpc" in probe and (name == "gateway" or probe["grpc"]["port"] != settings["counter_service"]["port"]):
            yield f"{name}: {kind} asks another port than counter_service.port"
        if "httpGet" not in probe:
            continue
        path = probe["httpGet"]["path"]
        if not running.has(path):
            yield f"{name}: {kind}: {path} is no path of {name}"
        if path != PATHS[kind]:
            yield f"{name}: {kind} asks {path}, not {PATHS[kind]}"
        if stack.number_of(name, probe["httpGet"]["port"]) != http_port_of(name, settings):
            yield f"{name}: {kind} asks a port that does not speak HTTP"
    if container.get("readinessProbe", {}).get("failureThreshold", READINESS_FAILURES_MIN) < READINESS_FAILURES_MIN:
        yield f"{name}: a Redis that stands still for a second makes it unready"


def addresses_in(name, settings):
    """(key, host, port) of each that the program connects to."""
    for key in ADDRESSES[name]:
        value = functools.reduce(dict.get, key.split("."), settings)
        for address in value if isinstance(value, list) else value.split(","):
            match = ADDRESS.fullmatch(address)
            if match is not None:
                yield key, match.group(1), int(match.group(2))


def port_behind(stack, host, port):
    """Of the pods, for a port of their Service."""
    for one in stack.services[host]["spec"]["ports"]:
        if one["port"] == port:
            return stack.number_of(host, one.get("targetPort", port))
    return None


def address_problems(stack, name, settings):
    """Each host is a Service, or outside; policies let it to each of them, and nowhere else but to the DNS."""
    allowed = {(target, port) for pod, target, protocol, port in leaving(stack) if (pod, protocol) == (name, "TCP")}
    allowed = {(target, port) for target, port in allowed if port != DNS_PORT}
    named = set()
    for key, host, port in addresses_in(name, settings):
        if "." not in host and host not in stack.services:
            yield f"{name}: {key} names {host}, which is no Service"
            continue
        at = port if "." in host else port_behind(stack, host, port)
        if at is None:
            yield f"{name}: {key}: the Service {host} has no port {port}"
            continue
        # A network is for names that are not the cluster's: those are NAME.NAMESPACE.
        networks = {target for target, _ in allowed if "/" in target and host.count(".") > 1}
        ways = allowed & {(target, at) for target in {host, *networks}}
        if not ways:
            yield f"{name}: {key} names {host}:{port}, and no NetworkPolicy lets it there"
        named |= ways
    for target, port in sorted(allowed - named, key=str):
        yield f"{name}: a NetworkPolicy lets it to {target}:{port}, which no key of its configuration names"


def rolling_problems(stack, name, settings):
    """No request fails while pods are replaced: tests/e2e/faults/test_rolling_update.py acts that out."""
    spec = stack.workloads[name]["spec"]
    gateway, _ = effective("gateway", variables_of(stack, "gateway"))
    if spec.get("strategy", {}).get("rollingUpdate", {}).get("maxUnavailable") != 0:
        yield f"{name}: an old pod ends before a new one is there"
    if seconds(settings["drain"]["delay"]) < RULES_SECONDS:
        yield f"{name}: drain.delay is shorter than the {RULES_SECONDS} s after which others have heard of it"
    if name == "counter-service" and gateway is not None:
        every = seconds(gateway["grpc"]["counter_service"]["resolve_every"])
        if spec.get("minReadySeconds", 0) < NAME_SECONDS + every:
            yield f"{name}: minReadySeconds is shorter than gateways need to find a new pod"
        if seconds(settings["drain"]["delay"]) < every:
            yield f"{name}: drain.delay is shorter than grpc.counter_service.resolve_every of the gateways"


def config_problems(stack, name):
    """The file that it reads is mounted, and is the project's."""
    pod, container = stack.pod(name), stack.container(name)
    maps = {one["name"]: one["configMap"]["name"] for one in pod["volumes"] if "configMap" in one}
    mounted = {mount["mountPath"]: maps.get(mount["name"]) for mount in container["volumeMounts"]}
    option, path = container["args"]
    folder, _, file = path.rpartition("/")
    data = stack.keys_of("ConfigMap").get(mounted.get(folder), {})
    if option != "--config" or file not in data:
        yield f"{name}: the configuration that it reads, {path}, is not one that is mounted"
    elif data[file] != CONFIG.read_text():
        yield f"{name}: the configuration that is mounted is not {CONFIG}"


def tally_problems(stack, name, running):
    variables = variables_of(stack, name)
    yield from config_problems(stack, name)
    settings, refusal = effective(name, variables)
    if settings is None:
        yield f"{name}: {refusal}"
        return
    pod, container = stack.pod(name), stack.container(name)
    version = VERSION.read_text(encoding="ascii").strip()
    if container["image"] != f"tally-{name}:{version}":
        yield f"{name}: the image is not tally-{name}:{version}, as VERSION says"
    user = re.search(r"^USER (\d+):(\d+)$", DOCKERFILE.read_text(), re.MULTILINE)
    if [str(pod["securityContext"].get(key)) for key in ("runAsUser", "runAsGroup")] != list(user.groups()):
        yield f"{name}: runs as another user than its image"
    if set(stack.ports(name).values()) != ports_of(name, settings):
        yield f"{name}: its ports are not {ports_of(name, settings)}"
    if pod["terminationGracePeriodSeconds"] <= drain_seconds(settings):
        yield f"{name}: terminationGracePeriodSeconds is not longer than draining"
    if pod.get("serviceAccountName") != name:
        yield f"{name}: its ServiceAccount is not {name}"
    if settings["consul"]["advertise_host"] != EXAMPLES["status.podIP"]:
        yield f"{name}: consul.advertise_host is not the pod's address"
    if name == "counter-service" and variables.get("TALLY_REDIS_PASSWORD") != SECRET:
        yield f"{name}: its password for Redis is not that of the Secret"
    if name == "gateway" and settings["server"]["status_page"] != "loopback":
        yield f"{name}: everybody may see its status page"
    yield from rolling_problems(stack, name, settings)
    yield from probe_problems(stack, name, settings, running)
    yield from address_problems(stack, name, settings)


def all_tally_problems(stack, running):
    for name in PROGRAMS:
        yield from tally_problems(stack, name, running[name])
