"""Runs README's console blocks, in their order, and compares what they print with what README shows.

readme_console.py ADDRESS [FILE]
ADDRESS: of a gateway over an empty Redis; it takes the place of localhost:8080. FILE: README.md, or one like it.
"""

import pathlib
import re
import subprocess
import sys

README = "README.md"
ADDRESS_SHOWN = "localhost:8080"


def commands(text):
    """(command, what it shows); a command begins with "$ " and goes on after a backslash."""
    for block in re.findall(r"^```console\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            lines = part.rstrip().splitlines()
            length = 1 + next(number for number, line in enumerate(lines) if not line.endswith("\\"))
            yield "\n".join(lines[:length]), "\n".join(lines[length:])


def problem_of(command, shown, address):
    run = subprocess.run(
        ["bash", "-c", command.replace(ADDRESS_SHOWN, address)], capture_output=True, text=True, timeout=30
    )
    printed = run.stdout.replace("\r", "").rstrip()
    if run.returncode != 0 or printed != shown:
        return f"$ {command}\nexit {run.returncode}, prints\n{printed}{run.stderr}\nREADME shows\n{shown}\n"
    return None


def main():
    address, readme = (sys.argv[1:] + [README])[:2]
    pairs = list(commands(pathlib.Path(readme).read_text()))
    problems = [problem for command, shown in pairs if (problem := problem_of(command, shown, address))]
    print("\n".join(problems), end="")
    print(f"{readme}'s commands at {address}: {len(pairs) - len(problems)} of {len(pairs)} print what it shows")
    return 1 if problems or not pairs else 0


sys.exit(main())
