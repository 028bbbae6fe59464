"""The rights that README gives a user of Redis."""

import pathlib
import re


def readme_rule(password=None):
    """The words of README's ACL SETUSER command behind the user's name. password: instead of README's."""
    line = re.search(r"^ *ACL SETUSER tally (.*)$", pathlib.Path("README.md").read_text(), re.MULTILINE)
    assert line, "README gives no rule"
    return [f">{password}" if password and word.startswith(">") else word for word in line.group(1).split()]


def readme_verify_rule():
    """The words of those rights that counter-verify needs, by README, of a Redis that is no cluster."""
    found = re.search(r"`counter-verify` needs `([^`]+)` alone", pathlib.Path("README.md").read_text())
    return found.group(1).split()


def readme_event_rules():
    """The words that README adds for events, and those that counter-verify needs beside them."""
    text = pathlib.Path("README.md").read_text()
    found = re.search(r"^and for events \(`kafka.brokers`\) also `([^`]+)`", text, re.MULTILINE)
    return found.group(1).split(), ["+hgetall", "+scan", "+xinfo"]


def readme_repartition_rights():
    """The words that README adds for counter-verify --repartition of a Redis Cluster."""
    text = pathlib.Path("README.md").read_text()
    part = text.partition("### Another number of partitions")[2].partition("\n## ")[0]
    found = re.findall(r"`(\+[^`]+)`", part)
    return [word for words in found for word in words.split()]
