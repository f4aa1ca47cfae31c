"""`taskproc completion`: print a shell's completion script, or put it where the shell looks."""

from __future__ import annotations

import os
import shlex
from importlib.resources import files
from pathlib import Path

from taskproc.errors import RequestError
from taskproc_cli.grammar import SHELLS
from taskproc_cli.views import terminal
from taskproc_cli.views.result import write_out

SCRIPTS = dict(zip(SHELLS, ("taskproc.bash", "_taskproc", "taskproc.fish"), strict=True))
HINTS = {
    "bash": "if TAB knows nothing of it, bash-completion is not loaded:"
    " ~/.bashrc (on macOS ~/.bash_profile) should say: source {path}",
    "zsh": "if TAB knows nothing of it, ~/.zshrc should say: fpath=({folder} $fpath); autoload -Uz compinit; compinit",
}
"""What else a shell may need to find its script."""


def completion(shell: str = "", *, install: bool = False) -> None:
    """Print the completion script of a shell.

    For example: eval "$(taskproc completion bash)" in ~/.bashrc, or taskproc completion --install
    """
    name = shell or Path(os.environ.get("SHELL", "")).name
    if name not in SCRIPTS:
        said = f"there is no completion for {name!r}" if name else "$SHELL names no shell"
        raise RequestError(f"{said}: say taskproc completion bash, zsh or fish")
    script = files("taskproc_cli").joinpath("completions", SCRIPTS[name]).read_text("utf-8")
    if not install:
        write_out(script)
        return
    path = place(name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(script, "utf-8")
    except OSError as error:
        raise RequestError(f"{path} can't be written ({error.strerror}): redirect taskproc completion {name}") from None
    write_out(f"{path}\n")
    if name in HINTS:
        terminal.say(HINTS[name].format(path=shlex.quote(str(path)), folder=shlex.quote(str(path.parent))))


def place(shell: str) -> Path:
    """Where a shell looks for a user's own completion of `taskproc`; for zsh, where users commonly have it look."""
    home = Path.home()
    match shell:
        case "bash":
            data = os.environ.get("XDG_DATA_HOME") or home / ".local" / "share"
            folder = os.environ.get("BASH_COMPLETION_USER_DIR") or Path(data, "bash-completion")
            return Path(folder, "completions", "taskproc")
        case "zsh":
            return Path(os.environ.get("ZDOTDIR") or home, ".zfunc", "_taskproc")
        case _:
            return Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config", "fish", "completions", "taskproc.fish")
