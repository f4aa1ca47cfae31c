"""What may stand where the cursor is: the words of a command, read from its beginning, and what may follow them."""

from __future__ import annotations

from taskproc_cli.grammar import COMMANDS, HELP, SHELLS, VERSION, Command, Option
from taskproc_cli.outline import Outline, Parameter, read_outline
from taskproc_cli.paths import entries, is_taskfile, module_path, taskfile_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Candidate = tuple[str, str]  # a word, and a few words about it; one that ends in `/`, `=` or `:` is to be continued


def complete(words: list[str], current: str) -> list[Candidate]:
    """What may stand for the word being typed.

    Args:
        words: The words before it, unquoted, the executable's name not among them.
        current: What of it stands before the cursor, unquoted.
    """
    if not words:
        options = [(option.names[0], option.about) for option in (VERSION, HELP)]
        commands = [(name, command.about) for name, command in COMMANDS.items()]
        return _starting(options if current.startswith("-") else commands, current)
    command = COMMANDS.get(words[0])
    return Line(command, words[1:]).complete(current) if command else []


class Line:
    """The words of a command that stand before the cursor.

    Attributes:
        command: The command they belong to.
        words: Those of them that are not options: the target.
        used: The options given.
        pending: The option whose value comes next, if any.
    """

    def __init__(self, command: Command, words: Iterable[str]) -> None:
        self.command = command
        self.words: list[str] = []
        self.used: set[str] = set()
        self.pending: Option | Parameter | None = None
        self._outline: Outline | None = None
        for word in words:
            self._take(word)

    def _take(self, word: str) -> None:
        if self.pending is not None:
            self.pending = None
        elif word.startswith("--"):
            name, equals, _ = word.partition("=")
            option = self._option(name)
            self.used.add(_name(option) if option else name)
            self.pending = option if option and not equals and _takes_value(option) else None
        elif word.startswith("-") and len(word) > 1:
            self._take_letters(word)
        else:
            self.words.append(word)

    def _take_letters(self, word: str) -> None:
        """`-kj4`: switches, of which the last may be an option and its value."""
        for at, letter in enumerate(word[1:], 2):
            option = self._option(f"-{letter}")
            if option is None:
                return
            self.used.add(_name(option))
            if _takes_value(option):
                self.pending = option if at == len(word) else None
                return

    def _option(self, name: str) -> Option | Parameter | None:
        """What an option's name means: behind a TASK first its parameter, else first the command's own."""
        spelled = name.replace("_", "-")
        own = next((option for option in self.command.options if spelled in option.names), None)
        if not name.startswith("--") or (own and not self._names_task()):
            return own
        plain = name[2:].replace("-", "_")
        for parameter in self._parameters():
            if plain in {parameter.name, f"no_{parameter.name}"} and (parameter.flag or plain == parameter.name):
                return parameter
        return own

    def complete(self, current: str) -> list[Candidate]:
        """What may stand next, `current` being the beginning of it."""
        if self.pending is not None:
            return self._values(self.pending, current)
        if current.startswith("--") and "=" in current:
            name, _, value = current.partition("=")
            option = self._option(name)
            return [(f"{name}={word}", about) for word, about in self._values(option, value)] if option else []
        if current.startswith("-"):
            parameters = dict(self._parameter_names(current))
            return list((parameters | dict(self._own_names(current)) | parameters).items())
        return list(self._next_word(current))

    # ---- words

    def _next_word(self, current: str) -> Iterator[Candidate]:
        if self.command.words == "shell":
            yield from _starting([(shell, "") for shell in SHELLS], current) if not self.words else ()
        elif self.command.words in {"taskfile", "cache"}:
            yield from _files(current, ".py") if not self.words else ()
        elif self._names_task():
            yield from self._parameter_names(current) if not current else ()
        elif ":" in current and not is_taskfile(current):
            module, _, task = current.partition(":")
            tasks = _tasks(read_outline(module_path(module)))
            yield from ((f"{module}:{name}", about) for name, about in _starting(tasks, task))
        else:
            yield from _starting(_tasks(self.outline()), current)
            yield from _files(current, ".py") if not self.words else ()

    def _names_task(self) -> bool:
        """Whether a TASK has been given: two words, or one that is no TASKFILE."""
        return len(self.words) > 1 or (len(self.words) == 1 and not is_taskfile(self.words[0]))

    # ---- options

    def _own_names(self, current: str) -> Iterator[Candidate]:
        for option in self.command.options:
            if option.many or option.names[0] not in self.used:
                yield from _starting([(option.names[0], option.about)], current)

    def _parameter_names(self, current: str) -> Iterator[Candidate]:
        for parameter in self._parameters():
            if parameter.many or _name(parameter) not in self.used:
                dashed = parameter.name.replace("_", "-")
                spelled = parameter.name if "_" in current else dashed
                names = [f"--{spelled}", f"--no-{dashed}"] if parameter.flag else [f"--{spelled}"]
                yield from _starting([(name, parameter.about) for name in names], current)

    def _values(self, option: Option | Parameter, current: str) -> list[Candidate]:
        if isinstance(option, Parameter):
            return _starting([(value, "") for value in option.values], current)
        if option.value == "DIR":
            return list(_files(current))
        if option.value == "NAME=VALUES":  # of parameters, where the others are of channels and tasks
            return _starting([(f"{each.name}=", each.about) for each in self._parameters()], current)
        if option.value.startswith("NAME=") and "=" not in current:
            outline = self.outline()
            channels = [(name, "channel") for name in outline.channels()] if outline else []
            return _starting([(f"{name}=", about) for name, about in [*channels, *_tasks(outline)]], current)
        return _starting(list(option.choices.items()), current)

    # ---- the taskfile

    def outline(self) -> Outline | None:
        """The outline of the taskfile that the words mean, read once it is needed."""
        if self._outline is None:
            self._outline = read_outline(taskfile_path(self.words))
        return self._outline

    def _parameters(self) -> list[Parameter]:
        if self.command.words != "task":
            return []
        outline = self.outline()
        task = outline and _requested(outline, self.words[-1] if self._names_task() else "")
        return outline.parameters(task) if outline and task else []


def _name(option: Option | Parameter) -> str:
    return option.names[0] if isinstance(option, Option) else f"--{option.name}"


def _takes_value(option: Option | Parameter) -> bool:
    return bool(option.value) if isinstance(option, Option) else not option.flag


def _starting(candidates: Iterable[Candidate], current: str) -> list[Candidate]:
    return [candidate for candidate in candidates if candidate[0].startswith(current)]


def _files(current: str, suffix: str = "") -> Iterator[Candidate]:
    return ((path, "") for path in entries(current, suffix))


def _tasks(outline: Outline | None) -> list[Candidate]:
    return list(outline.tasks.items()) if outline else []


def _requested(outline: Outline, word: str) -> str | None:
    """The task that a word means: a qualified name, also behind that of its module; an empty one means the default."""
    if not word:
        default = "Main" if "Main" in outline.tasks else next(iter(outline.tasks), None)
        return default if default == "Main" or len(outline.tasks) == 1 else None
    name = word.rpartition(":")[2].partition("#")[0]
    while name and name not in outline.tasks:
        name = name.partition(".")[2]
    return name or None
