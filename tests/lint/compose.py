"""What deploy/docker-compose.yml and deploy/observability.env say against the programs, the Dockerfile and each other,
for both stacks: what `up` starts by itself, and with the variables of the latter file.

compose.py DIRECTORY: where the programs are. They tell their settings by `--check`.
"""

import pathlib
import re
import shutil
import subprocess
import sys

import yaml

from programs import (
    PORTS_OF_OTHERS,
    PROGRAMS,
    drain_seconds,
    effective,
    files_wanted,
    http_port_of,
    ports_of,
    seconds,
)

COMPOSE = pathlib.Path("deploy/docker-compose.yml")
ENV_FILE = pathlib.Path("deploy/observability.env")
DOCKERFILE = pathlib.Path("deploy/docker/Dockerfile")
# Where what watches the containers names them.
MONITORING = ("prometheus/prometheus.yml", "prometheus/targets/compose.yml", "grafana/provisioning/datasources/*.yml")
# Of third parties, by the name of the image: what counting rests on. The others are in a profile.
NEEDED = {"redis", "consul"}
# As every version of Compose knows it, and without a warning where it is not set.
VARIABLE = re.compile(r"\$\{(\w+):?-([^}]*)\}")


def variables():
    """Of the file, by name."""
    return dict(re.findall(r"^(\w+)=(.*)$", ENV_FILE.read_text(), re.MULTILINE))


def with_variables(value, given):
    if isinstance(value, dict):
        return {key: with_variables(item, given) for key, item in value.items()}
    if isinstance(value, list):
        return [with_variables(item, given) for item in value]
    return VARIABLE.sub(lambda match: given.get(match[1]) or match[2], value) if isinstance(value, str) else value


def services_with(given):
    """All services of the file, by name, as they are with these variables."""
    return with_variables(yaml.safe_load(COMPOSE.read_text())["services"], given)


def started_with(given):
    """Those that `up` starts then."""
    profiles = set(given.get("COMPOSE_PROFILES", "").split(","))
    services = services_with(given).items()
    return {name: service for name, service in services if profiles & {*service.get("profiles", profiles)}}


def address_problems(name, service, services):
    """Each host:port in a variable is a container's of the stack, on a port of its program."""
    for variable, value in service["environment"].items():
        match = re.fullmatch(r"(?:http://)?([a-z][\w-]*):(\d+)", str(value))
        if not match:
            continue
        host, port = match.group(1), int(match.group(2))
        if host not in services:
            yield f"{COMPOSE}: {name}: {variable} names {host}, which is not started with it"
            continue
        known = ports_of_service(services[host])
        if known is not None and port not in known:
            yield f"{COMPOSE}: {name}: {variable} names port {port} of {host}, which has {known}"


def image_name(service):
    return service.get("image", "").split(":")[0].split("/")[-1]


def program_of(service):
    """None: it is a third party's."""
    name = image_name(service).removeprefix("tally-")
    return name if name in PROGRAMS else None


def ports_of_service(service):
    """None: its settings are wrong, which is said of it elsewhere."""
    program = program_of(service)
    if program is None:
        return PORTS_OF_OTHERS.get(image_name(service), set())
    settings, _ = effective(program, service["environment"])
    return ports_of(program, settings) if settings else None


def build_problems(program, services, version):
    """Exactly one service builds an image, and the others that run it do not try to pull it."""
    users = {name: service for name, service in services.items() if program_of(service) == program}
    builders = [service["build"] for service in users.values() if "build" in service]
    if len(builders) != 1:
        yield f"{COMPOSE}: {len(builders)} services build {program}"
        return
    build = builders[0]
    if (COMPOSE.parent / build["context"]).resolve() != pathlib.Path.cwd():
        yield f"{COMPOSE}: {program}: the build's context is not the project's top folder"
    if build["dockerfile"] != str(DOCKERFILE) or build["target"] != program:
        yield f"{COMPOSE}: {program}: is not built by {DOCKERFILE}, stage {program}"
    if build["args"]["VERSION"] != version:
        yield f"{COMPOSE}: {program}: VERSION is not {version}, as the file VERSION says"
    for name, service in users.items():
        if "build" not in service and service.get("pull_policy") != "never":
            yield f"{COMPOSE}: {name}: neither builds its image nor says pull_policy: never"


def tally_problems(name, service, services, version):
    program = program_of(service)
    if service["image"] != f"tally-{program}:{version}":
        yield f"{COMPOSE}: {name}: the image is not tally-{program}:{version}, as the file VERSION says"
    for variable, value in service["environment"].items():
        if not variable.startswith("TALLY_"):
            yield f"{COMPOSE}: {name}: {variable} is no variable of {program}"
        if "$" in str(value):
            yield f"{COMPOSE}: {name}: {variable} is neither ${{NAME-value}} nor without a variable"
    settings, refusal = effective(program, service["environment"])
    if settings is None:
        yield f"{COMPOSE}: {name}: {refusal}"
        return
    yield from address_problems(name, service, services)
    if seconds(service["stop_grace_period"]) <= drain_seconds(settings):
        yield f"{COMPOSE}: {name}: stop_grace_period is not longer than draining"
    if service["ulimits"]["nofile"] < files_wanted(settings):
        yield f"{COMPOSE}: {name}: nofile is too low for server.max_connections"
    for mapping in service.get("ports", []):
        if int(mapping.rsplit(":", 1)[1]) not in ports_of(program, settings):
            yield f"{COMPOSE}: {name}: {mapping} is no port of {program}"


