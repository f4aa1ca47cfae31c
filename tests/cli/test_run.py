"""`taskproc run` and `taskproc dry-run`, seen from outside."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.processes import until

if TYPE_CHECKING:
    from collections.abc import Callable

    Command = Callable[..., subprocess.CompletedProcess[str]]
    Refused = Callable[..., str]


def test_the_result_is_all_of_stdout_whether_made_or_reused(program: Command, cli: Command) -> None:
    first, second = (
        program("run", "Choose", "--n", "6", "--k", "3"),
        cli("run", "taskfile.py", "Choose", "--k=3", "--n=6"),
    )
    assert (first.stdout, second.stdout) == ("20\n", "20\n")
    assert re.fullmatch(r"✔ 15 tasks in \d\.\d s · 0 reused · 15 ran\n", first.stderr)
    assert re.fullmatch(r"✔ 15 tasks in \d\.\d s · 15 reused · 0 ran\n", second.stderr)
    assert "\x1b" not in first.stderr


def test_options_of_the_command_stand_anywhere(cli: Command) -> None:
    done = cli("run", "-q", "./taskfile.py", "-j", "1", "taskfile.Outer.Inner", "-x", "thread", "-f")
    assert (done.stdout, done.stderr) == ("7\n", "")


def test_a_module_and_its_task_are_one_word(cli: Command) -> None:
    assert cli("run", "-x", "serial", "-q", "taskfile:Outer.Inner").stdout == "7\n"


@pytest.mark.parametrize(
    ("words", "given"),
    [
        ("--text 3 --text 4", {"text": "4"}),
        ("--text -3", {"text": "-3"}),
        ("--text --help", {"text": "--help"}),
        ("--flag", {"flag": True}),
        ("--flag --no-flag", {"flag": False}),
        ("--flag=false", {"flag": False}),
        ("--xs 1 --xs 2", {"xs": [1, 2]}),
        ("--xs [1,2]", {"xs": [1, 2]}),
        ("--anything [1]", {"anything": [1]}),
        ("--anything one", {"anything": "one"}),
        ("--split-ratio 0.8", {"split_ratio": 0.8}),
        ("--split_ratio 0.8", {"split_ratio": 0.8}),
        ("--force", {"force": True}),
        ('--kwargs {"text":"k","anything":"3"}', {"text": "k", "anything": "3"}),
        ('--text t --kwargs {"text":"k"}', {"text": "t"}),
    ],
)
def test_parameters_are_options(cli: Command, words: str, given: dict[str, object]) -> None:
    names = ("text", "flag", "xs", "anything", "split_ratio", "kind", "force")
    default = {"text": "x", "flag": False, "xs": [], "anything": None, "split_ratio": 0.5, "kind": "a", "force": False}
    done = cli("run", "-q", "-x", "serial", "Echo", *words.split())
    assert dict(zip(names, json.loads(done.stdout), strict=True)) == {**default, **given}


def test_before_the_task_an_option_is_the_command_s(cli: Command) -> None:
    assert cli("run", "-x", "serial", "Echo").returncode == 0
    assert " · 1 ran" in cli("run", "-x", "serial", "--force", "Echo").stderr
    assert '"a", false]' in cli("run", "-x", "serial", "--force", "Echo").stdout


def test_kwargs_may_stand_before_the_task(cli: Command) -> None:
    assert cli("run", "-x", "serial", "-q", "--kwargs", '{"n": 4}', "Choose", "--k", "2").stdout == "6\n"


def test_other_parameters_take_any_name(cli: Command) -> None:
    words = "--a 1 --rest 2 --rest 3 --one-more 4 --b text"
    done = cli("run", "-x", "serial", "-q", "Options", *words.split())
    assert json.loads(done.stdout) == [1, [2, 3], {"one_more": 4, "b": "text"}]


def test_help_shows_the_parameters(cli: Command) -> None:
    done = cli("run", "taskfile.py", "Choose", "--help")
    assert done.returncode == 0
    assert "Compute the binomial coefficient." in done.stdout
    assert "--n <int>" in done.stdout
    assert "How many of them are chosen." in done.stdout
    assert "--workers" in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("Choose --n 6", "Choose needs --k"),
        ("Choose -n 6", "did you mean --n 6?"),
        ("Choose -n6", "did you mean --n 6?"),
        ("Choose -n=6", "did you mean --n 6?"),
        ("Choose -z 6", "there is no option -z"),
        ("Echo --spl 1", "there is no option --spl; did you mean --split-ratio?"),
        ("Echo --flag false", "did you mean --flag=false?"),
        ('Options --a 1 --kwargs {"self":1}', "Options cannot be made: TypeError"),
        ("Choose --nn 6", "did you mean --n?"),
        ("Choose --n x", "--n: 'x' is not an int"),
        ("Choose --n", "--n needs a value"),
        ("Choose 6", "'6' has no place after Choose"),
        ("Choose n=6", "did you mean --n=6?"),
        ("taskfile.py --n 6", "has no task Main; name one of its tasks: Choose, "),
        (f"Choose --n {'9' * 80}x", f"--n: '{'9' * 70}'... is not an int"),
        ("Chose", "did you mean 'Choose'?"),
        ("Echo --kind c", "--kind: 'c' is not one of a, b"),
        ('Echo --kwargs {"txt":1}', "Echo has no parameter 'txt'; did you mean 'text'?"),
        ("Echo --kwargs [1]", "--kwargs: '[1]' is not a JSON object"),
        ("Echo --kwargs {", "--kwargs: '{' is not JSON"),
        ("After", "before must be a Future"),
        ("After --before 3", "before must be a Future"),
        ("Talk#0", "Talk#0 is a recorded instance"),
        ("-j 0 Talk", "--workers: '0' is not a whole number from 1"),
        ("--keep-going=maybe Talk", "--keep-going: 'maybe' is neither true nor false"),
        ("-q -v Talk", "--quiet says less and --verbose more: leave one out"),
        ("-x proces Talk", "did you mean 'process'?"),
        ("-x serial --executor-args 3 Talk", "--executor-args: '3' is not a JSON object"),
        ("--rate-limit gpu=1 Talk", "nothing in the graph has the channel or the name 'gpu'"),
        ("--rate-limit Talk=0 Talk", "--rate-limit Talk: '0' is not a whole number"),
        ("--rate-limit Talk Talk", "'Talk' is not of the form NAME=N"),
        ("--prefix gpu=nice Talk", "nothing in the graph has"),
        ("nowhere.py Main", "nowhere.py does not exist"),
        ("nomodule:Main", "there is no module 'nomodule'"),
        ("taskfile.py", "has no task Main; name one of its tasks: Choose, "),
        ("Endless", "definition without end"),
        ("--wrokers 3 Talk", "did you mean --workers?"),
    ],
)
def test_a_wrong_request_gets_one_sentence(refused: Refused, words: str, said: str) -> None:
    assert said in refused("run", *words.split())


@pytest.mark.parametrize("words", ["-x nowhere:factory", "-o /dev/null/nowhere", '-x thread --executor-args {"a":1}'])
def test_what_a_run_is_refused_for_as_it_begins_gets_one_sentence_too(refused: Refused, words: str) -> None:
    assert refused("run", *words.split(), "Talk")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("-h", "there is no option -h; did you mean --help?"),
        ("--wrokers 3", "there is no option --wrokers; did you mean --workers?"),
        ("-j study.py", "--workers needs a value: study.py was taken for it"),
        ("--sweep study.py --n 3", "--sweep needs a value: study.py was taken for it"),
        ("--n 3", "there is no taskfile.py in "),
    ],
)
def test_without_a_taskfile_an_option_is_blamed_that_is_at_fault(
    refused: Refused, tmp_path: Path, words: str, said: str
) -> None:
    (tmp_path / "taskfile.py").rename(tmp_path / "study.py")
    assert refused("run", *words.split()).startswith(said)


def test_where_no_task_is_named_an_unknown_option_says_which_was_asked(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(
        "from taskproc import Task\nclass Main(Task):\n    def __init__(self, n=1): ...\n"
    )
    meant = " (no TASK is named, so Main is meant)"
    for option, said in {"--seed": "--seed; did you mean --sweep?", "--abc": "--abc"}.items():
        assert refused("run", "main.py", "Main", option, "1") == f"there is no option {said}"
        assert refused("run", "main.py", option, "1") == f"there is no option {said}{meant}"
    assert refused("run", "main.py", "--N", "1") == "there is no option --N; did you mean --n?"


def test_a_wrong_request_leaves_nothing(refused: Refused, tmp_path: Path) -> None:
    refused("run", "Choose", "--n", "6")
    assert not (tmp_path / ".taskproc").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def f(:\n", ("taskfile.py", "line 1", "^", "SyntaxError")),
        ("import nowhere_at_all\n", ("line 1", "No module named 'nowhere_at_all'")),
        ("import sys\nsys.exit(3)\n", ("line 2", "SystemExit")),
        ("def f():\n    1 / 0\nf()\n", ("line 3", "line 2", "ZeroDivisionError: division by zero")),
    ],
)
def test_a_broken_taskfile_is_shown_from_the_user_s_code_on(
    cli: Command, tmp_path: Path, text: str, said: tuple[str, ...]
) -> None:
    (tmp_path / "taskfile.py").write_text(text)
    done = cli("run", "Main")
    assert (done.returncode, done.stdout) == (2, "")
    assert all(part in done.stderr for part in said)
    assert "taskproc_cli" not in done.stderr
    assert "importlib" not in done.stderr
    assert "cannot be loaded: " in done.stderr.splitlines()[-1]


def test_an_init_that_raises_is_shown_from_the_user_s_code_on(cli: Command) -> None:
    done = cli("run", "Broken")
    assert (done.returncode, done.stdout) == (2, "")
    traceback, sentence = done.stderr.splitlines()[:-1], done.stderr.splitlines()[-1]
    assert traceback[0] == "Traceback (most recent call last):"
    assert "taskfile.py" in traceback[1]
    assert not any("taskproc/" in line for line in traceback)
    assert sentence == "taskproc: Broken cannot be made: ValueError: told to fail with 0"


def test_in_this_terminal_too_the_result_is_all_of_stdout(program: Command) -> None:
    done = program("run", "-i", "Talk")
    assert done.stdout == "done\n"
    assert "said on stdout\n" in done.stderr


@pytest.mark.parametrize("where", [("-x", "serial"), ("-x", "thread"), ("-i",)])
@pytest.mark.parametrize("code", ["setattr(sys, 'stdout', sys.stderr)", "sys.stdout.close()", "os.chdir('..')"])
def test_what_a_task_does_to_the_process_reaches_no_other_and_no_result(
    program: Command, cli: Command, tmp_path: Path, where: tuple[str, ...], code: str
) -> None:
    (tmp_path / "spoil.py").write_text(f"""
