"""What a docstring says of each parameter, in Google, NumPy or Sphinx style."""

from __future__ import annotations

import re
from inspect import cleandoc

SPHINX = re.compile(r":param(?: [^:]*?)? (?P<name>\w+):(?P<text>(?:.|\n(?!\s*:|\s*\n))*)")
SECTION = re.compile(r"^(?P<title>\w[\w ]*)(?::[ \t]*|\n-{3,}[ \t]*)\n", re.MULTILINE)
GOOGLE = re.compile(r"^[ ]*\*{0,2}(?P<name>\w+)[ ]*(?:\(.*?\))?:[ ]*(?P<text>.*)$")
NUMPY = re.compile(r"^\*{0,2}(?P<names>\w+(?:, *\w+)*)[ ]*(?::.*)?$")
TITLES = frozenset(
    {"args", "arguments", "keyword args", "keyword arguments", "parameters", "other parameters", "params", "attributes"}
)


def own_docstring(cls: type) -> str:
    """The docstring that a class has itself, without its margin."""
    text: object = vars(cls).get("__doc__")
    return cleandoc(text).strip() if isinstance(text, str) else ""


def describe_own_parameters(cls: type) -> dict[str, str]:
    """What the docstrings of a class, its bases and its `__init__` say of parameters, the nearest winning."""
    texts = [vars(each).get("__doc__") for each in reversed(cls.__mro__)]
    found: dict[str, str] = {}
    for text in (*texts, getattr(cls, "__init__", None).__doc__):
        found |= describe_parameters(text if isinstance(text, str) else None)
    return found


def summary(text: str) -> str:
    """What a docstring says before it comes to the parameters."""
    starts = [match.start() for match in SECTION.finditer(text) if match["title"].lower() in TITLES]
    starts += [match.start() for match in SPHINX.finditer(text)]
    return text[: min(starts, default=len(text))].strip()


def describe_parameters(text: str | None) -> dict[str, str]:
    """What a docstring says of each parameter, on one line each."""
    if not text:
        return {}
    text = cleandoc(text)
    found = {match["name"]: match["text"] for match in SPHINX.finditer(text)}
    headings = list(SECTION.finditer(text))
    ends = [*(heading.start() for heading in headings[1:]), len(text)]
    for heading, end in zip(headings, ends[: len(headings)], strict=True):
        if heading["title"].lower() in TITLES:
            body = text[heading.end() : end]
            entries = _numpy(body) if "---" in heading[0] else _google(body)
            found |= entries
    return {name: " ".join(words.split()) for name, words in found.items()}


def _google(body: str) -> dict[str, str]:
    """Entries `name (type): text`, continued on lines indented deeper."""
    found: dict[str, str] = {}
    margin = len(body) - len(body.lstrip(" "))
    name = ""
    for line in body.splitlines():
        indent = len(line) - len(line.lstrip(" "))
        match = GOOGLE.match(line) if indent == margin else None
        if match:
            name = match["name"]
            found[name] = match["text"]
        elif line.strip() and indent < margin:
            break
        elif name:
            found[name] += f" {line}"
    return found


def _numpy(body: str) -> dict[str, str]:
    """Entries `name : type`, the text on indented lines below."""
    found: dict[str, str] = {}
    names: list[str] = []
    for line in body.splitlines():
        if line.startswith(" "):
            for name in names:
                found[name] += f" {line}"
        elif match := NUMPY.match(line):
            names = [name.strip() for name in match["names"].split(",")]
            found |= dict.fromkeys(names, "")
    return found
