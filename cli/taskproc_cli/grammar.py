"""The words of the command line as plain data: what its commands and their options are called, and what they do.

`taskproc_cli.options` makes the options of them. It imports nothing, for the completer has no time to import those.
"""

from __future__ import annotations


class Option:
    """One option of a command.

    Attributes:
        names: Its spellings, the long one first.
        about: What it does.
        default: What holds where it is not given, in words; empty where no words are needed.
        value: The placeholder of its value (`DIR`, `N`, ...); empty for a switch.
        choices: The values it can take, each with a few words; empty where they are open.
        many: Whether it may be given more than once.
    """

    __slots__ = ("about", "choices", "default", "many", "names", "value")

    def __init__(
        self,
        *names: str,
        about: str,
        default: str = "",
        value: str = "",
        choices: dict[str, str] | None = None,
        many: bool = False,
    ) -> None:
        self.names = names
        self.about = about
        self.default = default
        self.value = value
        self.choices = choices or {}
        self.many = many


class Command:
    """One command.

    Attributes:
        about: What it does, in a few words.
        words: What its words mean: `task` ([TASKFILE] [TASK]), `taskfile` ([TASKFILE]), `cache` (likewise, for it tells
            where that is), or `shell` ([SHELL]).
        options: Its own options, in the order of help. Where `words` is `task`, the task's parameters are options too.
    """

    __slots__ = ("about", "options", "words")

    def __init__(self, about: str, words: str, *options: Option) -> None:
        self.about = about
        self.words = words
        self.options = (*options, HELP)


HELP = Option("--help", about="Show this message and exit.")
VERSION = Option("--version", about="Show the version and exit.")

_CACHE = Option("--cache", "-o", value="DIR", about="Where results are kept.", default=".taskproc beside the taskfile")
_TRUST = Option("--trust-cache", about="Accept a cache that others can write to: its results run code as you.")
_KWARGS = Option(
    "--kwargs",
    value="JSON",
    about="Parameters of the task, as one JSON object; @FILE is read from there, - from stdin.",
)
_DRY_RUN = Option("--dry-run", "-n", about="Only say what would be done.")

_RUN = (
    _CACHE,
    Option("--workers", "-j", value="N", about="How many tasks run at a time.", default="the CPUs"),
    Option(
        "--executor",
        "-x",
        value="EXECUTOR",
        about="What runs the tasks: process, thread, serial, dask[:ADDRESS], or module:factory.",
        default="process",
        choices={
            "process": "worker processes (the default)",
            "thread": "threads of this process",
            "serial": "one at a time, in this process",
            "dask": "dask workers on this machine",
            "dask:": "a dask cluster, by its address",
        },
    ),
    Option("--executor-args", value="JSON", about="Arguments of the executor, as one JSON object."),
    Option("--rate-limit", value="NAME=N", about="How many tasks of a channel or class run at a time.", many=True),
    Option("--prefix", value="NAME=CMD", about="Command put before the workers of a channel or class.", many=True),
    Option(
        "--result-grace",
        value="N",
        about="Seconds to wait for a result that a prefix command leaves late.",
        default="10 on file systems that other hosts see, else 0",
    ),
    Option("--keep-going", "-k", about="Run all that can run after a failure."),
    _DRY_RUN,
    Option("--force", "-f", about="Run the requested task again."),
    Option("--force-all", "-F", about="Run every task again."),
    Option("--interactive", "-i", about="Run in this terminal, one at a time, with pdb on failure."),
    Option("--no-detect-source-change", about="Take cached results although the code has changed."),
    Option("--explain", about="Say before the run what runs, and why."),
    Option("--progress", about="Show the moving display also under CI."),
    Option("--quiet", "-q", about="Say nothing but the result and errors."),
    Option("--verbose", "-v", about="Name each task that runs, and why."),
    Option(
        "--sweep",
        value="NAME=VALUES",
        about="Run the task for each of a parameter's values, lr=0.1,0.01 or seed=0..9, and print a table;"
        " several such options give all combinations.",
        many=True,
    ),
    Option(
        "--format",
        value="FORMAT",
        about="How a sweep is printed: table, json or csv.",
        choices={
            "table": "aligned columns (the default)",
            "json": "an array of objects",
            "csv": "comma-separated values",
        },
    ),
    Option("--watch", about="Run again whenever a file that the run depends on changes."),
    _KWARGS,
    _TRUST,
)

