from __future__ import annotations

import pytest

from taskproc.template import fill, names

SHELL = "a ${HOME} {a,b} { x; } {} {{.ID}} $((1)) {1} {x y}"


@pytest.mark.parametrize(
    ("text", "found", "filled"),
    [
        ("srun -c {cpus} -J {task_name}", {"cpus", "task_name"}, "srun -c 4 -J {task_name}"),
        ("{cpus}{cpus}", {"cpus"}, "44"),
        ("awk '{{cpus}}'", set(), "awk '{cpus}'"),
        (SHELL, set(), SHELL),
        ("", set(), ""),
    ],
)
def test_a_name_alone_in_braces_is_meant(text: str, found: set[str], filled: str) -> None:
    assert names(text) == found
    assert fill(text, {"cpus": "4"}, last=True) == filled


def test_what_is_escaped_stays_so_until_the_last() -> None:
    assert fill("{{cpus}} {log}", {"cpus": "4"}) == "{{cpus}} {log}"