import os, sys
from taskproc import Requires, Task

class Spoil(Task):
    def run_task(self): {code}

class Main(Task):
    spoil: Requires[None]
    def __init__(self): self.spoil = Spoil()
    def run_task(self): return open("input").read()
""")
    (tmp_path / "input").write_text("right")
    done = (program if "close" in code else cli)("run", "spoil.py", *where)  # how a process ends, a fork does not show
    assert (done.returncode, done.stdout) == (0, "right\n"), done.stderr


SAYING = """
from taskproc import RequiresList, Task

class Part(Task):
    def __init__(self, n: int): self.n = n
    def run_task(self): print("said", self.n); return self.n

class Main(Task):
    parts: RequiresList[int]
    def __init__(self): self.parts = [Part(n) for n in range(3)]
    def run_task(self): return sum(self.parts)
"""


@pytest.mark.parametrize("where", [("-j", "1"), ("-x", "serial"), ("-i",)])
@pytest.mark.parametrize(
    "stream",
    [
        "io.TextIOWrapper(sys.stdout.buffer, encoding='utf-8')",
        "io.TextIOWrapper(sys.stdout.detach(), encoding='utf-8')",
        "codecs.getwriter('utf-8')(sys.stdout.buffer)",
        "Tee(sys.stdout)",
        "open(os.devnull, 'w')",
        "None",
    ],
)
def test_a_taskfile_may_put_a_stream_of_its_own_before_stdout(
    cli: Command, tmp_path: Path, where: tuple[str, ...], stream: str
) -> None:
    (tmp_path / "wrap.py").write_text(f"""
