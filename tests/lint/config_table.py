"""README's table of configuration keys, made from the comments of configs/config.yaml.

config_table.py: fails when README has another table. config_table.py --write: puts it there.
That the comments, defaults and ranges are the programs' own is test_config_keys.c's to prove.
"""

import pathlib
import re
import sys

sys.path.insert(0, "deploy/man")
import config_reference

CONFIG = pathlib.Path("configs/config.yaml")
README = pathlib.Path("README.md")
BEGIN = "<!-- configuration: made by `make format` from configs/config.yaml -->\n"
END = "<!-- end of configuration -->\n"


def table():
    keys = config_reference.keys(CONFIG.read_text())
    rows = [f"| `{key}` | `{default}` | {comment} |\n" for key, default, comment in keys]
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
