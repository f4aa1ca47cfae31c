"""The manual: what the program says of itself, with what holds for all its commands.

`python -m taskproc_cli.manual > docs/cli.md` writes it anew; a test sees that it is up to date.
"""

from __future__ import annotations

import sys

import typer

from taskproc_cli.app import load_command, root_command
from taskproc_cli.grammar import COMMANDS
from taskproc_cli.settings import SETTINGS, variable

WIDTH = 90
"""Columns of the help texts."""

HEAD = """\
# The command line

Made from the program: every text below a command is what `taskproc COMMAND --help` prints.

## The target

    taskproc COMMAND [TASKFILE] [TASK] [--PARAMETER VALUE]...

- A first word that ends in `.py` or contains a `/` is the TASKFILE; `package.module:Task` is both; any other word is a
  TASK of `taskfile.py` in this folder or the nearest one above.
- TASK is a class's name (`Outer.Inner`) or the full `task_name`, also of a class that the taskfile imports. Without it,
  `Main` is meant, or the file's only task.
- `TASK#ID` is a recorded instance, as failures and lists name it, for `log`, `show`, `why`, `accept` and `clear`.
- The parameters of the task are options: `--split-ratio 0.8` (also `--split_ratio`), `--flag`, `--no-flag`,
  `--flag=false`, `--xs 1 --xs 2` or `--xs '[1, 2]'` for a list, `--train.lr 0.1` for a field. Where a parameter may be
  a text, the word is that text; paths, dates and choices are texts too, all else is JSON. Without an annotation, what
  is no JSON is a text. `taskproc run TASKFILE TASK --help` shows them.
- A command's own options may stand before or after the target. After TASK, a long option that has the name of a
  parameter is that parameter; one-letter options are always taskproc's.

## Streams and exit status

stdout carries what was asked for, and nothing else; progress, questions, warnings and errors go to stderr.

| status | means |
|--|--|
| 0 | done |
| 1 | a task failed, or a question was answered no |
| 2 | the request was wrong, so nothing has run; or the cache has failed |
| 129, 130, 143 | ended by SIGHUP, Ctrl-C, SIGTERM; what had finished is kept |
"""

WATCH = """\
## What `--watch` looks at

The taskfile, modules of yours that are loaded, input files, what `_task_depends_on` names, the file of
`--kwargs @FILE`, and the `pyproject.toml` of the settings. It does not notice a data file that a module reads as it is
imported, nor a new file in a folder that `__init__` lists, unless the folder is an `InputFile` (a parameter or an
attribute). Each new run does notice them, whatever begins it.
"""

SETTINGS_HEAD = """\
## Settings

Options of `run` that need not be typed each time. The option beats the variable, which beats `[tool.taskproc]` of the
`pyproject.toml` nearest above the taskfile, which beats the default. `taskproc config` shows what holds.

| option | variable | in `[tool.taskproc]` |
|--|--|--|
"""

TAIL = """
`NO_COLOR` takes colours away, `FORCE_COLOR` insists on them; `CI` and `TERM=dumb` keep the display from moving.

## Files

| path | what it is |
|--|--|
| `taskfile.py` | the taskfile that is meant where none is named |
| `.taskproc` | the cache beside the taskfile, unless `--cache` says another |
| `.taskproc/cache.db` | what is recorded of all tasks, small results included |
| `.taskproc/TASK_NAME/ID/data` | what a task's `task_directory` holds; `stdout.txt` and `stderr.txt` beside it |
"""


def manual() -> str:
    """The manual, in Markdown."""
    whole = typer.Context(root_command(), info_name="taskproc", terminal_width=WIDTH, max_content_width=WIDTH)
    parts = [HEAD, "## Commands\n", _help(whole)]
    for name in COMMANDS:
        parts += [f"### taskproc {name}\n", _help(typer.Context(load_command(name), info_name=name, parent=whole))]
    rows = [f"| `--{name}` | `{variable(name)}` | `{name}` |\n" for name in SETTINGS]
    return "\n".join([*parts, WATCH, SETTINGS_HEAD]) + "".join(rows) + TAIL


def _help(context: typer.Context) -> str:
    text = "".join(f"{line.rstrip()}\n" for line in context.get_help().splitlines())
    return f"```text\n{text}```\n"


if __name__ == "__main__":
    sys.stdout.write(manual())
