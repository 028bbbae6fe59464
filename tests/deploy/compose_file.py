"""What deploy/docker-compose.yml starts by itself: its services, but for those in a profile. Run, it prints a line
for each, its name and its image."""

import pathlib

import yaml

COMPOSE = pathlib.Path("deploy/docker-compose.yml")


def default_services():
    """By name."""
    services = yaml.safe_load(COMPOSE.read_text())["services"]
    return {name: service for name, service in services.items() if "profiles" not in service}


if __name__ == "__main__":
    print("\n".join(f"{name} {service['image']}" for name, service in default_services().items()))
