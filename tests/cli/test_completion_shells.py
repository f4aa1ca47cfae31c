"""Completion in the real shells: what is typed, a TAB, and the words the executable then gets."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pexpect
import pytest

import taskproc
import taskproc_cli.complete
from taskproc.errors import RequestError
from taskproc_cli.commands.completion import SCRIPTS, completion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

COMPLETIONS = Path(__file__).parents[2] / "completions"
PACKAGES = Path(taskproc_cli.complete.__file__).parents[1]

TASKFILE = '''
from typing import Literal
from taskproc import Task

class Choose(Task):
    """ Compute the binomial coefficient. """
    _task_channel = "gpu"
    def __init__(self, n: int, mode: Literal["fast", "slow"] = "fast", flag: bool = False): ...

class Main(Task): ...

raise SystemExit("a taskfile is read, never imported")
'''

ECHO = "import json, sys\nprint('<' + json.dumps(sys.argv[1:]) + '>')\n"


def shell(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def write_executable(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def make_folder(tmp_path: Path) -> Path:
    """A folder with a taskfile, one in a folder with a space, and executables that print the words they get."""
    work = tmp_path / "work"
    (work / "my dir").mkdir(parents=True)
    (work / "taskfile.py").write_text(TASKFILE)
    (work / "my dir" / "deep tasks.py").write_text(TASKFILE)
    python = tmp_path / "an env" / "bin" / "python"
    write_executable(python, f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    write_executable(tmp_path / "bin" / "taskproc", f"#!{sys.executable}\n{ECHO}")
    for name, quote in (("double", '"'), ("single", "'")):
        head = f"#!/bin/sh\n'''exec' {quote}{python}{quote} \"$0\" \"$@\"\n' '''\n"
        write_executable(work / f"{name} quoted" / "taskproc", head + ECHO)
    return work


def make_environ(folder: Path) -> dict[str, str]:
    known = {"PATH", "LANG", "LC_ALL", "TMPDIR"}
    environ = {name: value for name, value in os.environ.items() if name in known}
    environ["PATH"] = f"{folder.parent / 'bin'}:{environ['PATH']}"
    return environ | {"PYTHONPATH": str(PACKAGES), "HOME": str(folder), "TERM": "dumb"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_folder(tmp_path)


@pytest.fixture
def environ(folder: Path) -> dict[str, str]:
    return make_environ(folder)


def fish(folder: Path, environ: dict[str, str], line: str) -> list[str]:
    script = f"source {COMPLETIONS}/taskproc.fish; complete -C (string collect -- $argv[1])"
    command = [shell("fish"), "--no-config", "-c", script, line]
    found = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=True)
    assert not found.stderr
    return found.stdout.splitlines()


class Session:
    """An interactive shell."""

    def __init__(self, command: list[str], folder: Path, environ: dict[str, str]) -> None:
        self.folder = folder
        self.ready = False
        self._child = pexpect.spawn(
            command[0], command[1:], cwd=folder, env=environ, encoding="utf-8", timeout=30, dimensions=(50, 200)
        )
        self._child.delaybeforesend = None

    def start(self, lines: list[str]) -> None:
        for line in [*lines, "echo rea''dy"]:
            self._child.sendline(line)
        self._child.expect("ready\r")
        self.ready = True

    def words(self, typed: str) -> list[str]:
        """What the executable gets when this is typed and entered."""
        self.ready = False
        self._child.send(f"{typed}\n")
        self._child.expect(r"<(\[.*?\])>")
        assert self._child.match
        words = json.loads(self._child.match[1].replace("\r\n", ""))
        assert isinstance(words, list)
        self.ready = True
        return words

    def shows(self, typed: str, shown: str) -> None:
        self.ready = False
        self._child.send(typed)
        self._child.expect_exact(shown)
        self._child.send("\x15")
        self.ready = True

    def close(self) -> None:
        self._child.close(force=True)


@pytest.fixture(scope="module")
def sessions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Session]]:
    """The session of a shell by its name, which goes on until a test has left it in the middle of something."""
    begun: dict[str, Session] = {}

    def find(name: str) -> Session:
        if name in begun and not begun[name].ready:
            begun.pop(name).close()
        if name not in begun:
            flags = {"bash": ["--norc", "--noprofile"], "zsh": ["-f"]}[name]
            folder = make_folder(tmp_path_factory.mktemp(name))
            begun[name] = Session([shell(name), *flags, "-i"], folder, make_environ(folder))
            begun[name].start([f"source {COMPLETIONS}/{SCRIPTS[name]}"])
        return begun[name]

    yield find
    for session in begun.values():
        session.close()


@pytest.fixture(params=["bash", "zsh"])
def session(request: pytest.FixtureRequest, sessions: Callable[[str], Session]) -> Session:
    return sessions(str(request.param))


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("taskproc comp\t", ["completion"]),
        ("taskproc run Ch\t--m\tf\t", ["run", "Choose", "--mode", "fast"]),
        ("taskproc run Choose --mode=s\t", ["run", "Choose", "--mode=slow"]),
        ("taskproc run Choose --no-f\t--wo\t3", ["run", "Choose", "--no-flag", "--workers", "3"]),
        ("taskproc run --rate-limit gp\t2", ["run", "--rate-limit", "gpu=2"]),
        ("taskproc run --rate-limit=gp\t2", ["run", "--rate-limit=gpu=2"]),
        ("taskproc run -x dask:\tx", ["run", "-x", "dask:x"]),
        ("taskproc run my\tde\tCh\t--m\ts\t", ["run", "my dir/deep tasks.py", "Choose", "--mode", "slow"]),
        ("taskproc run './my dir/deep tasks.py' Ch\t", ["run", "./my dir/deep tasks.py", "Choose"]),
        ("taskproc run taskfile:Ch\t", ["run", "taskfile:Choose"]),
        ("./double\\ quoted/taskproc run Ch\t", ["run", "Choose"]),
        ("./single\\ quoted/taskproc run Ch\t", ["run", "Choose"]),
        ("true; FOO=1 taskproc log Ch\t", ["log", "Choose"]),
    ],
)
def test_what_is_completed_is_what_the_executable_gets(session: Session, typed: str, words: list[str]) -> None:
    assert session.words(typed) == words


def test_the_home_folder_is_completed(session: Session) -> None:
    assert session.words("taskproc run ~/my\tdeep\tCh\t") == ["run", f"{session.folder}/my dir/deep tasks.py", "Choose"]


def test_candidates_are_shown(session: Session) -> None:
    session.shows("taskproc run \t\t", "Choose")
    session.shows("taskproc run Choose --mode \t\t", "slow")


def test_zsh_describes(folder: Path, environ: dict[str, str]) -> None:
    session = Session([shell("zsh"), "-f", "-i"], folder, environ)
    session.start([f"fpath=({COMPLETIONS} $fpath); autoload -Uz compinit; compinit -u -D"])
    session.shows("taskproc run \t\t", "Compute the binomial coefficient.")
    session.close()


@pytest.mark.parametrize("executable", ["taskproc", "'./double quoted/taskproc'", "./single\\ quoted/taskproc"])
def test_fish_describes(folder: Path, environ: dict[str, str], executable: str) -> None:
    assert fish(folder, environ, f"{executable} run C") == ["Choose\tCompute the binomial coefficient."]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("taskproc run Choose --mode ", ["fast", "slow"]),
        ("taskproc run Choose --mode=s", ["--mode=slow"]),
        ("taskproc run my", ["my dir/"]),
        ("taskproc run my\\ dir/", ["my dir/deep tasks.py"]),
        ("taskproc run 'my dir/d", ["my dir/deep tasks.py"]),
        ("taskproc run 'my dir/deep tasks.py' M", ["Main"]),
        ("taskproc run ~/my\\ dir/deep\\ tasks.py M", ["Main"]),
        ("taskproc run ~/my", ["~/my dir/"]),
        ("taskproc run --rate-limit g", ["gpu=\tchannel"]),
    ],
)
def test_fish_completes(folder: Path, environ: dict[str, str], line: str, found: list[str]) -> None:
    assert fish(folder, environ, line) == found


@pytest.mark.parametrize("name", ["bash", "fish"])
def test_an_executable_that_is_no_python_script_gets_no_answer(
    folder: Path, environ: dict[str, str], name: str
) -> None:
    write_executable(folder / "taskproc", "#!/bin/sh\necho run >&2\nexit 1\n")
    if name == "fish":
        assert fish(folder, environ, "./taskproc ru") == []
        return
    script = f"source {COMPLETIONS}/taskproc.bash; COMP_LINE='./taskproc ru' COMP_POINT=13; _taskproc ./taskproc; "
    script += "echo ${#COMPREPLY[@]}"
    command = [shell("bash"), "--norc", "-c", script]
    found = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=True)
    assert (found.stdout, found.stderr) == ("0\n", "")


@pytest.mark.parametrize("call", ["_taskproc", "_taskproc taskproc Ch run", "IFS=,; _taskproc"])
@pytest.mark.parametrize(
    "given", ["", "COMP_LINE='taskproc run Ch --flag' COMP_POINT=15", "COMP_LINE='taskproc run Ch'"]
)
def test_bash_completes_for_callers_that_give_the_words(
    folder: Path, environ: dict[str, str], call: str, given: str
) -> None:
    script = f"set -u; source {COMPLETIONS}/taskproc.bash; COMP_WORDS=(taskproc run Ch --flag) COMP_CWORD=2; {given}\n"
    command = [shell("bash"), "--norc", "-c", script + call + '; printf "%s|" "${COMPREPLY[@]}"']
    found = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=True)
    assert (found.stdout, found.stderr) == ("Choose |", "")


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_command_prints_the_script(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    script = (COMPLETIONS / SCRIPTS[name]).read_text()
    completion(name)
    assert capsys.readouterr().out == script
    monkeypatch.setenv("SHELL", f"/usr/bin/{name}")
    completion()
    assert capsys.readouterr().out == script


def test_a_script_is_read_from_a_zip_too(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as file:
        for package in (Path(taskproc.__file__).parent, PACKAGES / "taskproc_cli"):
            for path in package.rglob("*"):
                if path.is_file() and "__pycache__" not in path.parts:
                    file.write(path, path.relative_to(package.parent))
    words = [sys.executable, "-c", "from taskproc_cli.app import main; main(['completion', 'fish'])"]
    environ = {**os.environ, "PYTHONPATH": str(tmp_path / "all.zip")}
    done = subprocess.run(words, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ((COMPLETIONS / SCRIPTS["fish"]).read_text(), "")


@pytest.mark.parametrize(("name", "variable"), [("tcsh", ""), ("", "/bin/tcsh"), ("", "")])
def test_an_unknown_shell_is_one_sentence(name: str, variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELL", variable)
    with pytest.raises(RequestError, match="say taskproc completion bash, zsh or fish"):
        completion(name)


def test_an_installed_script_is_found_by_the_shell(
    folder: Path, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "BASH_COMPLETION_USER_DIR", "ZDOTDIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(folder))
    for name in SCRIPTS:
        completion(name, install=True)
    said = capsys.readouterr()
    places = [Path(line) for line in said.out.splitlines()]
    assert [path.read_text() for path in places] == [(COMPLETIONS / script).read_text() for script in SCRIPTS.values()]
    for_bash, for_zsh = said.err.splitlines()
    assert str(places[1].parent) in for_zsh
    _, _, line = for_bash.partition(" should say: ")
    command = [shell("bash"), "--norc", "-c", f"{line}; complete -p taskproc"]
    found = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=True)
    assert found.stdout == "complete -o nospace -F _taskproc taskproc\n"

    command = [shell("fish"), "-c", "complete -C 'taskproc run C'"]
    found = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=True)
    assert found.stdout == "Choose\tCompute the binomial coefficient.\n"
    loader = "/usr/share/bash-completion/bash_completion"
    if not Path(loader).exists():
        pytest.skip("bash-completion is not installed")
    script = f"source {loader}; _completion_loader taskproc; complete -p taskproc"
    command = [shell("bash"), "--norc", "-c", script]
    found = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=True)
    assert found.stdout == "complete -o nospace -F _taskproc taskproc\n"


def test_what_cannot_be_installed_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "file"))
    with pytest.raises(RequestError, match=r"can't be written .*: redirect taskproc completion fish"):
        completion("fish", install=True)
