"""compose.py refuses what it must: each case changes one of its two files in a copy, and expects to be told.

compose_test.py DIRECTORY: where the programs are.
"""

import pathlib
import shutil
import subprocess
import sys
import tempfile

COMPOSE, ENV_FILE = "deploy/docker-compose.yml", "deploy/observability.env"
PROFILED = "  {}:\n    <<: *confined\n    profiles: [observability]\n"
WAITS = "    redis: { condition: service_healthy }\n"
BROKERS = "${TALLY_KAFKA_BROKERS-}"

# The file that is changed, what is replaced by what, once, and a part of what must be said.
CASES = [
    (COMPOSE, PROFILED.format("kafka"), "  kafka:\n    <<: *confined\n", "kafka: is in no profile"),
    (COMPOSE, PROFILED.format("jaeger"), "  jaeger:\n    <<: *confined\n", "jaeger: is in no profile"),
    (COMPOSE, "    profiles: [observability]", "    profiles: [more]", f"{ENV_FILE}: does not start kafka"),
    (COMPOSE, WAITS, WAITS + WAITS.replace("redis", "kafka"), "waits for kafka, which is not started"),
    (COMPOSE, BROKERS, "kafka:9092", "TALLY_KAFKA_BROKERS names kafka, which is not started"),
    (COMPOSE, BROKERS, "${TALLY_KAFKA_BROKERS}", "TALLY_KAFKA_BROKERS is neither"),
    (COMPOSE, BROKERS, "${TALLY_KAFKA_BROKERS:+kafka:9092}", "TALLY_KAFKA_BROKERS is neither"),
    (COMPOSE, "TALLY_REDIS_ADDR: redis:6379", "TALLY_REDIS_ADDR: redis:6380", "names port 6380 of redis"),
    (COMPOSE, "TALLY_CONSUL_ADDRESS: consul", "TALLY_CONSUL_ADRESS: consul", "TALLY_CONSUL_ADRESS"),
    (ENV_FILE, "=observability", "=observabilty", f"{ENV_FILE}: does not start kafka"),
    (ENV_FILE, "kafka:9092", "kafka:9093", "names port 9093 of kafka"),
    (ENV_FILE, "kafka:9092", "queue:9092", "names queue, which is not started"),
    (ENV_FILE, "jaeger:4318", "jaeger:4317", "names port 4317 of jaeger"),
    (ENV_FILE, "TALLY_KAFKA_BROKERS", "TALLY_KAFKA_BROKER", "TALLY_KAFKA_BROKER is not the variable of any key"),
    (ENV_FILE, "TALLY_KAFKA_BROKERS=", "TALLY_KAFKA_TOPIC=", "no service takes TALLY_KAFKA_TOPIC"),
]


def copy_to(root):
    """deploy/ may be changed there, all else is this project's."""
    for path in pathlib.Path.cwd().iterdir():
        if path.name != "deploy":
            (root / path.name).symlink_to(path)
    shutil.copytree("deploy", root / "deploy")


def check(root):
    """Without docker-compose, which would take longer than all else."""
    command = [sys.executable, "tests/lint/compose.py", pathlib.Path(sys.argv[1]).resolve()]
    return subprocess.run(command, cwd=root, env={"PATH": ""}, capture_output=True, text=True, check=False)


def problem_of(root, name, before, after, says):
    """What compose.py does wrong about the case; None if nothing."""
    path = root / name
    text = path.read_text()
    if before not in text:
        return f"{name} has no more {before!r}"
    path.write_text(text.replace(before, after, 1))
    result = check(root)
    path.write_text(text)
    if result.returncode == 0 or says not in result.stdout:
        return f"compose.py accepts {after!r} for {before!r} in {name}, or says:\n{result.stdout}{result.stderr}"
    return None


def main():
    with tempfile.TemporaryDirectory() as directory:
        root = pathlib.Path(directory).resolve()
        copy_to(root)
        if check(root).returncode != 0:
            print("compose.py refuses the files as they are")
            return 1
        problems = [problem for case in CASES if (problem := problem_of(root, *case))]
    print("\n".join(problems), end="\n" if problems else "")
    return 1 if problems else 0


sys.exit(main())
