"""The services of deploy/docker-compose.yml as far as an engine can start them here: of Tally, and of third parties
those whose image is a stage of stand_ins.Dockerfile. Run, it prints a line for each, its name and its image."""

import pathlib
import re

import yaml

COMPOSE = pathlib.Path("deploy/docker-compose.yml")
STAND_INS = pathlib.Path("tests/deploy/stand_ins.Dockerfile")


def stand_in_of(image):
    """The stage, whether or not there is one. None: the image is Tally's."""
    return None if image.startswith("tally-") else image.split("/")[-1].split(":")[0]


def services_here():
    """By name."""
    stages = re.findall(r"^FROM \S+ AS (\S+)$", STAND_INS.read_text(), re.MULTILINE)
    services = yaml.safe_load(COMPOSE.read_text())["services"]
    return {name: service for name, service in services.items() if stand_in_of(service["image"]) in [None, *stages]}


def plain_services():
    """By name."""
    return {name: service for name, service in services_here().items() if "profiles" not in service}


if __name__ == "__main__":
    print("\n".join(f"{name} {service['image']}" for name, service in services_here().items()))