import codecs, io, os, sys

class Tee:
    def __init__(self, inner): self.write = inner.write

sys.stdout = {stream}
print("loaded")
{SAYING}""")
    done = cli("run", "wrap.py", *where)
    assert (done.returncode, done.stdout) == (0, "3\n"), done.stderr
    if where != ("-i",):
        assert [cli("log", "wrap.py", f"Part#{n}").stdout for n in range(3)] == [f"said {n}\n" for n in range(3)]


@pytest.mark.parametrize("executor", ["process", "thread", "serial", "concurrent.futures:ThreadPoolExecutor"])
def test_the_stdin_of_tasks_and_their_commands_is_empty(cli: Command, tmp_path: Path, executor: str) -> None:
    (tmp_path / "reads.py").write_text("""
import os, subprocess
from taskproc import Task

class Main(Task):
    def run_task(self): return subprocess.run(["cat"], capture_output=True, text=True).stdout + str(os.read(0, 9))
""")
    done = cli("run", "reads.py", "-x", executor, stdin="typed\n")
    assert done.stdout == "b''\n"


def test_an_interactive_run_reads_stdin_and_needs_no_executor(program: Command, tmp_path: Path) -> None:
    (tmp_path / "asks.py").write_text("""
from taskproc import Task

class Main(Task):
    def run_task(self): return input()
