"""README's table of configuration keys, made from the comments of configs/config.yaml.

config_table.py: fails when README has another table. config_table.py --write: puts it there.
That the comments, defaults and ranges are the programs' own is test_config_keys.c's to prove.
"""

import pathlib
import re
import sys

CONFIG = pathlib.Path("configs/config.yaml")
README = pathlib.Path("README.md")
BEGIN = "<!-- configuration: made by `make format` from configs/config.yaml -->\n"
END = "<!-- end of configuration -->\n"


def keys(text):
    """(key, default, comment) of each; two blanks of indentation a level, and the comment above its key."""
    sections, comment = [], []
    for line in text.splitlines():
        indent, content = re.fullmatch(r"( *)(.*)", line).groups()
        if content.startswith("#"):
            comment.append(content.lstrip("# "))
            continue
        if content:
            name, value = re.fullmatch(r"([a-z_]+): *(.*)", content).groups()
            sections[len(indent) // 2 :] = [name]
            if value:
                yield ".".join(sections), value, " ".join(comment)
        comment = []


def table():
    rows = [f"| `{key}` | `{default}` | {comment} |\n" for key, default, comment in keys(CONFIG.read_text())]
    return "".join(["| key | default | what it is |\n", "|---|---|---|\n", *rows])


def main():
    before, old, after = re.fullmatch(f"(.*{BEGIN})(.*)({END}.*)", README.read_text(), re.DOTALL).groups()
    if old == table():
        return 0
    if sys.argv[1:] == ["--write"]:
        README.write_text(before + table() + after)
        return 0
    print(f"{README}: its table of configuration keys is not that of {CONFIG}; `make format` makes it")
    return 1


sys.exit(main())
