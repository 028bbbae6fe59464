"""What the programs say of themselves, for the checks of deploy/. The first argument of a check is the folder where the
programs are; they tell their settings by `--check`, and their paths and metrics when they run."""

import functools
import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request

import yaml

PROGRAMS = ("gateway", "counter-service")
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
# See OTHER_FILES in gateway/main.c.
OTHER_FILES = 128


def files_wanted(settings):
    return settings["server"]["max_connections"] + settings["grpc"]["counter_service"]["pool_size"] + OTHER_FILES


def command_of(program):
    return [os.path.join(sys.argv[1], program), "--config", "configs/config.yaml"]


def clean(given):
    """The environment with these variables, and no other TALLY_ one."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TALLY_")} | given


def effective(program, environment):
    """(settings, None) with only these TALLY_ variables, or (None, what the program says against them). The program is
    asked once: the settings are not to be changed."""
    # The others come from outside.
    return _effective(program, *sorted((name, value) for name, value in environment.items() if value is not None))


@functools.cache
def _effective(program, *given):
    run = subprocess.run([*command_of(program), "--check"], capture_output=True, text=True, env=clean(dict(given)))
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


def http_port_of(program, settings):
    """Where /metrics and /health are."""
    return settings["server"]["port"] if program == "gateway" else settings["counter_service"]["admin_port"]


class Running:
    """A program on free ports of this machine, whose neighbours are not there. A context: at its end it is killed."""

    SETTINGS = {
        "TALLY_SERVER_HOST": "127.0.0.1",
        "TALLY_SERVER_PORT": "0",
        "TALLY_GRPC_COUNTER_SERVICE_HOST": "127.0.0.1:1",
        "TALLY_COUNTER_SERVICE_HOST": "127.0.0.1",
        "TALLY_COUNTER_SERVICE_PORT": "0",
        "TALLY_COUNTER_SERVICE_ADMIN_PORT": "0",
        "TALLY_REDIS_ADDR": "127.0.0.1:1",
        "TALLY_CONSUL_ADDRESS": "",
    }

    def __init__(self, program):
        pipe, env = subprocess.PIPE, clean(self.SETTINGS)
        self._process = subprocess.Popen(command_of(program), stdout=pipe, stderr=subprocess.STDOUT, env=env)
        self._port = self._listening("port" if program == "gateway" else "admin_port")
        self._answers = {}

    def _listening(self, key):
        said = b""
        for line in self._process.stdout:
            said += line
            if b'"msg":"listening"' in line:
                return json.loads(line)[key]
        sys.exit(f"{self._process.args}: {said.decode()}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()

    def _answer(self, path):
        """(status, text)"""
        if path not in self._answers:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self._port}{path}", timeout=60) as response:
                    self._answers[path] = response.status, response.read().decode()
            except urllib.error.HTTPError as error:
                self._answers[path] = error.code, error.read().decode()
        return self._answers[path]

    def has(self, path):
        return self._answer(path)[0] != 404

    def metrics(self, path="/metrics"):
        """The names of those that it tells there."""
        return set(re.findall(r"^# TYPE (tally_\w+) ", self._answer(path)[1], re.MULTILINE))