""")
    assert program("run", "-i", "-x", "nowhere:make", "asks.py", stdin="typed\n").stdout == "typed\n"


def test_all_streams_may_be_closed(cli: Command, executable: Path, tmp_path: Path) -> None:
    (tmp_path / "quiet.py").write_text(SAYING)
    closed = subprocess.run(["sh", "-c", '"$0" run quiet.py <&- >&- 2>&-', executable], cwd=tmp_path, check=False)
    assert closed.returncode == 0
    assert cli("log", "quiet.py", "Part#2").stdout == "said 2\n"
    assert cli("run", "quiet.py").stdout == "3\n"


def test_what_a_taskfile_and_its_commands_print_is_no_result(program: Command, cli: Command, tmp_path: Path) -> None:
    run = "os.system('echo ran'); return 'done'"
    task = f"class Talk(Task):\n    def __init__(self): print('made')\n    def run_task(self): {run}"
    (tmp_path / "talk.py").write_text(f"import os\nfrom taskproc import Task\nos.system('echo read')\n{task}\n")
    done = program("run", "talk.py", "-x", "thread")
    assert (done.stdout, done.stderr.splitlines()[:3]) == ("done\n", ["read", "made", "ran"])
    assert cli("graph", "talk.py", "--format", "dot").stdout.startswith("digraph")


@pytest.mark.parametrize(
    "words",
    ["-x nowhere:make", "-x os.path:nothing", "-x serial --executor-args {}", '-x serial --executor-args {"a":1}'],
)
def test_a_dry_run_refuses_the_executors_that_a_run_does(cli: Command, words: str) -> None:
    wet, dry = cli("run", *words.split(), "Talk"), cli("run", "-n", *words.split(), "Talk")
    assert dry.returncode == wet.returncode
    assert (dry.stderr == wet.stderr) == (wet.returncode == 2)


@pytest.mark.parametrize("words", ["-x nowhere:make", '-x serial --executor-args {"a":1}'])
def test_a_wrong_executor_is_refused_also_where_nothing_has_to_run(cli: Command, words: str) -> None:
    assert cli("run", "-x", "serial", "Talk").returncode == 0
    assert cli("run", *words.split(), "Talk").returncode == 2
    assert cli("dry-run", *words.split(), "Talk").returncode == 2


@pytest.mark.parametrize("letter", ["x", "j"])
def test_a_letter_of_an_option_that_was_meant_for_a_parameter_is_told(
    cli: Command, tmp_path: Path, letter: str
) -> None:
    (tmp_path / "letters.py").write_text(f"""
from taskproc import Task
class Main(Task):
    def __init__(self, {letter}: str): self.value = {letter}
    def run_task(self): return self.value
