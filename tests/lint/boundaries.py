"""Who may include what: the folders are the architecture.

boundaries.py [ROOT]: checks the project in ROOT (.).
Between wings (a folder of sources is one): only what MAY_USE allows, which has no circle; of a wing with DOORS those
headers only. A wing has at most FILES_MAX files. Between modules and libraries: a library that is wrapped is included
by its wrapper only.
"""

import pathlib
import re
import sys

FILES_MAX = 30

# A wing, and the wings that it may include from. Every wing is here.
MAY_USE = {
    "common/base": "",
    "common/thread": "common/base",
    "common/log": "common/base common/thread",
    "common/metrics": "common/base common/log common/trace",
    "common/contract": "common/base",
    "common/net": "common/base",
    "common/config": "common/base common/contract common/log common/net",
    "common/http": "common/base common/contract common/net common/thread",
    "common/discovery": "common/base common/contract common/log common/net common/thread",
    "common/consul": "common/base common/config common/contract common/discovery common/log common/metrics common/net"
    " common/thread",
    "common/profile": "common/base",
    "common/trace": "common/base common/thread",
    "common/otlp": "common/base common/config common/log common/metrics common/net common/thread common/trace",
    "common/process": "common/base common/config common/contract common/http common/log common/metrics common/net"
    " common/otlp common/profile common/thread common/trace",
    "gateway/pool": "common/*",
    "gateway/rpc": "gateway/pool common/*",
    "gateway/batch": "gateway/rpc common/*",
    "gateway/json": "gateway/batch common/*",
    "gateway/http": "gateway/batch gateway/json gateway/pool gateway/rpc common/*",
    "gateway/cache": "gateway/batch gateway/http gateway/json common/*",
    "gateway/page": "gateway/http gateway/pool common/*",
    "gateway/api": "gateway/batch gateway/cache gateway/http gateway/json gateway/page gateway/pool gateway/rpc"
    " common/*",
    "gateway": "gateway/* common/*",
    "counter-service/redis": "common/*",
    "counter-service/topology": "counter-service/redis common/*",
    "counter-service/event": "common/*",
    "counter-service/kafka": "common/*",
    "counter-service/ranking": "common/*",
    "counter-service/commands": "counter-service/event counter-service/ranking counter-service/redis common/*",
    "counter-service/outbox": "counter-service/commands counter-service/event counter-service/kafka"
    " counter-service/redis counter-service/topology common/*",
    "counter-service/board": "counter-service/commands counter-service/event counter-service/outbox"
    " counter-service/ranking counter-service/redis counter-service/topology common/*",
    "counter-service/counting": "counter-service/board counter-service/event counter-service/outbox"
    " counter-service/ranking counter-service/redis counter-service/topology common/*",
    "counter-service/aggregator": "counter-service/board counter-service/commands counter-service/counting"
    " counter-service/event counter-service/outbox counter-service/ranking counter-service/redis"
    " counter-service/topology common/*",
    "counter-service/store": "counter-service/commands counter-service/ranking counter-service/redis"
    " counter-service/topology common/*",
    "counter-service/verify": "counter-service/commands counter-service/event counter-service/kafka"
    " counter-service/redis counter-service/topology common/*",
    "counter-service/verify_rankings": "counter-service/aggregator counter-service/board counter-service/commands"
    " counter-service/event counter-service/kafka counter-service/outbox counter-service/ranking counter-service/redis"
    " counter-service/verify counter-service/topology common/*",
    "counter-service/repair": "counter-service/aggregator counter-service/board counter-service/commands"
    " counter-service/event counter-service/kafka counter-service/outbox counter-service/ranking counter-service/redis"
    " counter-service/verify counter-service/verify_rankings counter-service/topology common/*",
    "counter-service/repartition": "counter-service/commands counter-service/event counter-service/redis"
    " counter-service/topology counter-service/verify common/*",
    "counter-service/rpc": "common/*",
    "counter-service/reflection": "counter-service/rpc common/*",
    "counter-service/api": "counter-service/aggregator counter-service/commands counter-service/outbox"
    " counter-service/ranking counter-service/rpc counter-service/store common/*",
    "counter-service": "counter-service/* common/*",
}

