from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from taskproc.batch import PrefixCommand
from taskproc.command import choose, command_for, refuse_unknown
from taskproc.errors import RequestError
from taskproc.options import Options


def node(*channels: str, prefix: str = "", **resources: Any) -> Any:
    return SimpleNamespace(
        name="flow.Train", short="Train", channels=dict.fromkeys(channels, 1), prefix=prefix, resources=resources
    )


@pytest.mark.parametrize(
    ("prefixes", "found"),
    [
        ({}, "own"),
        ({"other": "no"}, "own"),
        ({"gpu": "by channel"}, "by channel"),
        ({"cpu": "second", "gpu": "first"}, "first"),
        ({"flow.Train": "by name", "gpu": "by channel"}, "by name"),
        ({"flow.Train": ""}, ""),
        ({"gpu": ""}, ""),
        ({"flow.Train": "", "gpu": "by channel"}, ""),
        ({"flow.Train": "by name", "gpu": ""}, "by name"),
    ],
)
def test_the_task_name_wins_over_channels_and_these_over_the_class(prefixes: dict[str, str], found: str) -> None:
    task = node("gpu", "cpu", prefix="own")
    assert choose(task, Options(prefixes=prefixes)).line == found
    assert choose(task, Options(settings={"pyproject.toml": prefixes})).line == found
    command = command_for(task, Options(prefixes=prefixes))
    assert command == (PrefixCommand(found) if found else None)


def test_what_is_said_now_wins_over_settings_whatever_they_name() -> None:
    settings = {"TASKPROC_PREFIX": {"cpu": "environment"}, "pyproject.toml": {"flow.Train": "pyproject"}}
    task = node("gpu", "cpu", prefix="own")
    options = Options(prefixes={"gpu": "now"}, settings=settings)
    assert choose(task, options) == ("now", "channel gpu")
    assert choose(task, Options(settings=settings)) == ("environment", "channel cpu, TASKPROC_PREFIX")
    assert choose(node(prefix="own"), options) == ("pyproject", "name Train, pyproject.toml")
    assert choose(node(prefix="own"), Options()) == ("own", "_task_prefix_command of Train")
    assert choose(node(), Options()) == ("", "")


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("srun -c 1\n", "srun -c 1"),
        ("\n  srun \\\n    -c 1  \n  ", "\n  srun \\\n    -c 1"),
        ("srun \\\n", "srun \\\n"),
        ("env A=\\ ", "env A=\\ "),
    ],
)
def test_a_command_may_end_with_a_newline(line: str, found: str) -> None:
    assert command_for(node(prefix=line), Options()) == PrefixCommand(found)
    assert command_for(node(prefix=" \n "), Options()) is None


def test_a_command_says_what_the_task_is() -> None:
    line = "srun -c {cpus} --mem {memory} -J {task_name}-{task_id} -o {log} env D={gpu} {python}"
    task = node("gpu", prefix=line, memory="16 GB", python="/opt/my python")
    command = command_for(task, Options())
    filled = "srun -c 1 --mem '16 GB' -J flow.Train-{task_id} -o {log} env D={gpu} {python}"
    assert command == PrefixCommand(filled, "'/opt/my python'")
    assert command_for(node("cpus", prefix="{cpus}", cpus=8), Options()) == PrefixCommand("8")
    task = node(prefix="{cpus}")
    task.channels = {"cpus": 3}
    assert command_for(task, Options(limits={"cpus": 4})) == PrefixCommand("3")


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("srun -c {cpu}", "names {cpu}, which is not among its _task_resources: did you mean {cpus}? ({{cpu}} stands"),
        ("awk {zzzzz}", "it has cpus, log, memory, python, task_id, task_name ({{zzzzz}} stands for the text itself)"),
        (
            "env D={gpu}",
            "{gpu}, but the channel has no numbers without a rate limit: give it one, as --rate-limit gpu=",
        ),
    ],
)
def test_a_name_that_the_task_lacks_is_refused(line: str, sentence: str) -> None:
    task = node("gpu", prefix=line, memory=1)
    with pytest.raises(RequestError) as caught:
        refuse_unknown([task], Options())
    assert sentence in str(caught.value)


def test_names_that_are_known_are_not_refused() -> None:
    options = Options(limits={"gpu": 1})
    refuse_unknown([node("gpu", prefix="{gpu} {log} {python} {cpus} {mem} ${HOME}", mem=1), node()], options)