""")
    assert f"the parameter {letter} is given as --{letter} a" in cli("run", "letters.py", f"-{letter}", "a").stderr
    assert cli("run", "letters.py", f"--{letter}", "a").stdout == "a\n"
    (tmp_path / "pyproject.toml").write_text("[tool.taskproc]\nexecutor = 'a'")  # a setting is for no parameter
    assert "the parameter" not in cli("run", "letters.py", f"--{letter}", "a").stderr


def test_a_dry_run_starts_no_executor(cli: Command, tmp_path: Path) -> None:
    (tmp_path / "pools.py").write_text("print('imported')\ndef make():\n    raise ValueError('made')\n")
    dry = cli("run", "-n", "-x", "pools:make", "Talk")
    assert (dry.returncode, dry.stderr) == (0, "imported\n")
    assert "never ran" in dry.stdout
    assert "imported" not in dry.stdout


@pytest.mark.parametrize("command", ["graph", "status", "why"])
def test_what_a_run_would_refuse_is_told_by_what_only_looks(cli: Command, tmp_path: Path, command: str) -> None:
    (tmp_path / "idle.py").write_text("from taskproc import Task\nclass Main(Task):\n    pass\n")
    refused, looked = cli("run", "idle.py", "Main"), cli(command, "idle.py", "Main")
    said = "Main does not say what to do: define run_task\n"
    assert (refused.returncode, refused.stderr) == (2, f"taskproc: {said}")
    assert (looked.returncode, looked.stderr) == (0, f"warning: taskproc run would refuse this: {said}")
    (tmp_path / "pyproject.toml").write_text("[tool.taskproc]\nrate-limit = { gpu = 1 }\n")
    (tmp_path / "big.py").write_text(
        "from taskproc import Task\nclass Main(Task):\n    _task_channel = {'gpu': 2}\n"
        "    def run_task(self):\n        return 1\n"
    )
    assert "Main() takes 2 of gpu" in cli(command, "big.py", "Main").stderr


def test_a_failure_names_the_folder_of_several_logs(cli: Command, tmp_path: Path) -> None:
    (tmp_path / "both.py").write_text(
        "import sys\nfrom taskproc import Task\nclass Main(Task):\n    def run_task(self):\n"
        "        print('out')\n        print('err', file=sys.stderr)\n        raise ValueError\n"
    )
    command = "--prefix=Main=sh -c 'echo by your leave >&2; exec \"$@\"' --"
    for words, logs in {
        (): ["stderr.txt", "stdout.txt"],
        (command,): ["command.txt", "stderr.txt", "stdout.txt"],
    }.items():
        (line,) = [line for line in cli("run", "both.py", *words).stderr.splitlines() if line.startswith("  log  ")]
        assert sorted(each.name for each in Path(line.removeprefix("  log     ")).glob("*.txt")) == logs


def test_a_failure_is_told_last(program: Command) -> None:
    done = program("run", "Both", "-x", "serial")
    assert (done.returncode, done.stdout) == (1, "")
    summary, _, *told = done.stderr.splitlines()
    assert summary.endswith(" · 0 ran · 1 failed · 1 blocked · 1 not run")
    assert told[:2] == ["the end of what Fail(n=1) printed:", "  before the end"]
    assert '    raise ValueError(f"told to fail with {n}")' in told
    headline, task, blocks, log, debug = told[-5:]
    assert headline == "✘ Fail(n=1) failed: ValueError: told to fail with 1"
    assert (task, blocks) == ("  task    taskfile.Fail#0", "  blocks  1 task")
    assert Path(log.removeprefix("  log     ")).read_text() == "before the end\n"
    assert re.fullmatch(r"  debug   (\S*/)?taskproc run -i taskfile.py Fail", debug)
    assert "told to fail with 2" not in done.stderr
    shown = done.stderr.replace(debug, "")  # the program itself may lie in a folder of any name
    assert "taskproc/" not in shown.replace(".taskproc/", "")


def test_the_command_to_debug_a_forced_run_forces_nothing(cli: Command) -> None:
    debug = cli("run", "-x", "serial", "Fail", "-qF").stderr.splitlines()[-1]
    assert re.fullmatch(r"  debug   (\S*/)?taskproc run -i taskfile.py Fail", debug)


def test_all_failures_are_told_when_going_on(cli: Command) -> None:
    done = cli("run", "-k", "Both")
    assert done.returncode == 1
    assert "told to fail with 1" in done.stderr
    assert "told to fail with 2" in done.stderr
    assert " · 0 reused · 0 ran · 2 failed · 1 blocked\n" in done.stderr


def test_the_requested_task_is_heard_and_its_kept_output_is_marked(cli: Command) -> None:
    first, second, quiet = cli("run", "Talk"), cli("run", "Talk"), cli("run", "-q", "Talk")
    assert first.stdout == second.stdout == quiet.stdout == "done\n"
    for said in ("said on stdout\n", "said on stderr\n"):
        assert said in first.stderr
        assert said in second.stderr
    assert "kept output of Talk():\n" in second.stderr
    assert "kept output" not in first.stderr
    assert quiet.stderr == ""


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("None", ""),
        ("'a\\nb'", "a\nb\n"),
        ("{'b', 'a', 'c'}", "{'a', 'b', 'c'}\n"),
        ("{1: float('nan')}", "{1: nan}\n"),
        ("10 ** 5000", f"1{'0' * 5000}\n"),
    ],
)
def test_results_of_any_kind_are_the_same_again(cli: Command, code: str, text: str) -> None:
    assert cli("run", "-q", "Result", "--code", code).stdout == text
    assert cli("run", "-q", "Result", "--code", code, PYTHONHASHSEED="7").stdout == text


def test_a_dry_run_says_what_and_why_and_writes_nothing(cli: Command, tmp_path: Path) -> None:
    done = cli("dry-run", "Choose", "--n", "4", "--k", "2")
    assert done.stdout == "Choose: 8 of 8 tasks\n       8  never ran\n8 tasks would run, 0 up to date\n"
    assert done.stderr == ""
    assert not (tmp_path / ".taskproc").exists()
    cli("run", "-x", "serial", "Choose", "--n", "3", "--k", "2")
    assert cli("run", "-n", "Choose", "--n", "4", "--k", "2").stdout == (
        "Choose: 3 of 8 tasks\n       3  never ran\n3 tasks would run, 5 up to date\n"
    )


@pytest.mark.parametrize(
    "words", ["run -n", "run --dry-run Main", "dry-run", "graph", "status Main", "why Main --n 1", "show Main --n 1"]
)
def test_what_only_looks_runs_nothing_that_a_taskfile_asks_for(cli: Command, tmp_path: Path, words: str) -> None:
    """A value that is there is given."""
    (tmp_path / "taskfile.py").write_text("""
