"""Answer a TAB: run as `python -I -S complete.py SHELL ...`, it prints what may stand where the cursor is.

It has 60 ms, interpreter included, so it imports next to nothing; the taskfile is read, never imported. Its other half
are the scripts in `completions/`, one a shell.
"""

from __future__ import annotations

import sys

if __name__ == "__main__":  # run by its path, without site-packages; last, so that nothing beside it hides the library
    sys.path.append(__file__.rpartition("/taskproc_cli/")[0])

from taskproc_cli.candidates import complete

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


def answer(shell: str, arguments: list[str]) -> Iterator[str]:
    """The lines a shell's script gets.

    bash hands over its COMP_WORDBREAKS and its line up to the cursor, and gets words quoted to be inserted as they are,
    a space behind those that are complete. zsh and fish hand over words, the last the one being typed, and get
    `word<TAB>about`; they quote, and put a space, themselves.
    """
    if shell == "bash":
        breaks, line = arguments
        words, current, kept, quoted = split(line, breaks)
        for word, _ in complete(words[1:], current):
            rest = word[kept:]
            yield rest if quoted else _quote(rest) + ("" if word.endswith(("/", "=", ":")) else " ")
    else:
        *words, current = arguments
        if shell == "fish":  # it does not unquote what is being typed
            current = split(current, "")[1]
        for word, about in complete(words[1:], current):
            yield f"{word}\t{''.join(filter(str.isprintable, about))}"


def split(line: str, breaks: str) -> tuple[list[str], str, int, bool]:
    """Split a line, up to the cursor, into unquoted words.

    Returns:
        The words before the last, the last word, how much of that stands before what the shell will replace (the shell
        takes `breaks` and an opening quote as the beginning of a word), and whether it is inside a quote.
    """
    words: list[str] = []
    word, kept, quote = "", 0, ""
    started = escaped = False
    for letter in line:
        if escaped:
            word, escaped = word + letter, False
        elif letter == "\\" and quote != "'":
            escaped = started = True
        elif quote:
            quote, word = ("", word) if letter == quote else (quote, word + letter)
        elif letter in "'\"":
            quote, kept, started = letter, len(word), True
        elif letter in " \t\n":
            if started:
                words.append(word)
            word, kept, started = "", 0, False
        else:
            word, started = word + letter, True
            kept = len(word) if letter in breaks else kept
    return words, word, kept, bool(quote)


def _quote(text: str) -> str:
    return "".join(f"\\{letter}" if letter in " \t\n\\'\"`$&|;<>()[]{}*?!#" else letter for letter in text)


def main() -> None:
    """Print the answer to the arguments of this process."""
    encoding = sys.getfilesystemencoding()  # that of the words that were typed
    for line in answer(sys.argv[1], sys.argv[2:]):
        try:
            sys.stdout.buffer.write(f"{line}\n".encode(encoding, "surrogateescape"))
        except UnicodeEncodeError:  # it can't be typed in this locale either
            continue


if __name__ == "__main__":
    main()
