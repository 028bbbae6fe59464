"""What deploy/ says against the programs: Dockerfile, systemd unit, run-time packages.

deploy.py DIRECTORY: where the programs are. They tell their settings by `--check`.
"""

import os
import pathlib
import re
import subprocess
import sys

from programs import PROGRAMS, drain_seconds, effective, files_wanted, ports_of, seconds

DOCKERFILE = pathlib.Path("deploy/docker/Dockerfile")
UNIT = pathlib.Path("deploy/systemd/tally.service.in")
RUNTIME_PACKAGES = pathlib.Path("deploy/runtime-packages.txt")
# Whom to believe, for a collector behind https and a Kafka behind TLS.
UNLINKED_PACKAGES = {"ca-certificates"}


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
    settings, refusal = effective("gateway", {})
    if settings is None:
        sys.exit(refusal)
    problems = [problem for program in PROGRAMS for problem in stage_problems(program, settings)]
    problems += [*runtime_problems(), *unit_problems(settings), *package_problems()]
    print("\n".join(problems), end="\n" if problems else "")
    return 1 if problems else 0


sys.exit(main())