from taskproc import Requires, Task
class First(Task):
    def run_task(self): return 3
class Main(Task):
    first: Requires[int]
    def __init__(self, n: int = 1):
        assert First().run_graph()[0] == 3
        self.first = First()
    def run_task(self): return self.first
""")
    before = sorted(tmp_path.iterdir())
    looked = cli(*words.split())
    assert looked.returncode == 2
    assert "run_graph of First() was called, and that is not up to date: run it first, since this runs" in looked.stderr
    assert sorted(tmp_path.iterdir()) == before
    cli("run", "First")
    assert "run_graph" not in cli(*words.split()).stderr


def test_force_is_a_reason(cli: Command) -> None:
    cli("run", "-x", "serial", "Talk")
    assert "forced" in cli("dry-run", "-f", "Talk").stdout


def test_each_task_is_named_when_asked(cli: Command) -> None:
    done = cli("run", "-v", "Choose", "--n", "2", "--k", "1")
    assert "Choose(n=2, k=1) ran in 0.0 s (never ran)" in done.stderr
    assert done.stdout == "2\n"


def test_the_cache_is_where_it_is_said(cli: Command, tmp_path: Path) -> None:
    cli("run", "-x", "serial", "Talk", "--cache", "one")
    cli("run", "-x", "serial", "Talk", TASKPROC_CACHE="two")
    assert (tmp_path / "one").is_dir()
    assert (tmp_path / "two").is_dir()
    assert not (tmp_path / ".taskproc").exists()


def test_a_limit_and_a_prefix_name_a_task(cli: Command) -> None:
    done = cli("run", "--rate-limit", "Talk=1", "--prefix", "taskfile.Talk=env SAID=1", "Talk")
    assert done.stdout == "done\n"


TWINS = """
from taskproc import Task

class Run(Task):
    def run_task(self):
        import os
        return os.environ.get("SAID")
"""


@pytest.fixture
def twins(tmp_path: Path) -> None:
    """A taskfile `twins.py` whose task needs two of one short name, and one in a channel of that name's."""
    (tmp_path / "one.py").write_text(TWINS)
    (tmp_path / "two.py").write_text(TWINS)
    (tmp_path / "twins.py").write_text(
        "import one, two\nfrom taskproc import RequiresList, Task\n"
        "class Single(Task):\n    def run_task(self):\n        import os\n        return os.environ.get('SAID')\n"
        "class InChannel(Single):\n    _task_channel = 'Single'\n"
        "class Main(Task):\n    ups: RequiresList[object]\n"
        "    def __init__(self):\n        self.ups = [one.Run(), two.Run(), Single(), InChannel()]\n"
        "    def run_task(self):\n        return self.ups\n"
    )


