"""/debug/pprof of both programs, read by the real pprof."""

import os
import re
import shutil
import subprocess
import threading
import time

import pytest

from harness.daemons import Service
from harness.law import check
from harness.load import Load
from harness.paths import BIN_DIR, ROOT, program
from harness.wait import wait_until

PATHS = ["/debug/pprof/", "/debug/pprof/profile", "/debug/pprof/heap", "/debug/pprof/cmdline"]
ON = {"DEBUG_PPROF": "true"}
IS_TSAN = BIN_DIR.parent.name == "tsan"


@pytest.fixture(scope="module")
def stack(start_stack):
    return start_stack(service=ON, gateway=ON)


@pytest.fixture
def pprof(tmp_path):
    """What `go tool pprof` prints about a profile."""
    assert shutil.which("go"), "go is needed: Debian's golang-go"
    # Go builds pprof when it is first asked for it, which takes half a minute: once.
    environment = os.environ | {
        "HOME": str(tmp_path),
        "PPROF_TMPDIR": str(tmp_path),
        "GOTOOLCHAIN": "local",
        "GOCACHE": str(ROOT / "build" / "go-cache"),
    }

    def read(daemon, path, *options):
        url = f"http://127.0.0.1:{daemon.http_port}/debug/pprof/{path}"
        argv = ["go", "tool", "pprof", *options, url]
        done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return read


def has_jemalloc(daemon_program):
    """The sanitizers' builds have their allocator."""
    with open(program(daemon_program), "rb") as file:
        return b"libjemalloc.so" in file.read()


def profiles_taken(daemon):
    text = daemon.get("/metrics").body.decode()
    return int(re.search(r'^tally_profiles_total{kind="cpu"} (\d+)$', text, re.MULTILINE)[1])


def profile_meanwhile(daemon, seconds):
    """A profile is being taken when this returns; .answer when it has come."""
    before = profiles_taken(daemon)

    class Asking(threading.Thread):
        answer = None

        def run(self):
            self.answer = daemon.request("GET", f"/debug/pprof/profile?seconds={seconds}", timeout=60)

    asking = Asking(daemon=True)
    asking.start()
    wait_until(lambda: profiles_taken(daemon) > before, 10)
    return asking


@pytest.mark.timeout(120)
def test_where_time_goes_is_told_by_name_and_nothing_is_lost_meanwhile(stack, pprof):
    daemons = {"gateway": stack.gateway, "service": stack.service}
    found = {}

    def ask(name):
        found[name] = pprof(daemons[name], "profile?seconds=3", "-tags")

    with Load(stack.load_port, connections=20, pause=0) as load:
        time.sleep(0.5)
        threads = [threading.Thread(target=ask, args=(name,)) for name in daemons]
        for thread in threads:
            thread.start()
        time.sleep(1)
        for daemon in daemons.values():
            assert daemon.get("/health").status == 200
        for thread in threads:
            thread.join()
        ledger = load.stop()
    assert set(ledger.statuses) == {200}, ledger
    check(ledger, stack.values(ledger.counters()))
    assert "http-loop" in found["gateway"] and "rpc-0" in found["service"] and "store-0" in found["service"], found


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("name", "functions"),
    [
        ("gateway", ["loop_main", "MHD_run", "sendmsg"]),
        ("service", ["store_pipeline_run", "redis_conn_next", "grpc_call_start_batch"]),
    ],
)
def test_functions_of_the_program_and_its_libraries_have_names(stack, pprof, name, functions):
    daemon = stack.gateway if name == "gateway" else stack.service
    with Load(stack.load_port, connections=20, pause=0) as load:
        top = pprof(daemon, "profile?seconds=3", "-top", "-cum", "-nodefraction=0", "-nodecount=2000")
        load.stop()
    assert "Type: cpu" in top
    assert "Duration: 3" in top
    if IS_TSAN:  # it runs handlers later, from code of its own: a sample has a place, and no callers
        functions = ["__tsan"]
    for function in functions:
        assert function in top, top


