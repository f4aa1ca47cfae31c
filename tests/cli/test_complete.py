from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import taskproc_cli.complete
from taskproc_cli.candidates import complete
from taskproc_cli.complete import answer, split
from taskproc_cli.grammar import COMMANDS

TASKFILE = '''
from typing import Literal
from taskproc import Task

class Choose(Task):
    """ Compute it. """
    _task_channel = "gpu"
    def __init__(self, n: int, mode: Literal["fast", "slow"] = "fast", verbose: bool = False, split_ratio=0.5): ...
    class Inner(Task):
        def __init__(self, many: list[Literal["a", "b"]], step: Step): ...

class Step:
    size: float
    sign: Literal["up", "down"]
    deep: bool

class Main(Task):
    def __init__(self, seed: int = 0): ...

raise SystemExit("never imported")
'''


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    work = tmp_path / "work"
    for name in ("sub", "sub/deep", "pack", "__pycache__", ".hidden"):
        (work / name).mkdir(parents=True)
    for name in ("taskfile.py", "sub/other.py", "pack/__init__.py", "pack/mod.py"):
        (work / name).write_text(TASKFILE)
    (work / "notes.txt").write_text("")
    monkeypatch.chdir(work)
    monkeypatch.setenv("HOME", str(work))
    return work


def words(line: str) -> list[str]:
    *before, current = line.split(" ")
    return [word for word, _ in complete(before, current)]


OWN = {option.names[0] for option in COMMANDS["run"].options}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", list(COMMANDS)),
        ("c", ["clear", "config", "completion"]),
        ("-", ["--version", "--help"]),
        ("nothing ", []),
        ("completion ", ["bash", "zsh", "fish"]),
        ("completion zsh ", []),
        ("list ", ["pack/", "sub/", "taskfile.py"]),
        ("list taskfile.py ", []),
        ("doctor ", ["pack/", "sub/", "taskfile.py"]),
        ("doctor --", ["--repair", "--cache", "--trust-cache", "--help"]),
        ("run ", ["Choose", "Choose.Inner", "Main", "pack/", "sub/", "taskfile.py"]),
        ("run C", ["Choose", "Choose.Inner"]),
        ("run sub/", ["sub/deep/", "sub/other.py"]),
        ("run ~/su", ["~/sub/"]),
        ("run .", [".hidden/"]),
        ("run nowhere/", []),
        ("run sub/other.py M", ["Main"]),
        ("run ~/sub/other.py M", ["Main"]),
        ("run nowhere.py ", []),
        ("run pack.mod:C", ["pack.mod:Choose", "pack.mod:Choose.Inner"]),
        ("run pack:M", ["pack:Main"]),
        ("run pack.mod:Choose --mo", ["--mode"]),
        ("run taskfile.Choose --mo", ["--mode"]),
        ("log Choose#7 --mo", ["--mode"]),
        ("run Choose ", ["--n", "--mode", "--verbose", "--no-verbose", "--split-ratio"]),
        ("run Choose --mode ", ["fast", "slow"]),
        ("run Choose --mode=s", ["--mode=slow"]),
        ("run Choose --verbose=", ["--verbose=true", "--verbose=false"]),
        ("run Choose --n ", []),
        ("run Choose --n 3 ", ["--mode", "--verbose", "--no-verbose", "--split-ratio"]),
        ("run Choose --n 3 --no-verbose --mode slow ", ["--split-ratio"]),
        ("run Choose --split_", ["--split_ratio"]),
        ("run Choose --split_ratio 0.1 --split", []),
        ("run Choose.Inner --many a --many ", ["a", "b"]),
        ("run Choose.Inner --many a --ma", ["--many"]),
        ("run Nothing --n", ["--no-detect-source-change"]),
        ("run --seed 3 --se", []),
        ("run --se", ["--seed"]),
        ("run -x ", ["process", "thread", "serial", "dask", "dask:"]),
        ("run -kx t", ["thread"]),
        ("run -j4 M", ["Main"]),
        ("run -j 4 M", ["Main"]),
        ("run -j ", []),
        ("run --executor=s", ["--executor=serial"]),
        ("run --cache ", ["pack/", "sub/"]),
        ("run --rate-limit ", ["gpu=", "Choose=", "Choose.Inner=", "Main="]),
        ("run --rate_limit g", ["gpu="]),
        ("run --prefix=g", ["--prefix=gpu="]),
        ("run --prefix gpu=", []),
        ("run --rate-limit gpu=1 --rate", ["--rate-limit"]),
        ("run Choose.Inner --st", ["--step", "--step.size", "--step.sign", "--step.deep"]),
        ("run Choose.Inner --step.sign ", ["up", "down"]),
        ("run Choose.Inner --no-step.deep --step.", ["--step.size", "--step.sign"]),
        ("run Choose --sweep ", ["n=", "mode=", "verbose=", "split_ratio="]),
        ("run Choose --sweep n=0..9 --sweep sp", ["split_ratio="]),
        ("graph --format ", ["tree", "dot", "mermaid", "json", "svg", "html"]),
        ("log --stream ", ["stdout", "stderr", "both", "command"]),
    ],
)
def test_candidates(line: str, expected: list[str]) -> None:
    assert words(line) == expected


