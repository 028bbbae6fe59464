"""What deploy/ says against the programs: docker-compose.yml, Dockerfile, systemd unit, run-time packages.

deploy.py DIRECTORY: where the programs are. They tell their settings by `--check`.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys

import yaml

from programs import PROGRAMS, drain_seconds, effective, files_wanted, ports_of, seconds

COMPOSE = pathlib.Path("deploy/docker-compose.yml")
DOCKERFILE = pathlib.Path("deploy/docker/Dockerfile")
UNIT = pathlib.Path("deploy/systemd/tally.service.in")
RUNTIME_PACKAGES = pathlib.Path("deploy/runtime-packages.txt")
# Whom to believe, for a collector behind https and a Kafka behind TLS.
UNLINKED_PACKAGES = {"ca-certificates"}
# By the name of the image.
PORTS_OF_OTHERS = {
    "redis": {6379},
    "consul": {8500},
    "kafka": {9092},
    "prometheus": {9090},
    "alertmanager": {9093},
    "grafana": {3000},
    "all-in-one": {4318, 16686},
}
# Where what watches the containers names them.
MONITORING = ("prometheus/prometheus.yml", "prometheus/targets/compose.yml", "grafana/provisioning/datasources/*.yml")
# Tally counts without it, so it does not wait for it either.
NOT_WAITED_FOR = {"kafka"}


def stage(name):
    """The lines of one stage of the Dockerfile, without its continuation lines' ends."""
    text = DOCKERFILE.read_text().replace("\\\n", " ")
    parts = re.split(r"^FROM \S+ AS (\S+)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2])).get(name)


def stage_problems(program, settings):
    text = stage(program)
    if text is None:
        yield f"{DOCKERFILE}: has no stage {program}"
        return
    exposed = {int(port) for line in re.findall(r"^EXPOSE (.*)$", text, re.MULTILINE) for port in line.split()}
    if exposed != ports_of(program, settings):
        yield f"{DOCKERFILE}: {program} exposes {exposed}, its ports are {ports_of(program, settings)}"
    for instruction in ("HEALTHCHECK", "ENTRYPOINT"):
        if not re.search(rf"^{instruction}[^[]*\[\"tally-{program}\"", text, re.MULTILINE):
            yield f"{DOCKERFILE}: {program} has no {instruction} by the program itself"


def runtime_problems():
    if not re.search(r"^USER [1-9]\d*:[1-9]\d*$", stage("runtime"), re.MULTILINE):
        yield f"{DOCKERFILE}: no numeric USER but root"
    for sources in re.findall(r"^COPY ((?:[^-\s]\S* )+)\S+$", DOCKERFILE.read_text(), re.MULTILINE):
        for path in sources.split():
            if not pathlib.Path(path).exists():
                yield f"{DOCKERFILE}: copies {path}, which does not exist"


def address_problems(name, service, services):
    """Each host:port in a variable is a container's, on a port of its program."""
    for variable, value in service["environment"].items():
        match = re.fullmatch(r"([a-z][\w-]*):(\d+)", str(value))
        if not match:
            continue
        host, port = match.group(1), int(match.group(2))
        if host not in services:
            yield f"{COMPOSE}: {name}: {variable} names {host}, which is no service"
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
    for variable in service["environment"]:
        if not variable.startswith("TALLY_"):
            yield f"{COMPOSE}: {name}: {variable} is no variable of {program}"
    for other in NOT_WAITED_FOR & service.get("depends_on", {}).keys():
        yield f"{COMPOSE}: {name}: waits for {other}, which it can be without"
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


def service_problems(name, service):
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
    if name != "gateway" and any(not mapping.startswith("127.0.0.1:") for mapping in service.get("ports", [])):
        yield f"{COMPOSE}: {name}: a port that others than this machine reach"


def monitoring_problems(services):
    """Each host:port is a container's, on a port of its program; each process of ours is scraped once."""
    for path in (path for pattern in MONITORING for path in COMPOSE.parent.glob(pattern)):
        for host, port in re.findall(r"\b([a-z][\w-]*):(\d+)\b", path.read_text()):
            if host not in services or int(port) not in ports_of_service(services[host]):
                yield f"{path}: names {host}:{port}, which no container has"
    targets = yaml.safe_load((COMPOSE.parent / "prometheus/targets/compose.yml").read_text())
    scraped = sorted(address for group in targets for address in group["targets"])
    wanted = sorted(metrics_address(name, service) for name, service in services.items() if program_of(service))
    if scraped != wanted:
        yield f"{COMPOSE}: Prometheus scrapes {scraped}, the processes are {wanted}"


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
    port = settings["server"]["port"] if program == "gateway" else settings["counter_service"]["admin_port"]
    return f"{name}:{port}"


def mount_problems(name, service):
    """What is mounted from the project is there, and cannot be written to."""
    for volume in service.get("volumes", []):
        source, _, options = volume.partition(":")
        if source.startswith(".") and not (COMPOSE.parent / source).exists():
            yield f"{COMPOSE}: {name}: mounts {source}, which does not exist"
        if source.startswith(".") and not options.endswith(":ro"):
            yield f"{COMPOSE}: {name}: may write to {source}"


def compose_problems(version):
    services = yaml.safe_load(COMPOSE.read_text())["services"]
    for name, service in services.items():
        yield from service_problems(name, service)
        yield from mount_problems(name, service)
        if program_of(service) is not None:
            yield from tally_problems(name, service, services, version)
    yield from monitoring_problems(services)
    for program in PROGRAMS:
        yield from build_problems(program, services, version)
    # Not everywhere: `make deps` brings it.
    if shutil.which("docker-compose"):
        run = subprocess.run(["docker-compose", "-f", COMPOSE, "config", "-q"], capture_output=True, text=True)
        if run.returncode != 0:
            yield f"{COMPOSE}: docker-compose config: {run.stderr.strip()}"


def unit_problems(settings):
    values = dict(re.findall(r"^(\w+)=(.*)$", UNIT.read_text(), re.MULTILINE))
    if seconds(values["TimeoutStopSec"]) <= drain_seconds(settings):
        yield f"{UNIT}: TimeoutStopSec is not longer than draining"
    if int(values["LimitNOFILE"]) < files_wanted(settings):
        yield f"{UNIT}: LimitNOFILE is too low for server.max_connections"


def package_problems():
    """The packages of the libraries that the programs are linked with, on the Debian that they are listed for."""
    release = pathlib.Path("/etc/os-release")
    if not release.exists() or "VERSION_CODENAME=bookworm" not in release.read_text():
        return
    programs = [os.path.join(sys.argv[1], program) for program in PROGRAMS]
    dump = subprocess.run(["objdump", "-p", *programs], capture_output=True, text=True, check=True).stdout
    # The sanitizers' libraries are no part of a release.
    libraries = set(re.findall(r"NEEDED\s+(\S+)", dump))
    libraries = {name for name in libraries if not re.match(r"(libc|libm|libasan|libubsan|libtsan)\.so", name)}
    command = ["dpkg-query", "-S", *(f"*/{name}" for name in libraries)]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    needed = {line.split(":")[0] for line in found.splitlines()}
    listed = set(RUNTIME_PACKAGES.read_text().split()) - UNLINKED_PACKAGES
    for package in sorted(needed - listed):
        yield f"{RUNTIME_PACKAGES}: lacks {package}"
    for package in sorted(listed - needed):
        yield f"{RUNTIME_PACKAGES}: has {package}, of which the programs use nothing"


def main():
    version = pathlib.Path("VERSION").read_text().strip()
    settings, refusal = effective("gateway", {})
    if settings is None:
        sys.exit(refusal)
    problems = [problem for program in PROGRAMS for problem in stage_problems(program, settings)]
    problems += [*runtime_problems(), *compose_problems(version), *unit_problems(settings), *package_problems()]
    print("\n".join(problems), end="\n" if problems else "")
    return 1 if problems else 0


sys.exit(main())
