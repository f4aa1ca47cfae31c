"""Words of the command line that mean nothing: what to say of them, and what may have been meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from taskproc_cli.grammar import COMMANDS
from taskproc_cli.parameter import spelled
from taskproc_cli.problems import UsageError
from taskproc_cli.target import suggestion
from taskproc_cli.words import FALSE, TRUE, plain

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from taskproc_cli.parameters import Parameters


def choice(command: str, option: str, text: str) -> str:
    """The text, which must be one that an option of a command can take.

    Raises:
        UsageError: it is not.
    """
    (known,) = (each.choices for each in COMMANDS[command].options if option in each.names)
    if text not in known:
        hint = suggestion(text, known) or f"; say {', '.join(known)}"
        raise UsageError(f"{option}: there is no {text!r}{hint}")
    return text


def unknown_option(word: str, known: Iterable[str], parameters: Collection[str] = (), implied: str = "") -> str:
    """Say that there is no such option, and which is nearest, or which command has it.

    Unless the nearest is a parameter, name the task that is `implied`, where the words name none.
    """
    option = word.partition("=")[0]
    if not option.startswith("--"):
        near = [f"--{name}" for name in parameters if name == option[1:2]] or ["--help"] * (option == "-h")
        option = option[:2]
    else:
        near = near_options(option, known)
    hint = f"; did you mean {near[0]}?" if near else ""
    having = [name for name, command in COMMANDS.items() if any(option in each.names for each in command.options)]
    if having and not near:
        hint = f" here; taskproc {having[0]} has it"
    is_parameter = bool(near) and near[0][2:].partition(".")[0].replace("-", "_") in parameters
    if implied and not is_parameter:
        hint += f" (no TASK is named, so {implied} is meant)"
    return f"there is no option {option}{hint}"


def near_options(option: str, known: Iterable[str]) -> list[str]:
    """The long options that may have been meant by one: those that begin with it, parts so named, the nearest."""
    text, long = plain(option), [each for each in known if each.startswith("--")]
    begun = [each for each in long if (len(text) > 3 and each.startswith(text)) or each == text.lower()]
    parts = [each for each in long if each.rpartition(".")[2] == text[2:]]
    near = begun or parts
    if not near and len(text) > len("--n"):
        import difflib

        bare = difflib.get_close_matches(text[2:], [each[2:] for each in long], 1)  # dashes would count as likeness
        near = [f"--{each}" for each in bare]
    return [_shown(each) for each in near]


def _shown(option: str) -> str:
    """An option as help spells it: `plain` has also replaced underscores that begin or end its name."""
    name, dot, key = option[2:].partition(".")
    return f"--{spelled(name.replace('-', '_'))}{dot}{key}"


def stray_word(word: str, rest: Sequence[str], parameters: Parameters) -> str:
    """Say that a word has no place, and what may have been meant."""
    *_, earlier, before = ("", "", *rest[: rest.index(word)])
    parameter = parameters.named.get(before[1:])
    if parameter and len(before) == 2:
        return f"{before} is an option of taskproc's own, and takes no value; did you mean {parameter.option} {word}?"
    flag = parameters.named.get(before[2:].replace("-", "_"))
    if flag and flag.shape.flag and word.lower() in {TRUE, FALSE}:
        return f"{before} is a switch, and the next word is not its value; did you mean {before}={word}?"
    lacking = parameters.named.get(earlier[2:].replace("-", "_"))
    is_option = bool(flag) or before.startswith("--") or (before.startswith("-") and before[1:2].isalpha())
    if is_option and lacking and not lacking.shape.flag:
        return f"{lacking.option} needs a value: {before} was taken for it"
    if lacking and lacking.shape.many:
        return f"{word!r} has no place: {lacking.option} is given once for each item, {lacking.option} {word}"
    if word.startswith(("\u2013", "\u2014")):
        return f"{word!r} begins with a long dash; did you mean --{word[1:]}?"
    name, equals, _ = word.partition("=")
    if equals and name in parameters.named:
        return f"{word!r} is no option; did you mean --{word}?"
    return f"{word!r} has no place after {parameters.cls.__qualname__}: parameters are given as --NAME VALUE"
