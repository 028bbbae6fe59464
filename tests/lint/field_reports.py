"""Each test that tests/e2e/FIELD_REPORTS.md names is there."""

import pathlib
import re
import sys

TABLE = pathlib.Path("tests/e2e/FIELD_REPORTS.md")
ROW = re.compile(r"^\|.*\| `([^`]+)::([^`]+)` \|$")


def problems():
    rows = 0
    for number, line in enumerate(TABLE.read_text().splitlines(), 1):
        if not line.startswith("|") or line.startswith(("| reported |", "|---")):
            continue
        match = ROW.match(line)
        if match is None:
            yield f"{TABLE}:{number}: the row does not end with `file::test`"
            continue
        rows += 1
        name, test = match.groups()
        files = list(pathlib.Path("tests").rglob(name))
        if not any(re.search(rf"\b{test}\(", file.read_text()) for file in files):
            yield f"{TABLE}:{number}: there is no {test} in {name}"
    if rows == 0:
        yield f"{TABLE}: no rows"


def main():
    found = list(problems())
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


sys.exit(main())
