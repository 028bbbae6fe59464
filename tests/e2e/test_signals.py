"""What both programs do at SIGHUP, SIGQUIT, SIGUSR1 and SIGUSR2. SIGTERM and SIGINT have test_drain.py."""

import json
import os
import signal

import pytest

from harness.calls import INCREMENT, item
from harness.daemons import Gateway, Service
from harness.exposition import scrape
from harness.http_client import request_bytes
from harness.paths import program
from harness.stubs import CounterServiceStub, pb
from harness.wait import wait_until

PROGRAMS = ["gateway", "counter-service"]
READ_AGAIN = "configuration read again"


@pytest.fixture
def launch(stack, tmp_path):
    """Starts a program of that name with a configuration file of its own, or with none (None)."""
    made = []

    def make(name, text="log: {level: warn}\n", wrapper=(), **settings):
        if name == "gateway":
            daemon = Gateway(tmp_path, stack.service.address, name="signalled", **settings)
        else:
            daemon = Service(tmp_path, stack.redis.address, name="signalled", **settings)
        daemon.config_path = tmp_path / "own.yaml"
        daemon.argv = [*wrapper, str(program(name))]
        if text is not None:
            daemon.config_path.write_text(text)
            daemon.argv += ["--config", str(daemon.config_path)]
        made.append(daemon)
        daemon.start()
        return daemon

    yield make
    for daemon in made:
        daemon.close()


def lines(daemon):
    return [json.loads(line) for line in daemon.log().splitlines()]


def messages(daemon):
    return [line["msg"] for line in lines(daemon)]


def read_again(daemon, text):
    daemon.config_path.write_text(text)
    daemon.send_signal(signal.SIGHUP)


def read_in_turn(daemon, *texts):
    """Where nothing in the log tells that one was read: each is a pipe, which can be written to once it is read."""
    for text in texts:
        daemon.config_path.unlink()
        os.mkfifo(daemon.config_path)
        daemon.send_signal(signal.SIGHUP)
        daemon.config_path.write_text(text)


@pytest.mark.parametrize("name", PROGRAMS)
def test_hang_up_applies_the_level_of_the_log(name, launch):
    daemon = launch(name)
    assert daemon.log() == ""
    read_again(daemon, "log: {level: debug}\n")
    daemon.wait_for_log(READ_AGAIN)
    assert lines(daemon)[-1]["log_level"] == "debug"
    assert daemon.is_ready()
    daemon.stop()
    assert messages(daemon)[0] == READ_AGAIN
    assert messages(daemon)[-3:] == ["stopping", "draining", "stopped"]


@pytest.mark.parametrize("name", PROGRAMS)
def test_hang_up_makes_the_log_silent_too(name, launch):
    daemon = launch(name, "log: {level: info}\n")
    read_again(daemon, "log: {level: error}\n")
    daemon.wait_for_log(READ_AGAIN)
    daemon.stop()
    assert messages(daemon)[-1] == READ_AGAIN


@pytest.mark.parametrize("name", PROGRAMS)
def test_keys_that_need_a_restart_are_named(name, launch):
    daemon = launch(name)
    read_again(daemon, "log: {level: info, format: console}\nredis: {db: 3, password: hunter2}\n")
    daemon.wait_for_log("changed keys take effect at a restart")
    assert lines(daemon)[-1]["keys"] == "redis.password redis.db log.format"
    assert "hunter2" not in daemon.log()
    daemon.stop()


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_bad_file_is_told_and_changes_nothing(name, launch):
    daemon = launch(name)
    read_again(daemon, "log: {level: debug}\nserver: {port: many}\n")
    daemon.wait_for_log("server.port must be a whole number")
    (line,) = lines(daemon)
    assert line["level"] == "error" and str(daemon.config_path) in line["error"]
    daemon.config_path.unlink()
    daemon.send_signal(signal.SIGHUP)
    daemon.wait_for_log("No such file")
    assert daemon.is_ready()
    daemon.stop()
    assert len(lines(daemon)) == 2, "the level is still warn"


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_level_that_there_is_not_is_told_and_the_old_one_stays(name, launch):
    daemon = launch(name)
    read_again(daemon, "log: {level: loud}\n")
    daemon.wait_for_log("log.level")
    (line,) = lines(daemon)
    assert line["level"] == "error" and "nothing is changed" in line["msg"]
    read_again(daemon, "log: {level: info}\n")
    daemon.wait_for_log(READ_AGAIN)
    assert lines(daemon)[-1]["log_level"] == "info"
    daemon.stop()


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_variable_for_the_level_still_wins_over_the_file(name, launch):
    daemon = launch(name, "log: {level: info}\n", LOG_LEVEL="error")
    read_in_turn(daemon, "log: {level: debug}\nredis: {db: 3}\n", "log: {level: loud}\n")
    daemon.wait_for_log("log.level")
    assert daemon.is_ready()
    daemon.stop()
    assert len(lines(daemon)) == 1, "the level is still error"


