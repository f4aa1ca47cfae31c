"""How long a module and a function of the product may be: no longer than a reader can hold."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]
LONGEST_MODULE, LONGEST_FUNCTION = 300, 50  # lines


def too_long(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    lines, where = text.count("\n"), path.relative_to(ROOT)
    found = [f"{where} has {lines} lines"] if lines > LONGEST_MODULE else []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > LONGEST_FUNCTION:
                found.append(f"{where}:{node.lineno}: {node.name} has {length} lines")
    return found


def test_no_module_and_no_function_is_too_long() -> None:
    modules = [*ROOT.glob("taskproc/**/*.py"), *ROOT.glob("cli/**/*.py")]
    assert len(modules) > 100
    found = [line for path in sorted(modules) for line in too_long(path)]
    assert not found, "\n".join(found)
