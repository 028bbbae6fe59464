"""Prints CHANGELOG.md as Debian's changelog; what is not released yet has no place in it."""

import datetime
import pathlib
import re
import textwrap

RELEASE = re.compile(r"^## \[([0-9][^]]*)\] - (\S+)$", re.MULTILINE)
MAINTAINER = re.compile(r"^Maintainer: (.*)$", re.MULTILINE)


def entries(body):
    """A text for each item of the lists, or else one for all."""
    items = re.findall(r"^- (.*(?:\n  .*)*)", body, re.MULTILINE) or ["See CHANGELOG.md."]
    return [re.sub(r"[`*]|\s+", lambda mark: " " if mark.group().isspace() else "", item) for item in items]


def main():
    maintainer = MAINTAINER.search(pathlib.Path("deploy/deb/debian/control").read_text()).group(1)
    _, *parts = RELEASE.split(pathlib.Path("CHANGELOG.md").read_text())
    for version, day, body in zip(parts[0::3], parts[1::3], parts[2::3]):
        print(f"tally ({version}) stable; urgency=medium\n")
        for entry in entries(body):
            print(textwrap.fill(entry, 78, initial_indent="  * ", subsequent_indent="    "))
        date = datetime.datetime.fromisoformat(day)
        print(f"\n -- {maintainer}  {date:%a, %d %b %Y} 00:00:00 +0000\n")


main()