def test_options_are_the_command_s_own_and_the_task_s() -> None:
    assert set(words("run --")) == OWN | {"--seed"}
    assert set(words("run -k --force -")) == (OWN | {"--seed"}) - {"--keep-going", "--force"}
    assert set(words("list -")) == {"--format", "--help"}


def test_behind_a_task_its_parameters_come_first() -> None:
    assert dict(complete(["run", "Choose"], "--verb")) == {"--verbose": "bool = False"}
    assert words("run Choose --verbose M") == []
    assert words("run --verbose Choose --mode f") == ["fast"]


def test_the_default_taskfile_is_the_nearest_above(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder / "sub" / "deep")
    assert words("run M") == ["Main"]
    monkeypatch.chdir(folder.parent)
    assert words("run ") == ["work/"]


def test_bash_gets_words_quoted_and_spaced(folder: Path) -> None:
    (folder / "a b").mkdir()
    (folder / "it's.py").write_text(TASKFILE)

    def bash(line: str) -> list[str]:
        return list(answer("bash", [" \t\n\"'><=;|&(:", line]))

    assert bash("taskproc run Choose --mode=s") == ["slow "]
    assert bash("taskproc run pack:M") == ["Main "]
    assert bash("taskproc run a") == ["a\\ b/"]
    assert bash("taskproc run it") == ["it\\'s.py "]
    assert bash('taskproc run "it') == ["it's.py"]
    assert bash("taskproc run --rate-limit g") == ["gpu="]


def test_other_shells_get_words_described() -> None:
    assert list(answer("zsh", ["taskproc", "run", "Choose"])) == ["Choose\tCompute it.", "Choose.Inner\t"]
    assert list(answer("fish", ["taskproc", "run", "'Mai"])) == ["Main\t"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", ([], "", 0, False)),
        ("a b", (["a"], "b", 0, False)),
        ("a ", (["a"], "", 0, False)),
        ("'a b' \"c d\" '' e\\ f", (["a b", "c d", ""], "e f", 0, False)),
        ("a 'b c", (["a"], "b c", 0, True)),
        ('a x"b c', (["a"], "xb c", 1, True)),
        ("a --x=y", (["a"], "--x=y", 4, False)),
        ("a '--x='y", (["a"], "--x=y", 0, False)),
    ],
)
def test_a_line_is_split_as_a_shell_does(line: str, expected: tuple[list[str], str, int, bool]) -> None:
    assert split(line, "=:") == expected


@given(st.text(), st.text())
@example("\0/", "")
def test_any_line_is_answered(line: str, breaks: str) -> None:
    assert all(isinstance(word, str) for word in answer("bash", [breaks, f"taskproc run {line}"]))


def run_by_path(*arguments: str, flags: tuple[str, ...] = ()) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-I", "-S", *flags, taskproc_cli.complete.__file__, "zsh", "taskproc", *arguments]
    return subprocess.run(command, capture_output=True, check=True)


def test_run_by_its_path_it_imports_next_to_nothing() -> None:
    found = run_by_path("run", "Choose", "--mode", "", flags=("-X", "importtime"))
    assert found.stdout == b"fast\t\nslow\t\n"
    imported = {line.rpartition("|")[2].strip() for line in found.stderr.decode().splitlines()}
    assert not imported & {"ast", "enum", "re", "typing", "collections", "functools", "inspect", "pathlib", "taskproc"}
    assert len(imported) < 45


def test_any_name_of_a_file_is_answered() -> None:
    name = "na\u00efve \udcff.py"
    try:
        Path(name).write_text(TASKFILE)
    except OSError:
        pytest.skip("this file system, as that of macOS, takes no names but UTF-8")
    assert run_by_path("run", "na").stdout == f"{name}\t\n".encode(errors="surrogateescape")
    assert run_by_path("run", name, "M").stdout == b"Main\t\n"


def test_a_name_that_the_locale_lacks_keeps_no_other_from_being_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("taskfile.py").write_text(TASKFILE.replace("Inner", "\u6570"), "utf-8")
    monkeypatch.setenv("LC_ALL", "C")
    found = run_by_path("run", "", flags=("-X", "utf8=0")).stdout
    assert b"Choose\t" in found
    assert b"Main\t" in found
    assert ("\u6570".encode() in found) == (sys.platform == "darwin")  # whose names are UTF-8 in every locale


def test_a_docstring_does_nothing_to_the_terminal() -> None:
    Path("taskfile.py").write_text(TASKFILE.replace("Compute it.", "Compute\x1b[2J it\x07."))
    assert "Choose\tCompute[2J it." in [*answer("zsh", ["taskproc", "run", "Choose"])]
