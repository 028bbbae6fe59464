"""One version: the file VERSION, the newest release of CHANGELOG.md, openapi.yaml, the programs, and an image's name.

version.py DIRECTORY: where the programs are. docker-compose.yml is compose.py's to compare, packages test_deb.sh's.
"""

import pathlib
import re
import subprocess
import sys

PROGRAMS = ("gateway", "counter-service", "counter-verify")
# A file, and what stands around the version in it.
NAMED = (
    ("CHANGELOG.md", r"^## \[(\d[^]]*)\] - \d{4}-\d\d-\d\d$"),
    ("proto/openapi.yaml", r"^info:\n(?:  .*\n)*?  version: (\S+)$"),
    ("deploy/docker/Dockerfile", r"-t tally-gateway:(\S+) "),
)
# The headings of Keep a Changelog.
KINDS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def named_problems(version):
    for path, pattern in NAMED:
        found = re.search(pattern, pathlib.Path(path).read_text(), re.MULTILINE)
        if found is None or found.group(1) != version:
            yield f"{path}: has version {found and found.group(1)}, VERSION says {version}"


def program_problems(version):
    for program in PROGRAMS:
        command = [pathlib.Path(sys.argv[1]) / program, "--version"]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        if said != f"{program} {version}\n":
            yield f"{program} --version says {said!r}, VERSION says {version}"


def changelog_problems():
    for heading in re.findall(r"^### (.*)$", pathlib.Path("CHANGELOG.md").read_text(), re.MULTILINE):
        if heading not in KINDS:
            yield f"CHANGELOG.md: {heading} is none of {', '.join(sorted(KINDS))}"


def main():
    text = pathlib.Path("VERSION").read_text()
    if not re.fullmatch(r"\d+\.\d+\.\d+\n", text):
        sys.exit(f"VERSION: {text!r} is no version on a line of its own")
    version = text.strip()
    problems = [*named_problems(version), *program_problems(version), *changelog_problems()]
    print("\n".join(problems), end="\n" if problems else "")
    return 1 if problems else 0


sys.exit(main())
