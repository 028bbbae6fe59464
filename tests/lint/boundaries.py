"""Who may include what.

Between folders: gateway -> common <- counter-service, never gateway <-> counter-service, never common -> either.
Between modules and libraries: a library that is wrapped is included by its wrapper only.
"""

import pathlib
import re
import sys

# A project folder, and those it may not include from.
FORBIDDEN_FOLDERS = {
    "common": ("gateway/", "counter-service/", "tests/"),
    "gateway": ("counter-service/", "tests/"),
    "counter-service": ("gateway/", "tests/"),
}

# Start of a system include, and the files (globs) that may have it.
WRAPPERS = {
    "microhttpd": ("common/http_loop.h",),
    "hiredis": ("counter-service/redis_conn.c", "counter-service/redis_transport.c"),
    "curl": ("common/http_client.c",),
    "cyaml": ("common/config_schema.h",),
    # gRPC core: what sends, receives, packs or unpacks messages.
    "grpc": (
        "common/grpc_*.[ch]",
        "gateway/batch_message.[ch]",
        "gateway/channel*.[ch]",
        "gateway/counter_client.[ch]",
        "gateway/health_watch.[ch]",
        "gateway/instance.[ch]",
        "gateway/rpc_*.[ch]",
        "counter-service/counter_reply.[ch]",
        "counter-service/counter_request.[ch]",
        "counter-service/reflection_answer.[ch]",
        "counter-service/rpc_*.[ch]",
        "counter-service/*_rpc.[ch]",
    ),
}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def problems_of(path):
    folder = path.parts[0]
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        bracket, name = match.groups()
        if bracket == '"' and name.startswith(FORBIDDEN_FOLDERS[folder]):
            yield f"{path}:{number}: {folder}/ may not include {name}"
        library = re.split(r"[/.]", name)[0]
        if bracket == "<" and library in WRAPPERS:
            if not any(path.match(allowed) for allowed in WRAPPERS[library]):
                yield f"{path}:{number}: <{name}> is not for this file: see WRAPPERS in tests/lint/boundaries.py"


def main():
    problems = []
    for folder in FORBIDDEN_FOLDERS:
        for path in sorted(pathlib.Path(folder).glob("*.[ch]")):
            problems += problems_of(path)
    print("\n".join(problems), end="\n" if problems else "")
    return 1 if problems else 0


sys.exit(main())
