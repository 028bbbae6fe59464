"""boundaries.py refuses what it must: each case breaks a rule in a copy of the sources, and expects to be told."""

import pathlib
import shutil
import subprocess
import sys
import tempfile

FOLDERS = ("common", "gateway", "counter-service")

# The file that is broken, the line that breaks it, and a part of what must be said.
CASES = [
    ("common/base/utf8.c", '#include "gateway/http/reply.h"', "common/base/ may not include gateway/http/reply.h"),
    ("common/base/utf8.c", '#include "common/log/log.h"', "common/base/ may not include common/log/log.h"),
    ("gateway/json/json_reader.c", '#include "gateway/http/reply.h"', "gateway/json/ may not include"),
    ("gateway/http/reply.c", '#include "counter-service/store/store.h"', "gateway/http/ may not include"),
    ("gateway/rpc/rpc_attempt.c", '#include "gateway/pool/channel.h"', "gateway/rpc/ may not include"),
    ("counter-service/redis/redis_conn.h", '#include "counter-service/store/store.h"', "may not include"),
    ("counter-service/store/store.c", '#include "tests/fakes/redis_process.h"', "may not include"),
    ("counter-service/store/store.c", "#include <hiredis/hiredis.h>", "is not for this file"),
    ("common/misc/misc.c", "int misc;", "common/misc/ is no wing"),
]


def check(root):
    return subprocess.run(
        [sys.executable, "tests/lint/boundaries.py", root], capture_output=True, text=True, check=False
    )


def problem_of(root, name, line, says):
    """What boundaries.py does wrong about the case; None if nothing."""
    path = root / name
    before = path.read_text() if path.exists() else None
    path.parent.mkdir(exist_ok=True)
    path.write_text((before or "") + line + "\n")
    result = check(root)
    if before is None:
        shutil.rmtree(path.parent)
    else:
        path.write_text(before)
    if result.returncode == 0 or says not in result.stdout:
        return f"boundaries.py accepts `{line}` in {name}"
    return None


def main():
    with tempfile.TemporaryDirectory() as directory:
        root = pathlib.Path(directory)
        for folder in FOLDERS:
            shutil.copytree(folder, root / folder)
        if check(root).returncode != 0:
            print("boundaries.py refuses the sources as they are")
            return 1
        problems = [problem for case in CASES if (problem := problem_of(root, *case))]
        for i in range(31):
            (root / "common/log" / f"more_{i}.h").touch()
        if "has more than 30 files" not in check(root).stdout:
            problems.append("boundaries.py accepts a wing of too many files")
    print("\n".join(problems), end="\n" if problems else "")
    return 1 if problems else 0


sys.exit(main())
