"""Holds the running containers against deploy/docker-compose.yml: is each as confined and as limited as it says?

compose_limits.py PREFIX: of the containers' names. The engine is asked, and the kernel.
"""

import json
import pathlib
import re
import subprocess
import sys

from compose_file import COMPOSE, services_here

CONTROL_GROUPS = pathlib.Path("/sys/fs/cgroup")
CAPABILITY_SETS = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")


def size(text):
    number, unit = re.fullmatch(r"(\d+)([kmg])", text).groups()
    return int(number) << {"k": 10, "m": 20, "g": 30}[unit]


def in_file(service):
    """What the file says, in the words of engine() and kernel()."""
    said = {
        "read-only": service["read_only"],
        "restart": service["restart"],
        "capabilities": service["cap_drop"] != ["ALL"],
        "new privileges": "no-new-privileges:true" not in service["security_opt"],
        "memory": size(service["mem_limit"]),
        "cpus": float(service["cpus"]),
        "processes": service["pids_limit"],
    }
    if "user" in service:
        said["user"] = service["user"]
    if "ulimits" in service:
        said["files"] = service["ulimits"]["nofile"]
    return said


def engine(container):
    host = container["HostConfig"]
    return {
        "read-only": host["ReadonlyRootfs"],
        "restart": host["RestartPolicy"]["Name"],
        "capabilities": host["CapDrop"] != ["ALL"] or bool(host["CapAdd"]) or host["Privileged"],
        "new privileges": "no-new-privileges:true" not in (host["SecurityOpt"] or []),
        "memory": host["Memory"],
        "cpus": host["NanoCpus"] / 1e9,
        "processes": host["PidsLimit"],
        "user": container["Config"]["User"],
        "files": next((limit["Hard"] for limit in host["Ulimits"] or [] if limit["Name"] == "nofile"), None),
    }


def control_group(process, controller):
    """(directory, whether it is of version 2)."""
    groups = [line.split(":", 2) for line in (process / "cgroup").read_text().splitlines()]
    for _, names, path in groups:
        if controller in names.split(","):
            return CONTROL_GROUPS / names / path.lstrip("/"), False
    return CONTROL_GROUPS / next(path for number, _, path in groups if number == "0").lstrip("/"), True


def memory_limit(process):
    directory, unified = control_group(process, "memory")
    return int((directory / ("memory.max" if unified else "memory.limit_in_bytes")).read_text())


def cpu_limit(process):
    directory, unified = control_group(process, "cpu")
    files = ["cpu.max"] if unified else ["cpu.cfs_quota_us", "cpu.cfs_period_us"]
    quota, period = " ".join((directory / name).read_text() for name in files).split()
    return int(quota) / int(period)


def kernel(pid):
    process = pathlib.Path("/proc") / str(pid)
    status = dict(line.split(":\t", 1) for line in (process / "status").read_text().splitlines())
    mounts = [line.split() for line in (process / "mountinfo").read_text().splitlines()]
    users, groups = set(status["Uid"].split()), set(status["Gid"].split())
    files = re.search(r"^Max open files +\d+ +(\d+)", (process / "limits").read_text(), re.MULTILINE).group(1)
    return {
        "read-only": next("ro" in fields[5].split(",") for fields in mounts if fields[4] == "/"),
        "capabilities": any(int(status[name], 16) for name in CAPABILITY_SETS),
        "new privileges": status["NoNewPrivs"] != "1",
        "memory": memory_limit(process),
        "cpus": cpu_limit(process),
        "processes": int((control_group(process, "pids")[0] / "pids.max").read_text()),
        "user": f"{'/'.join(users)}:{'/'.join(groups)}",
        "files": int(files),
    }


def problems_of(name, service, container):
    said = in_file(service)
    for who, found in (("the engine", engine(container)), ("the kernel", kernel(container["State"]["Pid"]))):
        for key in said.keys() & found.keys():
            if said[key] != found[key]:
                yield f"{name}: {key}: {COMPOSE} says {said[key]}, {who} {found[key]}"
        if found["user"].split(":")[0] in ("", "0", "root"):
            yield f"{name}: runs as root, says {who}"


def main():
    services = services_here()
    command = ["docker", "inspect", "--type", "container", *(f"{sys.argv[1]}{name}_1" for name in services)]
    containers = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    pairs = zip(services.items(), containers)
    problems = [problem for (name, service), container in pairs for problem in problems_of(name, service, container)]
    print("\n".join(problems))
    return 1 if problems else 0


sys.exit(main())