@pytest.mark.parametrize("name", PROGRAMS)
def test_requests_are_logged_from_the_hang_up_that_says_so_to_the_next(name, launch):
    daemon = launch(name, "log: {level: info}\n")
    answered = '"msg":"request answered"'
    daemon.get("/health")
    read_again(daemon, "log: {level: debug}\n")
    daemon.wait_for_log('"log_level":"debug"')
    assert answered not in daemon.log()
    daemon.get("/health")
    daemon.wait_for_log(answered)
    read_again(daemon, "log: {level: info}\n")
    daemon.wait_for_log('"log_level":"info"')
    before = daemon.log().count(answered)
    daemon.get("/health")
    daemon.stop()
    assert daemon.log().count(answered) == before


@pytest.mark.parametrize("name", PROGRAMS)
def test_hang_up_without_a_file_reads_the_environment(name, launch):
    daemon = launch(name, None)
    daemon.send_signal(signal.SIGHUP)
    daemon.wait_for_log(READ_AGAIN)
    assert "restart" not in daemon.log()
    daemon.stop()


@pytest.mark.parametrize("name", PROGRAMS)
def test_hang_up_is_answered_under_nohup(name, launch):
    daemon = launch(name, wrapper=["nohup"])
    read_again(daemon, "log: {level: info}\n")
    daemon.wait_for_log(READ_AGAIN)
    daemon.stop()


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_users_signals_do_nothing(name, launch):
    daemon = launch(name)
    for number in (signal.SIGUSR1, signal.SIGUSR2) * 10:
        daemon.send_signal(number)
    assert daemon.is_ready()
    assert daemon.is_running and daemon.log() == ""
    daemon.stop()


def test_quit_drains_the_gateway(stack, launch):
    gateway = launch("gateway", "log: {level: info}\n", DRAIN_DELAY="0ms")
    own = scrape(gateway).sum("tally_http_requests_in_flight")
    with gateway.connection() as connection:
        stack.redis.pause()
        try:
            connection.send(request_bytes("POST", INCREMENT, item("quit")))
            wait_until(lambda: scrape(gateway).sum("tally_http_requests_in_flight") > own)
            gateway.send_signal(signal.SIGQUIT)
            gateway.wait_draining()
        finally:
            stack.redis.resume()
        assert connection.response().status == 200
    gateway.wait_stopped()


def test_quit_drains_the_service(stack, launch):
    service = launch("counter-service", "log: {level: info}\n", DRAIN_DELAY="0ms")
    with service.channel() as channel:
        stack.redis.pause()
        try:
            request = pb.IncrementRequest(resource_id="quit-service", counter_type="like", delta=1)
            calls = [CounterServiceStub(channel).Increment.future(request, timeout=10)]
            # The worker is at the first one, or at its heartbeat, when another one waits behind it.
            while scrape(service).sum("tally_store_queue_length") == 0:
                calls.append(CounterServiceStub(channel).Increment.future(request, timeout=10))
            service.send_signal(signal.SIGQUIT)
            service.wait_draining()
        finally:
            stack.redis.resume()
        assert sorted(call.result().value for call in calls) == list(range(1, len(calls) + 1))
    service.wait_stopped()


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_second_quit_ends_it_at_once(name, launch):
    daemon = launch(name, "log: {level: info}\n", DRAIN_DELAY="5m")
    daemon.send_signal(signal.SIGQUIT)
    daemon.wait_draining()
    daemon.send_signal(signal.SIGHUP)
    daemon.send_signal(signal.SIGUSR1)
    assert daemon.get("/health").status == 503
    daemon.send_signal(signal.SIGQUIT)
    assert daemon.wait() == 128 + signal.SIGQUIT
