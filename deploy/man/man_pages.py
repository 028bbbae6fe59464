"""Makes the manual pages: man_pages.py DIRECTORY. Those of the programs are their help.txt, which is also what their
--help prints; that of the configuration is configs/config.yaml.

A help.txt has paragraphs, and sections: a line that ends with a colon, then lines indented by two blanks, or with a
term and its explanation, parted by two blanks or more. What is indented further goes on.
"""

import pathlib
import re
import sys

import config_reference

CONFIG = pathlib.Path("configs/config.yaml")
# Page, and the text that it is made of.
PROGRAMS = {
    "tally-gateway.8": pathlib.Path("gateway/help.txt"),
    "tally-counter-service.8": pathlib.Path("counter-service/help.txt"),
    "tally-counter-verify.1": pathlib.Path("counter-service/verify/help.txt"),
}
CONFIG_PAGE = "tally-config.5"
MANUALS = {"1": "User Commands", "5": "File Formats", "8": "System Administration"}

VERSION = pathlib.Path("VERSION").read_text().strip()


def release_date():
    """The day of this version in CHANGELOG.md."""
    heading = re.compile(rf"^## \[{re.escape(VERSION)}\] - (\S+)$", re.MULTILINE)
    found = heading.search(pathlib.Path("CHANGELOG.md").read_text())
    if found is None:
        sys.exit(f"CHANGELOG.md: no section '## [{VERSION}] - YYYY-MM-DD', which VERSION wants")
    return found.group(1)


def plain(text):
    """What roff takes as it is written."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga")
    text = text.replace("^", "\\(ha").replace("~", "\\(ti").replace('"', "\\(dq")
    return "\\&" + text if text.startswith(".") else text


def title(page):
    """No word is hyphenated: it may be an option or a key."""
    name, _, section = page.rpartition(".")
    return f'.TH {name.upper()} {section} {release_date()} "Tally {VERSION}" "{MANUALS[section]}"\n.nh\n.ad l'


def term(words):
    """Options and variables bold, what stands for something else in italics."""
    marked = [
        f"\\fI{plain(word)}\\fP" if re.fullmatch(r"[A-Z]+(\[?[,/].*)?", word) and "SIG" not in word
        else f"\\fB{plain(word)}\\fP"
        for word in words.split()
    ]
    return [".TP", " ".join(marked)]


def usages(paragraph):
    """Each way to call a program, on one line."""
    text = re.sub(r"\n {10,}", " ", paragraph.removeprefix("Usage: "))
    return [line.strip() for line in text.splitlines()]


def synopsis(paragraph):
    for number, usage in enumerate(usages(paragraph)):
        if number > 0:
            yield ".br"
        name, _, rest = usage.partition(" ")
        yield f"\\fB{plain(name)}\\fP {plain(rest)}"


def section(paragraph):
    heading, *lines = paragraph.splitlines()
    yield f".SH {heading.rstrip(':').upper()}"
    for line in lines:
        found = re.fullmatch(r"  (\S.*?)  +(\S.*)", line)
        if found:
            yield from term(found.group(1))
            yield plain(found.group(2))
        else:
            yield plain(line.strip())


def program_page(page, text):
    usage, purpose, *sections = text.strip().split("\n\n")
    sentence = " ".join(purpose.split())
    first = sentence.partition(". ")[0].rstrip(".")
    yield title(page)
    yield from (".SH NAME", f"{page.rpartition('.')[0]} \\- {plain(first)}")
    yield from (".SH SYNOPSIS", *synopsis(usage))
    yield from (".SH DESCRIPTION", plain(sentence))
    for paragraph in sections:
        yield from section(paragraph)


def config_page(text):
    yield title(CONFIG_PAGE)
    yield from (".SH NAME", "tally\\-config \\- configuration of Tally\\(aqs programs")
    yield from (".SH SYNOPSIS", ".I /etc/tally/config.yaml", ".SH DESCRIPTION")
    for number, paragraph in enumerate(config_reference.head(text)):
        yield from ([".PP"] if number > 0 else [])
        yield plain(paragraph)
    heading = None
    for key, default, comment in config_reference.keys(text):
        if key.partition(".")[0] != heading:
            heading = key.partition(".")[0]
            yield f".SH {heading.upper()}"
        yield from (*term(key), plain(comment), ".br")
        yield f"Default {plain(default)}, variable {config_reference.variable(key)}."
    yield from (".SH SEE ALSO", plain("tally-gateway(8), tally-counter-service(8), tally-counter-verify(1)"))


def main():
    directory = pathlib.Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    pages = {page: program_page(page, path.read_text()) for page, path in PROGRAMS.items()}
    pages[CONFIG_PAGE] = config_page(CONFIG.read_text())
    for page, lines in pages.items():
        (directory / page).write_text("".join(f"{line}\n" for line in lines))


if __name__ == "__main__":
    main()
