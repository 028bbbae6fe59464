"""Pods of third parties, Redis and Consul of the example. What runs there is what deploy/docker-compose.yml runs."""

import functools
import pathlib
import shlex

import yaml

from manifests.stack import image_name
from programs import PORTS_OF_OTHERS, PROGRAMS

COMPOSE = pathlib.Path("deploy/docker-compose.yml")
CONSUL_PATHS = {"/v1/status/leader"}
REDIS_PING = ["sh", "-c", 'REDISCLI_AUTH="$REDIS_PASSWORD" redis-cli -e ping']
UNITS = {"Mi": 1 << 20, "mb": 1 << 20, "Gi": 1 << 30, "gb": 1 << 30}


def size(text):
    return int(text[:-2]) * UNITS[text[-2:]]


def secret_of(container, variable):
    """(name, key) of the Secret that a variable is read from."""
    for one in container["env"]:
        if one["name"] == variable:
            reference = one["valueFrom"]["secretKeyRef"]
            return reference["name"], reference["key"]
    return None


@functools.cache
def composed_services():
    """By the name of the image; not to be changed."""
    services = yaml.safe_load(COMPOSE.read_text())["services"].values()
    return {image_name(service["image"]): service for service in services}


def image_problems(stack, name, composed):
    container, context = stack.container(name), stack.pod(name)["securityContext"]
    if container["image"] != composed["image"]:
        yield f"{name}: its image is not {composed['image']}, as {COMPOSE} says"
    if f"{context.get('runAsUser')}:{context.get('runAsGroup')}" != composed["user"]:
        yield f"{name}: its user is not {composed['user']}, as {COMPOSE} says"


def consul_problems(stack, name, composed):
    container = stack.container(name)
    if (container.get("command"), container.get("args")) != (composed["entrypoint"], composed["command"]):
        yield f"{name}: its command is not that of {COMPOSE}"
    if stack.workloads[name]["spec"].get("strategy") != {"type": "Recreate"}:
        yield f"{name}: a new one begins before the old one has ended"
    for kind in ("readinessProbe", "livenessProbe"):
        asked = container.get(kind, {}).get("httpGet")
        if asked is not None and asked["path"] not in CONSUL_PATHS:
            yield f"{name}: {kind}: {asked['path']} is no path of Consul"


def redis_problems(stack, name):
    """It keeps what it is told, on a volume that it may write to, and asks for the password that the services have."""
    spec, container = stack.workloads[name]["spec"], stack.container(name)
    context = stack.pod(name)["securityContext"]
    words = shlex.split(container["args"][0])
    options = dict(zip(words[2::2], words[3::2]))
    claims = {claim["metadata"]["name"] for claim in spec.get("volumeClaimTemplates", [])}
    kept = {mount["mountPath"] for mount in container["volumeMounts"] if mount["name"] in claims}
    password = secret_of(container, "REDIS_PASSWORD")
    wanted = {
        "a shell": container.get("command") == ["sh", "-c"],
        "redis-server": words[:2] == ["exec", "redis-server"],
        "its --dir on a volume that is claimed": options.get("--dir") in kept,
        "--appendonly yes": options.get("--appendonly") == "yes",
        "--appendfsync everysec or always": options.get("--appendfsync") in ("everysec", "always"),
        "--maxmemory-policy noeviction": options.get("--maxmemory-policy") == "noeviction",
        '--requirepass "$REDIS_PASSWORD"': options.get("--requirepass") == "$REDIS_PASSWORD",
        "memory for twice its --maxmemory": 2 * size(options.get("--maxmemory", "1gb"))
        <= size(container["resources"]["limits"]["memory"]),
        "a group that may write to its volume": context.get("fsGroup") == context.get("runAsGroup"),
        "the password of counter-service": password
        == secret_of(stack.container("counter-service"), "TALLY_REDIS_PASSWORD"),
    }
    for what, holds in wanted.items():
        if not holds:
            yield f"{name}: lacks {what}"
    for kind in ("startupProbe", "readinessProbe"):
        if container.get(kind, {}).get("exec", {}).get("command") != REDIS_PING:
            yield f"{name}: {kind} does not ping with the password, and -e for an answer that is an error"


def other_problems(stack):
    composed = composed_services()
    for name in stack.workloads.keys() - set(PROGRAMS):
        kind = image_name(stack.container(name)["image"])
        if kind not in composed:
            yield f"{name}: its image is none of {COMPOSE}"
            continue
        yield from image_problems(stack, name, composed[kind])
        if set(stack.ports(name).values()) != PORTS_OF_OTHERS.get(kind):
            yield f"{name}: its ports are not {PORTS_OF_OTHERS.get(kind)}"
        # Two would not know of each other.
        if stack.workloads[name]["spec"].get("replicas") != 1:
            yield f"{name}: is not one pod"
        if kind == "redis":
            yield from redis_problems(stack, name)
        if kind == "consul":
            yield from consul_problems(stack, name, composed[kind])