def test_a_second_caller_is_told_and_one_who_leaves_is_not_waited_for(stack):
    first = profile_meanwhile(stack.gateway, 10)
    refused = stack.gateway.get("/debug/pprof/profile")
    assert refused.status == 409
    assert refused.json()["type"] == "/problems/profile-in-progress"
    first.join()
    assert first.answer.status == 200
    assert first.answer.header("content-type") == "application/octet-stream"
    with pytest.raises(OSError):
        stack.gateway.request("GET", "/debug/pprof/profile?seconds=300", timeout=0.5)
    wait_until(lambda: stack.gateway.get("/debug/pprof/profile?seconds=1").status == 200, 5)


def test_the_heap_is_told(stack, pprof):
    if not has_jemalloc("gateway"):
        assert stack.gateway.get("/debug/pprof/heap").status == 501
        return
    assert stack.gateway.get("/debug/pprof/heap?seconds=1").status == 200
    # Each loop's cache has a table of 8 MB, and one byte in 512 KiB is sampled.
    cache = {"CACHE_MAX_STALENESS": "1s", "CACHE_MAX_ENTRIES": "1000000"}
    sampled = stack.extra_gateway(**ON, **cache, DEBUG_HEAP_PROFILE="true")
    top = pprof(sampled, "heap", "-top", "-cum")
    assert "Type: inuse_space" in top and "File: gateway" in top
    assert re.search(r"[kM]B .* cache_create$", top, re.MULTILINE) and "daemon_main" in top, top


def test_how_it_was_started_is_told(stack):
    for daemon, name in ((stack.gateway, "gateway"), (stack.service, "counter-service")):
        assert daemon.get("/debug/pprof/cmdline").body.split(b"\0")[0].decode() == str(program(name))
        assert "profile?seconds" in daemon.get("/debug/pprof/").body.decode()


@pytest.mark.parametrize(
    "query", ["seconds=0", "seconds=301", "seconds=", "seconds=1.5", "second=1", "seconds=-1", "%"]
)
def test_a_time_that_cannot_be_is_refused(stack, query):
    for path in ("profile", "heap"):
        response = stack.service.get(f"/debug/pprof/{path}?{query}")
        if path == "heap" and not has_jemalloc("counter-service"):
            assert response.status == 501
            continue
        assert response.status == 400, response
        assert response.json()["detail"] == "The one parameter is seconds, from 1 to 300."


@pytest.mark.parametrize(
    "header", ["X-Forwarded-For: 127.0.0.1", "Forwarded: for=127.0.0.1", "Via: 1.1 a", "Origin: http://localhost:8080"]
)
@pytest.mark.parametrize("path", PATHS)
def test_proxies_and_web_pages_get_nothing(stack, path, header):
    for daemon in (stack.gateway, stack.service):
        refused = daemon.get(path, headers=[tuple(header.split(": ", 1))])
        assert refused.status == 403
        assert ("web pages" if "Origin" in header else "proxy") in refused.json()["detail"]


def test_head_takes_no_profile(stack):
    for daemon in (stack.gateway, stack.service):
        before = profiles_taken(daemon)
        assert daemon.request("HEAD", "/debug/pprof/profile?seconds=300").status == 200
        assert profiles_taken(daemon) == before


def test_a_profile_may_take_longer_than_any_other_answer(stack):
    gateway = stack.extra_gateway(**ON, SERVER_IDLE_TIMEOUT="1s", SERVER_READ_TIMEOUT="1s")
    wait_until(lambda: gateway.get("/debug/pprof/profile?seconds=1").status == 200, what="a gateway that has started")
    assert gateway.get("/debug/pprof/profile?seconds=6").status == 200


@pytest.mark.parametrize("path", PATHS)
def test_they_are_off_unless_they_are_turned_on(stack, path):
    gateway = stack.extra_gateway()
    refused = gateway.get(path)
    assert refused.status == 404
    assert "debug.pprof" in refused.json()["detail"]


@pytest.mark.timeout(120)
def test_a_program_that_stops_waits_for_no_profile(stack, tmp_path):
    settings = ON | {"DRAIN_DELAY": "0s", "DRAIN_TIMEOUT": "5m"}
    gateway = stack.extra_gateway(**settings)
    service = Service(tmp_path, stack.redis.address, name="stopping", **settings)
    service.start()
    try:
        for daemon in (gateway, service):
            asking = profile_meanwhile(daemon, 300)
            daemon.terminate()
            daemon.wait_stopped(30)
            asking.join(20)
            assert asking.answer.status == 503
    finally:
        service.close()
