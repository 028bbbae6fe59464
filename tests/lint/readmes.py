"""README.zh-CN.md says what README.md says: the same sections, paragraphs, lists and tables, the same commands but for
their comments, the same links, code, names and numbers in each paragraph, and every paragraph in Chinese.

readmes.py [DIRECTORY]: where the two are (the current one). That the words mean the same is for people to see.
"""

import pathlib
import re
import sys

FILES = ("README.md", "README.zh-CN.md")
# Each has a link to the other, in a paragraph of its own below the title.
LINKS_TO_OTHER = ("[中文](README.zh-CN.md)", "[English](README.md)")
# How a section is named elsewhere.
REFERENCES = (re.compile(r"(?<!\*)\*([^*]+)\*(?!\*)"), re.compile(r"“([^”]+)”"))

PROBLEMS_SHOWN = 20
COMMENT = re.compile(r"\s{2,}# .*$", re.MULTILINE)
SPAN = re.compile(r"`([^`]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)|\b(https?://[\w./:%?=&#-]*[\w/])", re.ASCII)
# Of what is no code: numbers, keys and variables.
NAME = re.compile(r"[A-Za-z]\w*(?:[._][A-Za-z]\w*)+|\d+(?:[.,]\d+)*", re.ASCII)
CHINESE = re.compile(r"[\u4e00-\u9fff]")


class Part:
    """A heading, block, paragraph, item of a list or row of a table. line: its first one, from 1."""

    def __init__(self, line, kind, text):
        self.line, self.kind, self.text = line, kind, text

    def facts(self, titles, reference):
        """What a translation must have too."""
        text = " ".join(self.text.split())
        prose = SPAN.sub(" ", text)
        yield from (f"`{span}`" for span in SPAN.findall(text))
        yield from (f"the link {target or address}" for target, address in LINK.findall(prose))
        yield from NAME.findall(LINK.sub(" ", prose))
        sections = [titles.index(name) + 1 for name in reference.findall(prose) if name in titles]
        yield from (f"the name of section {section}" for section in sections)


def kind_of(line):
    heading = re.match(r"(#+) ", line)
    if heading:
        return f"a heading of level {len(heading[1])}"
    if line.startswith("```"):
        return "a block " + line
    if line.startswith("    "):
        return "a block"
    if line.startswith("|"):
        return f"a row of {line.count('|') - 1} columns"
    return "an item" if re.match(r"- |\d+\. ", line) else "a paragraph"


def parts_of(text):
    parts, fenced, is_open = [], False, False
    for number, line in enumerate(text.splitlines(), 1):
        if fenced:
            parts[-1].text += "\n" + line
            fenced = line != "```"
        elif not line or line.startswith("<!--"):
            is_open = False
        else:
            kind = kind_of(line)
            if is_open and kind in ("a paragraph", "a block"):
                parts[-1].text += "\n" + line
                continue
            parts.append(Part(number, kind, line))
            fenced = line.startswith("```")
            is_open = not fenced and not kind.startswith("a heading")
    return parts


def titles_of(parts):
    return [part.text.lstrip("# ") for part in parts if part.kind.startswith("a heading")]


def differences(ours, theirs, titles):
    """What the parts, in the order of FILES, do not share."""
    if ours.kind.startswith("a block"):
        if COMMENT.sub("", ours.text) != COMMENT.sub("", theirs.text):
            yield "the block is another one"
        return
    has = [set(part.facts(*rest)) for part, *rest in zip((ours, theirs), titles, REFERENCES)]
    yield from (f"lacks {fact}" for fact in sorted(has[0] - has[1]))
    yield from (f"has {fact} for nothing" for fact in sorted(has[1] - has[0]))
    if ours.kind in ("a paragraph", "an item") and not CHINESE.search(theirs.text):
        yield "is not in Chinese"


def problems_of(root):
    parts = [parts_of((root / name).read_text()) for name in FILES]
    for name, own, link in zip(FILES, parts, LINKS_TO_OTHER):
        if own[1].text != link:
            yield f"{name}: {link} does not follow its title"
            return
        del own[1]
    titles = [titles_of(own) for own in parts]
    for ours, theirs in zip(*parts):
        place = f"{FILES[1]}:{theirs.line}, beside {FILES[0]}:{ours.line}"
        if ours.kind != theirs.kind:
            yield f"{place}: {theirs.kind} instead of {ours.kind}"
            return
        yield from (f"{place}: {difference}" for difference in differences(ours, theirs, titles))
    if len(parts[0]) != len(parts[1]):
        yield f"{FILES[1]}: {len(parts[1])} headings, blocks, paragraphs, items and rows instead of {len(parts[0])}"


def main():
    problems = list(problems_of(pathlib.Path(*sys.argv[1:2])))
    for problem in problems[:PROBLEMS_SHOWN]:
        print(problem)
    if len(problems) > PROBLEMS_SHOWN:
        print(f"and {len(problems) - PROBLEMS_SHOWN} more; what is above may be why")
    return 1 if problems else 0


sys.exit(main())
