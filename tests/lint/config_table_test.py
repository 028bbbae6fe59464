"""config_table.py tells and writes what it must, in a copy of the files that it reads."""

import pathlib
import shutil
import subprocess
import sys
import tempfile

COPIED = ("README.md", "README.zh-CN.md", "configs/config.yaml", "deploy/man/config_reference.py")
KEY = "  # HTTP. 0-65535; 0 takes a free port and logs it.\n  port: 8080\n"
NEW_KEY = "  # Words about it. 1-9.\n  novelty: 7\n"

problems = []


def config_table(root, *arguments):
    command = [sys.executable, pathlib.Path("tests/lint/config_table.py").resolve(), *arguments]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)


def expect(is_so, what):
    if not is_so:
        problems.append(f"config_table.py: {what}")


def edit(path, before, after):
    text = path.read_text()
    expect(before in text, f"{path.name} has no more {before!r}")
    path.write_text(text.replace(before, after, 1))


def test_in(root):
    config, chinese, english = root / "configs/config.yaml", root / "README.zh-CN.md", root / "README.md"
    expect(config_table(root).returncode == 0, "refuses the files as they are")

    edit(chinese, "| `server.port` | `8080` |", "| `server.port` | `8081` |")
    expect(config_table(root).returncode == 1, "accepts another default in README.zh-CN.md")
    edit(english, "| HTTP. 0-65535", "| HTTP. 0-65536")
    expect(config_table(root).stdout.count("make format") == 2, "does not tell both files")
    config_table(root, "--write")
    expect(config_table(root).returncode == 0, "did not mend what it can mend")

    before = chinese.read_text()
    edit(config, KEY, KEY + NEW_KEY)
    expect(config_table(root, "--write").returncode == 0, "fails to write")
    row = "| `server.novelty` | `7` | Words about it. 1-9. |\n"
    expect(row in english.read_text(), "leaves a new key out of README.md")
    expect(chinese.read_text().replace(row, "") == before, "changes more of README.zh-CN.md than the new row")
    result = config_table(root)
    is_told = "server.novelty is to be translated" in result.stdout
    expect(result.returncode == 1 and is_told, "accepts a comment as it is")
    edit(chinese, "Words about it. 1-9.", "新的键。1-9。")
    expect(config_table(root).returncode == 0, "refuses the translated row")
    expect("| 新的键。1-9。 |" in chinese.read_text(), "loses a meaning")


def main():
    with tempfile.TemporaryDirectory() as directory:
        root = pathlib.Path(directory)
        for name in COPIED:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(name, root / name)
        test_in(root)
    print("\n".join(problems), end="\n" if problems else "")
    return 1 if problems else 0


sys.exit(main())
