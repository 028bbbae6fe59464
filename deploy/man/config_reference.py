"""The keys of configs/config.yaml with their comments. Tests hold that they are all of the programs' keys, with their
defaults."""

import re


def keys(text):
    """(key, default, comment) of each; two blanks of indentation a level, and the comment above its key."""
    sections, comment = [], []
    for line in text.splitlines():
        indent, content = re.fullmatch(r"( *)(.*)", line).groups()
        if content.startswith("#"):
            comment.append(content.lstrip("# "))
            continue
        if content:
            name, value = re.fullmatch(r"([a-z_]+): *(.*)", content).groups()
            sections[len(indent) // 2 :] = [name]
            if value:
                yield ".".join(sections), value, " ".join(comment)
        comment = []


def head(text):
    """The paragraphs of the comment that the file begins with."""
    lines = [line.lstrip("# ") for line in text.partition("\n\n")[0].splitlines()]
    return [" ".join(paragraph.splitlines()) for paragraph in "\n".join(lines).split("\n\n")]


def variable(key):
    """The environment variable that overrides it."""
    return "TALLY_" + key.upper().replace(".", "_")