# A wing that hides its insides, and its headers for the others.
DOORS = {
    "gateway/pool": ("channel_pool.h", "endpoints.h"),
}

# Start of a system include, and the files (globs) that may have it.
WRAPPERS = {
    "microhttpd": ("common/http/http_loop.h",),
    "hiredis": ("counter-service/redis/redis_conn.c",),
    "openssl": ("counter-service/redis/redis_transport_tls.c", "counter-service/redis/redis_tls_*.[ch]"),
    "librdkafka": ("counter-service/kafka/*.[ch]",),
    "curl": ("common/net/http_client.c",),
    "cyaml": ("common/config/config_schema.h",),
    "zlib": ("common/otlp/gzip.c",),
    "elfutils": ("common/profile/symbols.c",),
    # gRPC core: what sends, receives, packs or unpacks messages.
    "grpc": (
        "common/contract/grpc_*.[ch]",
        "common/log/grpc_log.[ch]",
        "common/process/grpc_library.[ch]",
        "gateway/batch/batch_message.[ch]",
        "gateway/pool/channel*.[ch]",
        "gateway/pool/health_watch.[ch]",
        "gateway/pool/instance*.[ch]",
        "gateway/rpc/*.[ch]",
        "counter-service/api/*.[ch]",
        "counter-service/reflection/*.[ch]",
        "counter-service/rpc/*.[ch]",
    ),
}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def may_use(wing, other):
    return any(pathlib.PurePath(other).match(pattern) for pattern in MAY_USE[wing].split())


def allowed(wing, name):
    """Whether a file of the wing may include the header `name` of the project."""
    other, header = str(pathlib.PurePath(name).parent), pathlib.PurePath(name).name
    if other == wing or not other.startswith(("common", "gateway", "counter-service", "tests")):
        return True  # its own, or generated from proto/
    return may_use(wing, other) and (other not in DOORS or header in DOORS[other])


def problems_of(path, root):
    wing = str(path.parent)
    for number, line in enumerate((root / path).read_text().splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        bracket, name = match.groups()
        if bracket == '"' and not allowed(wing, name):
            yield f"{path}:{number}: {wing}/ may not include {name}: see MAY_USE and DOORS in tests/lint/boundaries.py"
        library = re.split(r"[/.]", name)[0]
        if bracket == "<" and library in WRAPPERS:
            if not any(path.match(pattern) for pattern in WRAPPERS[library]):
                yield f"{path}:{number}: <{name}> is not for this file: see WRAPPERS in tests/lint/boundaries.py"


def problems_of_wing(wing, root):
    if wing not in MAY_USE:
        yield f"{wing}/ is no wing: see MAY_USE in tests/lint/boundaries.py"
        return
    paths = sorted(path.relative_to(root) for path in (root / wing).glob("*.[ch]"))
    if len(list((root / wing).glob("*.*"))) > FILES_MAX:
        yield f"{wing}/ has more than {FILES_MAX} files"
    for path in paths:
        yield from problems_of(path, root)


def circles():
    """MAY_USE goes one way: its wings can be put in an order."""
    left = {wing: {other for other in MAY_USE if other != wing and may_use(wing, other)} for wing in MAY_USE}
    while left:
        free = [wing for wing, uses in left.items() if not uses & left.keys()]
        if not free:
            yield f"MAY_USE has a circle among {', '.join(sorted(left))}"
            return
        for wing in free:
            del left[wing]


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    problems = list(circles())
    for folder in ("common", "gateway", "counter-service"):
        wings = {path.parent.relative_to(root) for path in (root / folder).rglob("*.[ch]")}
        for wing in sorted(map(str, wings)):
            problems += problems_of_wing(wing, root)
    print("\n".join(problems), end="\n" if problems else "")
    return 1 if problems else 0


sys.exit(main())
