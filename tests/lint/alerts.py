"""What belongs to an alert is there: severity, summary, section of RUNBOOK.md, tests in which it fires and does not."""

import pathlib
import re
import sys

import yaml

PROMETHEUS = pathlib.Path("deploy/prometheus")
RUNBOOK = PROMETHEUS / "RUNBOOK.md"
ALERTMANAGER = PROMETHEUS / "alertmanager.yml"
TESTS = pathlib.Path("tests/prometheus")
SEVERITIES = ("page", "ticket")


def alerts():
    """(file, rule)."""
    for path in sorted((PROMETHEUS / "rules").glob("*.yml")):
        for group in yaml.safe_load(path.read_text())["groups"]:
            yield from ((path, rule) for rule in group["rules"] if "alert" in rule)


def sections():
    """Name of the alert -> the severity that its section begins with."""
    return dict(re.findall(r"^### (\w+)\n\*(\w+)\.\*", RUNBOOK.read_text(), re.MULTILINE))


def tested():
    """(names of those that fire in a test, of those that do not), by the file of their rules."""
    fire, keep_quiet = {}, {}
    for path in TESTS.glob("*.yml"):
        for test in yaml.safe_load(path.read_text())["tests"]:
            for case in test["alert_rule_test"]:
                found = fire if case["exp_alerts"] else keep_quiet
                found.setdefault(path.name, set()).add(case["alertname"])
    return fire, keep_quiet


def alert_problems(path, rule, severities, fire, keep_quiet):
    name, severity = rule["alert"], rule.get("labels", {}).get("severity")
    annotations = rule.get("annotations", {})
    if severity not in SEVERITIES:
        yield f"{path}: {name}: its severity is none of {SEVERITIES}"
    if severities.get(name) != severity:
        yield f"{RUNBOOK}: has no section {name} that begins with *{severity}.*"
    if annotations.keys() != {"summary", "runbook_url"}:
        yield f"{path}: {name}: its annotations are not summary and runbook_url"
    elif annotations["runbook_url"] != f"{RUNBOOK}#{name.lower()}":
        yield f"{path}: {name}: runbook_url is not its section of {RUNBOOK}"
    if name not in fire.get(path.name, ()) or name not in keep_quiet.get(path.name, ()):
        yield f"{TESTS / path.name}: {name} does not both fire and not fire in it"


def inhibition_problems(names):
    for rule in yaml.safe_load(ALERTMANAGER.read_text())["inhibit_rules"]:
        for matcher in rule["source_matchers"] + rule["target_matchers"]:
            for part in re.fullmatch(r'alertname =~? "(.*)"', matcher).group(1).split("|"):
                if not any(re.fullmatch(part, name) for name in names):
                    yield f"{ALERTMANAGER}: {part} is no alert"


def main():
    found = list(alerts())
    names = [rule["alert"] for _, rule in found]
    severities = sections()
    problems = [problem for path, rule in found for problem in alert_problems(path, rule, severities, *tested())]
    problems += [f"{RUNBOOK}: {name} is no alert" for name in severities if name not in names]
    problems += [f"{name} is the name of more than one alert" for name in set(names) if names.count(name) > 1]
    problems += inhibition_problems(names)
    print("\n".join(problems), end="\n" if problems else "")
    return 1 if problems else 0


sys.exit(main())
