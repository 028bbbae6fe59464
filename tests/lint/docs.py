"""Paths that the Markdown files name exist: targets of relative links, and `folder/file` in code marks.

README.md and README.zh-CN.md name every metric that a program has.
A block of Python under a paragraph that starts with a link to a Python file is that file, word by word.
"""

import pathlib
import re
import subprocess
import sys

READMES = (pathlib.Path("README.md"), pathlib.Path("README.zh-CN.md"))
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
CODE = re.compile(r"`((?:common|gateway|counter-service|proto|configs|deploy|tests|\.ci)/[\w./*-]*)`")
QUOTE = re.compile(r"^\[[^]]+\]\(([^)\s]+\.py)\)(?:[^\n]+\n)+\n```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
METRIC = re.compile(r'\.name = "(tally_\w+)"')


def exists(root, name):
    return any(root.glob(name.rstrip("/"))) if "*" in name else (root / name).exists()


def problems_of(path):
    text = path.read_text()
    for target, quoted in QUOTE.findall(text):
        if exists(path.parent, target) and (path.parent / target).read_text() != quoted:
            yield f"{path}: quotes {target}, which says something else"
    for number, line in enumerate(text.splitlines(), 1):
        for target in LINK.findall(line):
            if "://" not in target and not target.startswith("mailto:") and not exists(path.parent, target):
                yield f"{path}:{number}: link to {target}, which does not exist"
        for name in CODE.findall(line):
            if not exists(pathlib.Path("."), name):
                yield f"{path}:{number}: names {name}, which does not exist"


def unnamed_metrics(readme):
    named = set(re.findall(r"tally_\w+", readme.read_text()))
    for root in ("common", "gateway", "counter-service"):
        for path in sorted(pathlib.Path(root).rglob("*.c")):
            for name in METRIC.findall(path.read_text()):
                if name not in named:
                    yield f"{path}: {readme} does not name {name}"


def main():
    command = ["git", "ls-files", "-co", "--exclude-standard", "*.md"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    documents = [path for path in map(pathlib.Path, listed) if path.exists()]
    problems = [problem for path in documents for problem in problems_of(path)]
    problems += [problem for readme in READMES for problem in unnamed_metrics(readme)]
    print("\n".join(problems), end="\n" if problems else "")
    return 1 if problems else 0


sys.exit(main())
