"""`taskproc completion`: print a shell's completion script."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from taskproc.errors import RequestError
from taskproc_cli.grammar import SHELLS

SCRIPTS = dict(zip(SHELLS, ("taskproc.bash", "_taskproc", "taskproc.fish"), strict=True))


def completion(
    shell: Annotated[
        str, typer.Argument(help="bash, zsh or fish.", metavar="[SHELL]", show_default="that of $SHELL")
    ] = "",
) -> None:
    """Print the completion script of a shell, by default of yours.

    For example: eval "$(taskproc completion bash)" in ~/.bashrc, or taskproc completion fish | source
    """
    name = shell or Path(os.environ.get("SHELL", "")).name
    if name not in SCRIPTS:
        said = f"there is no completion for {name!r}" if name else "$SHELL names no shell"
        raise RequestError(f"{said}: say taskproc completion bash, zsh or fish")
    script = Path(__file__).parent.parent / "completions" / SCRIPTS[name]
    typer.echo(script.read_text("utf-8"), nl=False)
