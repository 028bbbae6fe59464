"""The tables of configuration keys of README.md and README.zh-CN.md, made from configs/config.yaml.

config_table.py: fails when one of them has another table. config_table.py --write: puts it there.
README.md has the comments of the keys as they are. README.zh-CN.md has keys and defaults from there; the meanings are
kept by hand: --write leaves them, and puts the comment where there is none yet, which is then to be translated.
That the comments, defaults and ranges are the programs' own is test_config_keys.c's to prove.
"""

import pathlib
import re
import sys

sys.path.insert(0, "deploy/man")
import config_reference

CONFIG = pathlib.Path("configs/config.yaml")
ENGLISH, CHINESE = pathlib.Path("README.md"), pathlib.Path("README.zh-CN.md")
HEADS = {ENGLISH: "| key | default | what it is |\n", CHINESE: "| 键 | 默认值 | 含义 |\n"}
TABLE = re.compile(r"(?<=<!-- configuration: )([^\n]*\n)(.*?)(?=<!-- end of configuration -->\n)", re.DOTALL)
ROW = re.compile(r"^\| `([a-z_.]+)` \| [^|]* \| (.*) \|$", re.MULTILINE)
IS_CHINESE = re.compile(r"[\u4e00-\u9fff]")


def table(path, meanings):
    """meanings: of keys, instead of their comments."""
    keys = config_reference.keys(CONFIG.read_text())
    rows = [f"| `{key}` | `{default}` | {meanings.get(key, comment)} |\n" for key, default, comment in keys]
    return "".join([HEADS[path], "|---|---|---|\n", *rows])


def problems_of(path, is_written):
    text = path.read_text()
    old = TABLE.search(text)
    meanings = dict(ROW.findall(old[2])) if path == CHINESE else {}
    new = table(path, meanings)
    if is_written and old[2] != new:
        path.write_text(text[: old.start(2)] + new + text[old.end(2) :])
    elif old[2] != new:
        yield f"{path}: its table of configuration keys is not that of {CONFIG}; `make format` makes it"
    if path == CHINESE:
        for key, meaning in ROW.findall(new):
            if not IS_CHINESE.search(meaning):
                yield f"{path}: the meaning of {key} is to be translated"


def main():
    is_written = sys.argv[1:] == ["--write"]
    problems = [problem for path in HEADS for problem in problems_of(path, is_written)]
    print("\n".join(problems), end="\n" if problems else "")
    return 1 if problems and not is_written else 0


sys.exit(main())