COMMANDS = {
    "run": Command("Run a task and print its result.", "task", *_RUN),
    "dry-run": Command("Say what a run would do, and why.", "task", *(each for each in _RUN if each is not _DRY_RUN)),
    "graph": Command(
        "Draw the graph of a task, with states and reasons.",
        "task",
        Option(
            "--format",
            value="FORMAT",
            about="tree, dot (Graphviz), mermaid, json (networkx), svg, or html.",
            choices={
                "tree": "an indented tree (the default)",
                "dot": "Graphviz",
                "mermaid": "Mermaid, as Markdown shows it",
                "json": "networkx node-link",
                "svg": "a picture",
                "html": "a page with that picture and the reasons",
            },
        ),
        Option("--depth", value="N", about="Draw only tasks that are up to N steps away."),
        Option("--by-class", about="Draw each class as one."),
        Option("--all", about="Draw each task, however many there are."),
        _CACHE,
        _KWARGS,
        _TRUST,
    ),
    "list": Command(
        "List the tasks of a taskfile.",
        "taskfile",
        Option(
            "--format",
            value="FORMAT",
            about="text, or json with the JSON schema of the arguments.",
            choices={
                "text": "signatures and docstrings (the default)",
                "json": "also the JSON schema of the arguments",
            },
        ),
    ),
    "status": Command("Say how tasks stand, class by class.", "task", _CACHE, _KWARGS, _TRUST),
    "why": Command("Say why a task would run, or would not.", "task", _CACHE, _KWARGS, _TRUST),
    "accept": Command(
        "Take recorded results as valid for the present code.",
        "task",
        Option("--dry-run", "-n", about="Only say what would be accepted."),
        _CACHE,
        _KWARGS,
        _TRUST,
    ),
    "show": Command(
        "Show the recorded result of a task.",
        "task",
        Option("--json", about="As JSON, on one line."),
        _CACHE,
        _KWARGS,
        _TRUST,
    ),
    "log": Command(
        "Show what a task printed when it last ran.",
        "task",
        Option("--follow", "-f", about="Go on for as long as the task runs."),
        Option(
            "--stream",
            value="STREAM",
            about="stdout, stderr, both, one after the other, or command: what the prefix command said.",
            choices={
                "stdout": "standard output",
                "stderr": "standard error",
                "both": "one after the other",
                "command": "what the prefix command said",
            },
        ),
        _CACHE,
        _KWARGS,
        _TRUST,
    ),
    "timeline": Command(
        "Draw the last run: what ran where, and when.",
        "task",
        Option(
            "--format",
            value="FORMAT",
            about="text, svg, html, or trace (for Perfetto, chrome://tracing).",
            default="text on a terminal, else svg",
            choices={
                "text": "strips of text (on a terminal the default)",
                "svg": "a picture (elsewhere the default)",
                "html": "a page with that picture and the critical path",
                "trace": "JSON for Perfetto or chrome://tracing",
            },
        ),
        _CACHE,
        _KWARGS,
        _TRUST,
    ),
    "clear": Command(
        "Remove recorded results.",
        "task",
        Option("--yes", "-y", about="Do not ask."),
        Option("--dry-run", "-n", about="Only say what would be removed."),
        Option("--stale", about="Only results of classes that the taskfile no longer defines."),
        _CACHE,
        _KWARGS,
        _TRUST,
    ),
    "doctor": Command(
        "Look through the whole cache for damage.",
        "cache",
        Option("--repair", about="Save what can be saved, and forget what is lost, so that it runs again."),
        _CACHE,
        _TRUST,
    ),
    "config": Command("Show each setting, its value, and where that comes from.", "taskfile"),
    "completion": Command(
        "Print the completion script of a shell.",
        "shell",
        Option("--install", about="Put it where the shell looks, and print that path."),
    ),
}

SHELLS = ("bash", "zsh", "fish")
