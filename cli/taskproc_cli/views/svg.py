"""Pictures that need nothing but a browser: SVG, and the HTML page around one, for light and dark windows."""

from __future__ import annotations

import functools
import html
import re
from typing import TYPE_CHECKING

from taskproc_cli.views.screen import width

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

FONT = "'Helvetica Neue', Helvetica, Arial, 'Liberation Sans', sans-serif"

_NARROW, _WIDE = frozenset("ijltfrI.,:;'|!()[]{}/\\ -"), frozenset("mwMW@%—…")
_ILLEGAL = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def escape(content: str) -> str:
    """A text as it stands in XML, with a sign for each character that can't."""
    return html.escape(_ILLEGAL.sub("\ufffd", content))


def text_width(text: str, size: float) -> float:
    """About how wide a text is, in a font of this size that nobody has measured: rather too wide."""
    return sum(map(_ems, text)) * size


@functools.cache
def _ems(letter: str) -> float:
    if letter in _NARROW:
        return 0.32
    return 0.9 if letter in _WIDE else (0, 0.57, 1.0)[width(letter)]


def fitting(text: str, size: float, room: float) -> str:
    """As much of a text as fits."""
    if text_width(text, size) <= room:
        return text
    while text and text_width(f"{text}…", size) > room:
        text = text[:-1]
    return f"{text}…" if text else ""


def tag(name: str, body: str = "", /, **attributes: object) -> str:
    """An element: `tag("rect", x=1, class_="box")`; numbers with as few digits as a picture needs."""
    words = "".join(f' {key.rstrip("_").replace("_", "-")}="{_written(value)}"' for key, value in attributes.items())
    return f"<{name}{words}>{body}</{name}>" if body else f"<{name}{words}/>"


def text(content: str, /, **attributes: object) -> str:
    """A text element."""
    return tag("text", escape(content), **attributes)


def _written(value: object) -> str:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else escape(str(value))


def style(light: Mapping[str, str], dark: Mapping[str, str]) -> str:
    """A style sheet: declarations by selector, and those that differ in a dark window."""
    rules = [f"{selector} {{ {declared} }}" for selector, declared in light.items()]
    others = [f"{selector} {{ {declared} }}" for selector, declared in dark.items()]
    return "\n".join([*rules, "@media (prefers-color-scheme: dark) {", *others, "}"])


def document(width: float, height: float, title: str, sheet: str, body: Iterable[str]) -> Iterator[str]:
    """An SVG picture, line by line."""
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}"'
        f' viewBox="0 0 {width:.0f} {height:.0f}" role="img" font-family="{FONT}">'
    )
    yield f"<title>{escape(title)}</title>"
    yield f"<style>\n{sheet}\n</style>"
    yield '<rect class="paper" width="100%" height="100%"/>'
    yield from body
    yield "</svg>"


PAGE = """\
body {{ margin: 2rem; font-family: {font}; color: #1f2328; background: #fff; }}
h1 {{ font-size: 1.3rem; margin: 0 0 .3rem; }}
p {{ margin: 0 0 1rem; color: #57606a; }}
.scroll {{ overflow-x: auto; }}
table {{ border-collapse: collapse; margin-top: 1rem; font-size: .85rem; }}
th, td {{ padding: .25rem .9rem .25rem 0; text-align: left; vertical-align: top; }}
th {{ color: #57606a; font-weight: 600; }}
td {{ border-top: 1px solid #d8dee4; }}
@media (prefers-color-scheme: dark) {{
  body {{ color: #e6edf3; background: #15181d; }}
  p, th {{ color: #9da7b3; }}
  td {{ border-color: #30363d; }}
}}""".format(font=FONT)  # noqa: UP032  most braces are CSS


def page(
    title: str,
    about: str,
    picture: Iterable[str],
    head: Iterable[str],
    rows: Iterable[Iterable[str]],
    script: str = "",
) -> Iterator[str]:
    """An HTML page that stands alone: a picture, under a heading if it has none itself, and a table."""
    yield "<!doctype html>"
    yield f'<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
    yield '<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">'
    yield f"<style>\n{PAGE}\n</style></head><body>"
    if about:
        yield f"<h1>{escape(title)}</h1><p>{escape(about)}</p>"
    yield '<div class="scroll">'
    yield from picture
    yield "</div>"
    yield f"<table><tr>{''.join(f'<th>{escape(each)}</th>' for each in head)}</tr>"
    for row in rows:
        yield f"<tr>{''.join(f'<td>{escape(each)}</td>' for each in row)}</tr>"
    yield "</table>"
    if script:
        yield f"<script>\n{script}\n</script>"
    yield "</body></html>"