def service_problems(name, service, services):
    if not re.search(r":v?\d+\.\d+\.\d+[\w.-]*$", service.get("image", "")):
        yield f"{COMPOSE}: {name}: its image is not pinned to a version"
    expected = {"restart": "unless-stopped", "read_only": True, "cap_drop": ["ALL"]}
    for key, value in expected.items():
        if service.get(key) != value:
            yield f"{COMPOSE}: {name}: {key} is not {value}"
    for key in ("mem_limit", "cpus", "pids_limit"):
        if key not in service:
            yield f"{COMPOSE}: {name}: no {key}"
    if "no-new-privileges:true" not in service.get("security_opt", []):
        yield f"{COMPOSE}: {name}: may get new privileges"
    if "healthcheck" not in service and program_of(service) is None:
        yield f"{COMPOSE}: {name}: no healthcheck"
    for other, condition in service.get("depends_on", {}).items():
        if condition != {"condition": "service_healthy"}:
            yield f"{COMPOSE}: {name}: does not wait until {other} is healthy"
        if other not in services:
            yield f"{COMPOSE}: {name}: waits for {other}, which is not started with it"
    if name != "gateway" and any(not mapping.startswith("127.0.0.1:") for mapping in service.get("ports", [])):
        yield f"{COMPOSE}: {name}: a port that others than this machine reach"


def monitoring_problems(services):
    """Each host:port is a container's, on a port of its program; each process of ours is scraped once."""
    for path in (path for pattern in MONITORING for path in COMPOSE.parent.glob(pattern)):
        for host, port in re.findall(r"\b([a-z][\w-]*):(\d+)\b", path.read_text()):
            known = ports_of_service(services[host]) if host in services else set()
            if known is not None and int(port) not in known:
                yield f"{path}: names {host}:{port}, which no container has"
    targets = yaml.safe_load((COMPOSE.parent / "prometheus/targets/compose.yml").read_text())
    scraped = sorted(address for group in targets for address in group["targets"])
    wanted = sorted(metrics_address(name, service) for name, service in services.items() if program_of(service))
    if scraped != wanted:
        yield f"{COMPOSE}: Prometheus scrapes {scraped}, the processes are {wanted}"


def dashboard_problems(services):
    mounted = dict(volume.split(":")[1::-1] for volume in services["grafana"]["volumes"])
    provisioning = (COMPOSE.parent / "grafana/provisioning/dashboards/tally.yml").read_text()
    provider = yaml.safe_load(provisioning)["providers"][0]
    home = pathlib.PurePath(services["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    dashboards = mounted.get(provider["options"]["path"])
    if dashboards is None or not (COMPOSE.parent / dashboards / home.name).exists():
        yield f"{COMPOSE}: grafana: its provisioned dashboards or its home dashboard are not mounted"


def metrics_address(name, service):
    """Without the port where its settings are wrong, which is said of it elsewhere."""
    program = program_of(service)
    settings, _ = effective(program, service["environment"])
    if settings is None:
        return name
    return f"{name}:{http_port_of(program, settings)}"


def mount_problems(name, service):
    """What is mounted from the project is there, and cannot be written to."""
    for volume in service.get("volumes", []):
        source, _, options = volume.partition(":")
        if source.startswith(".") and not (COMPOSE.parent / source).exists():
            yield f"{COMPOSE}: {name}: mounts {source}, which does not exist"
        if source.startswith(".") and not options.endswith(":ro"):
            yield f"{COMPOSE}: {name}: may write to {source}"


def stack_problems(services, version):
    for name, service in services.items():
        yield from service_problems(name, service, services)
        yield from mount_problems(name, service)
        if program_of(service) is not None:
            yield from tally_problems(name, service, services, version)


def plain_problems(services):
    """It is small."""
    for name, service in services.items():
        if program_of(service) is None and image_name(service) not in NEEDED:
            yield f"{COMPOSE}: {name}: is in no profile, and Tally counts without it"


def variable_problems(given, services):
    """Each variable of the file is that of a key, and a service takes it; its profiles are all that there are."""
    of_programs = {variable: value for variable, value in given.items() if variable != "COMPOSE_PROFILES"}
    _, refusal = effective("counter-service", of_programs)
    if refusal:
        yield f"{ENV_FILE}: {refusal}"
    for variable, value in of_programs.items():
        if all(service.get("environment", {}).get(variable) != value for service in services.values()):
            yield f"{ENV_FILE}: no service takes {variable}"
    for name in services.keys() - started_with(given).keys():
        yield f"{ENV_FILE}: does not start {name}"


def parser_problems():
    """Not everywhere: `make deps` brings it."""
    for options in ([], ["--env-file", ENV_FILE]) if shutil.which("docker-compose") else ():
        command = ["docker-compose", "-f", COMPOSE, *options, "config", "-q"]
        run = subprocess.run(command, capture_output=True, text=True)
        if run.returncode != 0:
            yield f"{COMPOSE}: docker-compose config: {run.stderr.strip()}"


def problems_of(version):
    given = variables()
    services = services_with(given)
    yield from plain_problems(started_with({}))
    yield from stack_problems(started_with({}), version)
    yield from stack_problems(started_with(given), version)
    yield from variable_problems(given, services)
    yield from monitoring_problems(services)
    yield from dashboard_problems(services)
    for program in PROGRAMS:
        yield from build_problems(program, services, version)
    yield from parser_problems()


def main():
    problems = dict.fromkeys(problems_of(pathlib.Path("VERSION").read_text().strip()))
    print("\n".join(problems), end="\n" if problems else "")
    return 1 if problems else 0


sys.exit(main())
