"""What the programs say of themselves, for the checks of deploy/. The first argument of a check is the folder where the
programs are; they tell their settings by `--check`."""

import functools
import os
import re
import subprocess
import sys

import yaml

PROGRAMS = ("gateway", "counter-service")
# See OTHER_FILES in gateway/main.c.
OTHER_FILES = 128


def files_wanted(settings):
    return settings["server"]["max_connections"] + settings["grpc"]["counter_service"]["pool_size"] + OTHER_FILES


def effective(program, environment):
    """(settings, None) with only these TALLY_ variables, or (None, what the program says against them). The program is
    asked once: the settings are not to be changed."""
    # The others come from outside.
    return _effective(program, *sorted((name, value) for name, value in environment.items() if value is not None))


@functools.cache
def _effective(program, *given):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TALLY_")}
    command = [os.path.join(sys.argv[1], program), "--config", "configs/config.yaml", "--check"]
    run = subprocess.run(command, capture_output=True, text=True, env={**clean, **dict(given)})
    return (yaml.safe_load(run.stdout), None) if run.returncode == 0 else (None, run.stderr.strip())


def seconds(text):
    number, unit = re.fullmatch(r"(\d+)(ms|s|m|h)", text).groups()
    return int(number) * {"ms": 0.001, "s": 1, "m": 60, "h": 3600}[unit]


def drain_seconds(settings):
    return seconds(settings["drain"]["delay"]) + seconds(settings["drain"]["timeout"])


def ports_of(program, settings):
    if program == "gateway":
        return {settings["server"]["port"]}
    return {settings["counter_service"]["port"], settings["counter_service"]["admin_port"]}
