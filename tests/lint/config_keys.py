"""configs/config.yaml against the programs: it has every key they know, with its default and a comment, and no other.

The programs tell their keys by `--check`, which prints the effective configuration as YAML.
"""

import os
import pathlib
import subprocess
import sys
import tempfile

import yaml

SHIPPED = pathlib.Path("configs/config.yaml")


def effective(program, config):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TALLY_")}
    run = subprocess.run([program, "--config", config, "--check"], capture_output=True, text=True, env=environment)
    if run.returncode != 0:
        sys.exit(f"{program} --config {config} --check: exit {run.returncode}\n{run.stdout}{run.stderr}")
    return flat(yaml.safe_load(run.stdout))


def flat(tree, prefix=""):
    """{"redis.addr": "localhost:6379", ...}"""
    values = {}
    for key, value in (tree or {}).items():
        if isinstance(value, dict):
            values.update(flat(value, f"{prefix}{key}."))
        else:
            values[prefix + key] = value
    return values


def keys_without_comment():
    previous = ""
    for number, line in enumerate(SHIPPED.read_text().splitlines(), 1):
        text = line.strip()
        is_key = text and not text.startswith(("#", "-"))
        if is_key and "#" not in text and not previous.startswith("#") and not text.endswith(":"):
            yield f"{SHIPPED}:{number}: no comment at {text}"
        previous = text


def problems_of(program):
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as empty:
        empty.write("log: {}\n")
        empty.flush()
        defaults = effective(program, empty.name)
    in_file = flat(yaml.safe_load(SHIPPED.read_text()))
    for key in sorted(defaults.keys() - in_file.keys()):
        yield f"{SHIPPED}: lacks {key}, which {program} knows"
    for key in sorted(in_file.keys() - defaults.keys()):
        yield f"{SHIPPED}: has {key}, which {program} --check does not print"
    shipped = effective(program, str(SHIPPED))
    for key in sorted(defaults.keys() & shipped.keys()):
        if defaults[key] != shipped[key]:
            yield f"{SHIPPED}: {key} is {shipped[key]}, the default is {defaults[key]}"


def main():
    problems = list(keys_without_comment())
    for program in ("gateway", "counter-service"):
        problems += problems_of(os.path.join(sys.argv[1], program))
    print("\n".join(problems), end="\n" if problems else "")
    return 1 if problems else 0


sys.exit(main())
