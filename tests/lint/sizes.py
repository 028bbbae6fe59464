"""Bounds of what a reader meets at once: functions of 70 lines, files of 500, lines of 120 columns."""

import pathlib
import re
import sys

FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 500
COLUMNS_MAX = 120

FOLDERS = ("common", "gateway", "counter-service", "deploy", "tests")
SUFFIXES = {".c", ".h", ".S", ".lua", ".py", ".sh", ".html", ".css", ".js"}


def long_functions(path, lines):
    """clang-format puts a function's braces, and no others, alone at the start of a line."""
    start = None
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number
        elif line == "}" and start:
            length = number - start + 1
            if length > FUNCTION_LINES_MAX:
                name = re.search(r"(\w+)\(", " ".join(lines[max(start - 4, 0) : start]))
                yield f"{path}:{start}: {name.group(1) if name else 'a function'} has {length} lines"
            start = None


def problems_of(path):
    lines = path.read_text().splitlines()
    if len(lines) > FILE_LINES_MAX:
        yield f"{path}: {len(lines)} lines"
    for number, line in enumerate(lines, 1):
        if len(line) > COLUMNS_MAX:
            yield f"{path}:{number}: {len(line)} columns"
    if path.suffix in (".c", ".h"):
        yield from long_functions(path, lines)


def main():
    problems = []
    for folder in FOLDERS:
        for path in sorted(pathlib.Path(folder).rglob("*")):
            if path.suffix in SUFFIXES:
                problems += problems_of(path)
    print("\n".join(problems), end="\n" if problems else "")
    return 1 if problems else 0


sys.exit(main())
