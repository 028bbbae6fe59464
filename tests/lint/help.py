"""Every option of a program is in its --help and in its manual page, and no other; every key of the configuration, with
its variable and default, is in tally-config(5).

help.py DIRECTORY: where the programs are. The pages are made by deploy/man/man_pages.py, and rendered as man does.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

import yaml

DAEMON_OPTIONS = pathlib.Path("common/process/options.c")
# A program, its manual page, and where its options are.
PROGRAMS = (
    ("gateway", "tally-gateway.8", DAEMON_OPTIONS),
    ("counter-service", "tally-counter-service.8", DAEMON_OPTIONS),
    ("counter-verify", "tally-counter-verify.1", pathlib.Path("counter-service/verify/verify_options.c")),
)
COLUMNS_MAX = 100


def options_of(source):
    return set(re.findall(r'\{"([a-z-]+)", (?:no|required)_argument', source.read_text()))


def options_in(text):
    """Those that are explained, each at the start of a line."""
    return set(re.findall(r"^ +--([a-z-]+)", text, re.MULTILINE))


def rendered(page):
    """The text of a page, on lines so wide that none is broken; warnings of roff end it."""
    command = ["groff", "-man", "-Tascii", "-P-cbou", "-ww", "-rLL=2000n", page]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    if run.stderr:
        sys.exit(f"{page}: {run.stderr}")
    return run.stdout


def words(text):
    return re.sub(r"\s+", " ", text)


def program_problems(program, page, source, directory):
    command = [os.path.join(sys.argv[1], program), "--help"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    manual = rendered(directory / page)
    for name, found in (("--help", options_in(text)), (page, options_in(manual))):
        for option in sorted(options_of(source) ^ found):
            yield f"{program}: --{option} is in one of {source} and {name} only"
    for line in text.splitlines():
        if len(line) > COLUMNS_MAX:
            yield f"{program} --help: {len(line)} columns: {line}"
    # Headings differ, and the manual's start and end; each explanation is there word by word.
    for explanation in re.findall(r"^  \S.*?  +(\S.*(?:\n {4,}\S.*)*)", text, re.MULTILINE):
        if words(explanation) not in words(manual):
            yield f"{page}: lacks {words(explanation)}"


def leaves(tree, prefix=""):
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield prefix + key


def config_problems(directory):
    manual = rendered(directory / "tally-config.5")
    command = [os.path.join(sys.argv[1], "gateway"), "--check"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TALLY_")}
    printed = subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout
    for key in leaves(yaml.safe_load(printed)):
        variable = "TALLY_" + key.upper().replace(".", "_")
        entry = rf"^ +{re.escape(key)}\n(?: +.*\n)*? +Default .*, variable {variable}\.$"
        if not re.search(entry, manual, re.MULTILINE):
            yield f"tally-config.5: lacks {key} with {variable}"


def main():
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        subprocess.run(["/usr/bin/python3", "deploy/man/man_pages.py", directory], check=True)
        problems = [problem for program in PROGRAMS for problem in program_problems(*program, directory)]
        problems += config_problems(directory)
    print("\n".join(problems), end="\n" if problems else "")
    return 1 if problems else 0


sys.exit(main())
