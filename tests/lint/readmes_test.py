"""readmes.py refuses what it must: each case changes one of the two files in a copy, and expects to be told."""

import pathlib
import shutil
import subprocess
import sys
import tempfile

ENGLISH, CHINESE = "README.md", "README.zh-CN.md"

# The file that is changed, what is replaced by what, once, and a part of what must be said.
CASES = [
    (CHINESE, "[English](README.md)", "[English](README.en.md)", "does not follow its title"),
    (ENGLISH, "[中文](README.zh-CN.md)\n", "", "does not follow its title"),
    (CHINESE, "\n## 容器\n", "\n### 容器\n", "a heading of level 3 instead of a heading of level 2"),
    (CHINESE, "\n## 容器\n", "\n", "a block instead of a heading of level 2"),
    (CHINESE, '"increment":1}\'', '"increment":2}\'', "the block is another one"),
    (CHINESE, "    sudo apt install ./build", "    sudo apt install build", "the block is another one"),
    (CHINESE, "`tally_shed_total{reason}` |", "`tally_shed_total` |", "lacks `tally_shed_total{reason}`"),
    (CHINESE, "(proto/EVENTS.md)", "(proto/openapi.yaml)", "lacks the link proto/EVENTS.md"),
    (CHINESE, "“多个实例”", "“多个”", "lacks the name of section "),
    (CHINESE, "| 监听地址：0.0.0.0", "| 监听地址：127.0.0.1", "lacks 0.0.0.0"),
    (ENGLISH, "\n## Containers\n", "\n## Containers\n\nMore `of` it.\n", "a block instead of a paragraph"),
    (ENGLISH, "| SIGUSR1, SIGUSR2 | nothing |\n", "", "a row of 2 columns instead of a paragraph"),
    (ENGLISH, "| SIGUSR1, SIGUSR2 | nothing |\n", "| SIGUSR1 | nothing | |\n", "instead of a row of 3 columns"),
    (CHINESE, "在尚未计过数的环境上：", "On a new stack:", "is not in Chinese"),
    (CHINESE, "同样的测试", "`more` 同样的测试", "has `more` for nothing"),
]


def check(root):
    command = [sys.executable, "tests/lint/readmes.py", root]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def problem_of(root, name, before, after, says):
    """What readmes.py does wrong about the case; None if nothing."""
    path = root / name
    text = path.read_text()
    if before not in text:
        return f"{name} has no more {before!r}"
    path.write_text(text.replace(before, after, 1))
    result = check(root)
    path.write_text(text)
    if result.returncode == 0 or says not in result.stdout:
        return f"readmes.py accepts {after!r} for {before!r} in {name}, or says:\n{result.stdout}{result.stderr}"
    return None


def main():
    with tempfile.TemporaryDirectory() as directory:
        root = pathlib.Path(directory)
        for name in (ENGLISH, CHINESE):
            shutil.copy(name, root)
        if check(root).returncode != 0:
            print("readmes.py refuses the files as they are")
            return 1
        problems = [problem for case in CASES if (problem := problem_of(root, *case))]
    print("\n".join(problems), end="\n" if problems else "")
    return 1 if problems else 0


sys.exit(main())