@pytest.mark.usefixtures("twins")
def test_a_name_that_several_classes_have_is_refused(cli: Command, refused: Refused, tmp_path: Path) -> None:
    for option, value in (("--rate-limit", "1"), ("--prefix", "nice")):
        said = refused("run", "twins.py", option, f"Run={value}")
        assert said == f"{option}: several classes of the graph are called 'Run'; say one.Run or two.Run"
    done = cli("run", "twins.py", "-q", "--prefix", "one.Run=env SAID=1", "--prefix", "two.Run=env SAID=2")
    assert json.loads(done.stdout) == ["1", "2", None, None]
    (tmp_path / "pyproject.toml").write_text('[tool.taskproc.prefix]\nRun = "nice"\n')
    said = f"prefix in {tmp_path / 'pyproject.toml'}: several classes of the graph are called 'Run'; say"
    assert said in refused("run", "twins.py")
    for command in ("status", "graph", "why"):
        assert f"warning: taskproc run would refuse this: {said}" in cli(command, "twins.py", "Main").stderr


@pytest.mark.usefixtures("twins")
def test_an_interactive_run_says_which_commands_it_leaves_out(cli: Command) -> None:
    words = ("run", "-qi", "twins.py", "--prefix", "twins.Single=env SAID=1", "--prefix", "one.Run=")
    done = cli(*words, TASKPROC_PREFIX="Main=nice")
    said = "--interactive runs tasks in this process, without prefix commands: 'env SAID=1' of Single, 'nice' of Main"
    assert (done.stderr, json.loads(done.stdout)) == (f"warning: {said}\n", [None, None, None, None])
    assert cli(*words, TASKPROC_PREFIX="Main=nice").stderr == ""  # nothing runs


@pytest.mark.usefixtures("twins")
def test_a_channel_comes_before_a_class_of_its_name(cli: Command) -> None:
    channel = cli("run", "twins.py", "-q", "--prefix", "Single=env SAID=3")
    assert json.loads(channel.stdout) == [None, None, None, "3"]
    both = cli("run", "twins.py", "-qF", "--prefix", "Single=env SAID=3", "--prefix", "twins.Single=env SAID=4")
    assert json.loads(both.stdout) == [None, None, "4", "3"]


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_ends_the_run(
    cli: Command, executable: Path, tmp_path: Path, number: signal.Signals, status: int
) -> None:
    assert cli("list").returncode == 0
    process = subprocess.Popen([executable, "run", "Wait"], cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    until((tmp_path / "waiting").exists, process)
    process.send_signal(number)
    said = process.communicate(timeout=30)[1]
    assert process.returncode == status
    assert "interrupted; what had finished is kept" in said
    assert "Traceback" not in said


def test_a_reader_that_has_gone_is_no_error(cli: Command, executable: Path, tmp_path: Path) -> None:
    cli("run", "-q", "Result", "--code", "'x' * 1000000")
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [executable, "run", "-q", "Result", "--code", "'x' * 1000000"],
        cwd=tmp_path,
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_script_has_the_options_of_run(cli: Command, tmp_path: Path) -> None:
    cli("run", "-x", "serial", "Choose", "--n", "4", "--k", "2")
    words = [sys.executable, tmp_path / "taskfile.py", "--n", "4", "--k", "2"]
    done = subprocess.run(words, cwd="/", capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "6\n")
    assert " · 8 reused · 0 ran\n" in done.stderr
    about = subprocess.run([*words, "--help"], cwd="/", capture_output=True, text=True, check=False).stdout
    assert "Choose:\n  Compute the binomial coefficient.\n" in about
    assert "TASKFILE" not in about
    wrong = subprocess.run([*words, "--nn", "3"], cwd="/", capture_output=True, text=True, check=False)
    assert wrong.returncode == 2
    assert wrong.stderr == "taskproc: there is no option --nn; did you mean --n?\n"


def test_a_file_named_like_taskproc_is_not_taken_for_it(program: Command, tmp_path: Path) -> None:
    (tmp_path / "taskproc.py").write_text("raise SystemExit('not this one')\n")
    assert program("run", "Choose", "--n", "2", "--k", "1").stdout == "2\n"
    assert program("run", "Choose", "--n", "2", "--k", "1", "--force", "--prefix", "Choose=nice").stdout == "2\n"
