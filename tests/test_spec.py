"""The snippets of the original README, filled in and run as scripts; tasks write down themselves that they ran."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

PREAMBLE = """\
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

from taskproc import Cache, Const, Future, Requires, RequiresDict, RequiresList, Task


def note(name):
    with open('ran.txt', 'a') as file:
        file.write(f'{name}\\n')


def ran():
    path = Path('ran.txt')
    names = sorted(path.read_text().split()) if path.exists() else []
    path.write_text('')
    return names

"""

CHOOSE = '''
class Choose(Task):
    """ Compute the binomial coefficient. """
    prev1: Requires[int]
    prev2: Requires[int]

    def __init__(self, n: int, k: int):
        if 0 < k < n:
            self.prev1 = Choose(n - 1, k - 1)
            self.prev2 = Choose(n - 1, k)
        elif k == 0 or k == n:
            self.prev1 = Const(0)
            self.prev2 = Const(1)
        else:
            raise ValueError(f'{(n, k)}')
        self.label = f'{n},{k}'

    def run_task(self) -> int:
        note(self.label)
        return self.prev1 + self.prev2

'''


@pytest.fixture
def study(tmp_path: Path, script: Any) -> Any:
    """Run a script made of the preamble and this text; what it prints."""

    def run(*texts: str) -> str:
        (tmp_path / "study.py").write_text(PREAMBLE + "\n".join(dedent(text) for text in texts))
        return str(script("study.py").stdout)

    return run


def test_choose_runs_each_task_once_and_gives_the_answer(study: Any) -> None:
    out = study(
        CHOOSE,
        """
        with Cache('./cache'):
            task = Choose(6, 3)
        ans, stats = task.run_graph()
        names = ran()
        print(ans, len(names), len(set(names)), stats.executed, stats.reused)
        """,
    )
    # 15 coefficients lie between the edges of the triangle and (6, 3), with the edges that they need
    assert out == "20 15 15 {'study.Choose': 15} {}\n"


def test_a_second_process_runs_nothing(study: Any) -> None:
    script = (
        CHOOSE,
        """
        with Cache('./cache'):
            ans, _ = Choose(6, 3).run_graph()
        print(ans, len(ran()))
        """,
    )
    assert study(*script) == "20 15\n"
    assert study(*script) == "20 0\n"


def test_clearing_one_task_traces_back_to_it_alone(study: Any) -> None:
    out = study(
        CHOOSE,
        """
        with Cache('./cache'):
            Choose(6, 3).run_graph()
            ran()
            Choose(3, 3).clear_task()
            ans, _ = Choose(6, 3).run_graph()
            print(ans, *ran())
            Choose.clear_all_tasks()
            Choose(6, 3).run_graph()
            print(len(ran()))
        """,
    )
    assert out == "20 3,3 4,3 5,3 6,3\n15\n"


def test_arguments_are_json_and_futures_at_any_depth(study: Any) -> None:
    out = study(
        """
        class UpstreamTask(Task):
            def run_task(self):
                note('upstream')
                return 10

        class MyTask(Task):
            up: Requires[int]

            def __init__(self, param1, param2):
                self.up = param1['upstream_task0']
                self.params = param1['other_params'] + param2['more'][0]

            def run_task(self):
                note('mine')
                return self.up + sum(self.params)

        with Cache('./cache'):
            ans, _ = MyTask(
                param1={'upstream_task0': UpstreamTask(), 'other_params': [1, 2]},
                param2={'more': [[3], UpstreamTask()]},
            ).run_graph()
        print(ans, *ran())
        """
    )
    assert out == "16 mine upstream\n"


def test_an_argument_alone_is_no_dependency(study: Any) -> None:
    out = study(
        """
        class Unused(Task):
            def run_task(self):
                note('unused')

        class Mine(Task):
            def __init__(self, other):
                pass

            def run_task(self):
                note('mine')
                return 1

        with Cache('./cache'):
            Mine(Unused()).run_graph()
        print(*ran())
        """
    )
    assert out == "mine\n"


def test_lists_and_dicts_of_upstreams(study: Any) -> None:
    out = study(
        """
        class MyScore(Task):
            def __init__(self, i: int):
                self.i = i

            def run_task(self) -> float:
                note(self.i)
                return self.i / 2

        class SummarizeScores(Task):
            score_list: RequiresList[float]
            score_dict: RequiresDict[str, float]

            def __init__(self, task_dict: dict[str, Future[float]]):
                self.score_list = [MyScore(i) for i in range(10)]
                self.score_dict = task_dict

            def run_task(self) -> float:
                assert type(self.score_list) is list and type(self.score_dict) is dict
                assert self.score_list == [i / 2 for i in range(10)]
                return sum(self.score_dict.values()) / len(self.score_dict)

        with Cache('./cache'):
            ans, _ = SummarizeScores({'a': MyScore(3), 'b': MyScore(20), 'c': Const(0.5)}).run_graph()
        print(ans, len(ran()))
        """
    )
    assert out == "4.0 11\n"


@pytest.mark.parametrize("level", [0, 1, 9])
def test_compression_levels_change_the_size_only(study: Any, tmp_path: Path, level: int) -> None:
    out = study(
        f"""
        class Big(Task):
            _task_compress_level = {level}

            def run_task(self):
                return 'taskproc ' * 200_000

        with Cache('./cache'):
            ans, _ = Big().run_graph()
            print(len(ans), Big().get_task_result() == ans)
        """
    )
    assert out == "1800000 True\n"
    (result,) = (tmp_path / "cache").rglob("result.pkl.gz")
    assert result.read_bytes()[:2] == b"\x1f\x8b"
    assert (result.stat().st_size > 1_800_000) is (level == 0)


def test_an_item_of_a_result_is_an_upstream(study: Any) -> None:
    out = study(
        """
        class MultiOutputTask(Task):
            def run_task(self) -> dict[str, int]:
                note('multi')
                return {'foo': 42, 'bar': [1, {'baz': 2}]}

        class DownstreamTask(Task):
            dep: Requires[int]
            deep: Requires[int]

            def __init__(self):
                self.dep = MultiOutputTask()['foo']
                self.deep = MultiOutputTask()['bar'][1]['baz']

            def run_task(self):
                note('downstream')
                return self.dep, self.deep

        with Cache('./cache'):
            ans, _ = DownstreamTask().run_graph()
        print(ans, *ran())
        """
    )
    assert out == "(42, 2) downstream multi\n"


def test_a_data_directory_is_fresh_at_each_call_and_stays(study: Any) -> None:
    out = study(
        """
        class TrainModel(Task):
            def run_task(self) -> str:
                assert list(self.task_directory.iterdir()) == []
                model_path = self.task_directory / 'model.bin'
                model_path.write_bytes(b'weights')
                return str(model_path)

        class Use(Task):
            path: Requires[str]

            def __init__(self):
                self.path = TrainModel()

            def run_task(self):
                return Path(self.path).read_text()

        with Cache('./cache'):
            print(Use().run_graph()[0])
            print((TrainModel().task_directory / 'model.bin').read_text())
            TrainModel().clear_task()
            print(list(TrainModel().task_directory.iterdir()))
            print(Use().run_graph()[0])
        """
    )
    assert out == "weights\nweights\n[]\nweights\n"


def test_a_prefix_command_stands_before_the_call(study: Any) -> None:
    out = study(
        """
        import os

        class TaskWithJobScheduler(Task):
            _task_prefix_command = 'env QUEUE="x86 1h" nice -n 3'

            def run_task(self):
                note('prefixed')
                return os.environ.get('QUEUE'), os.nice(0)

        before = os.nice(0)
        with Cache('./cache'):
            (queue, niceness), _ = TaskWithJobScheduler().run_graph()
        print(queue, niceness - before, *ran())
        """
    )
    assert out == "x86 1h 3 prefixed\n"


def test_the_callers_executors_run_it_and_stay_open(study: Any) -> None:
    out = study(
        CHOOSE,
        """
        if __name__ == '__main__':
            for executor in ProcessPoolExecutor(max_workers=2), ThreadPoolExecutor():
                with executor, Cache(f'./cache-{type(executor).__name__}'):
                    ans, _ = Choose(6, 3).run_graph(executor=executor)
                    print(ans, len(ran()), executor.submit(abs, -1).result())
        """,
    )
    assert out == "20 15 1\n20 15 1\n"


@pytest.mark.parametrize("limits", ["{'gpu': 1}", "{'memory': 1}", "{TaskUsingGPU.task_name: 1}"])
def test_rate_limits_of_channels_and_tasks(study: Any, limits: str) -> None:
    limited = {"{'gpu': 1}": "TaskUsingGPU AnotherTaskUsingGPU", "{'memory': 1}": "AnotherTaskUsingGPU"}
    out = study(
        f"""
        import os
        import time

        def hold(name):
            note(name)
            if name in {limited.get(limits, "TaskUsingGPU").split()!r}:
                os.close(os.open('seat', os.O_CREAT | os.O_EXCL))
                time.sleep(0.02)  # long enough for another to come in, if it may
                os.unlink('seat')

        class TaskUsingGPU(Task):
            _task_channel = 'gpu'

            def __init__(self, i: int):
                pass

            def run_task(self):
                hold('TaskUsingGPU')

        class AnotherTaskUsingGPU(TaskUsingGPU):
            _task_channel = ['gpu', 'memory']

            def run_task(self):
                hold('AnotherTaskUsingGPU')

        class SomeDownstreamTask(Task):
            ups: RequiresList[None]

            def __init__(self):
                self.ups = [cls(i) for i in range(5) for cls in (TaskUsingGPU, AnotherTaskUsingGPU)]

            def run_task(self):
                return len(self.ups)

        with Cache('./cache'):
            ans, _ = SomeDownstreamTask().run_graph(rate_limits={limits}, max_workers=3)
        print(ans, TaskUsingGPU.task_name)
        """
    )
    assert out == "10 study.TaskUsingGPU\n"


def test_cli_runs_the_task_with_options_of_its_own(tmp_path: Path, python: Any) -> None:
    (tmp_path / "taskfile.py").write_text(
        PREAMBLE
        + dedent(
            """
            class Main(Task):
                def __init__(self, n: int = 2):
                    self.n = n

                def run_task(self):
                    note('main')
                    return self.n * 21

            if __name__ == '__main__':
                Main.cli()
            """
        )
    )
    assert python("taskfile.py").stdout == "42\n"
    assert python("taskfile.py", "--n", "4").stdout == "84\n"
    assert python("taskfile.py", "--n", "4").stdout == "84\n"
    assert (tmp_path / "ran.txt").read_text() == "main\n" * 2
    assert "--n" in python("taskfile.py", "--help").stdout


def test_built_in_properties_and_methods(study: Any) -> None:
    out = study(
        CHOOSE,
        """
        print(Choose.task_name)
        with Cache('./cache'):
            task = Choose(3, 1)
            try:
                task.get_task_result()
            except LookupError as error:
                print('study.Choose' in str(error) or 'Choose(' in str(error))
            task.run_graph()
            others = {Choose(2, 0).task_id, Choose(2, 1).task_id, task.task_id}
            print(task.task_name, type(task.task_id), len(others), task.task_args, task.get_task_result())
            print(task.task_directory.is_dir(), task.task_stdout.is_file(), task.task_stderr.is_file())
            import json
            print(type(task.to_json()), json.loads(json.dumps(task.to_json())) == task.to_json())
            task.clear_task()
            Choose.clear_all_tasks()
            print(task.task_id in others)
        """,
    )
    assert out.splitlines() == [
        "study.Choose",
        "True",
        "study.Choose <class 'int'> 3 {'n': 3, 'k': 1} 3",
        "True True True",
        "<class 'dict'> True",
        "True",
    ]


STUDY = """
from typing import NewType
from taskproc import Task, Future, Requires, RequiresList, RequiresDict, Const

Words = NewType('Words', list)

class Corpus(Task):
    def __init__(self, name: str):
        self.name = name

    def run_task(self):
        return {'train': Words(['a', 'b', 'a']), 'test': Words(['a'])}

class Count(Task):
    _task_channel = 'cpu'
    words: Requires[Words]

    def __init__(self, words: Future[Words], config: dict, seed: int):
        self.words = words
        self.config = config
        self.seed = seed

    def run_task(self):
        counts = {word: self.words.count(word) for word in self.words}
        return {word: count + self.seed for word, count in counts.items() if count >= self.config['least']}

class Table(Task):
    rows: RequiresDict[int, dict[str, int]]

    def __init__(self, rows: dict):
        self.rows = rows

    def run_task(self):
        return sorted((seed, *row.items()) for seed, row in self.rows.items())

class Main(Task):
    \"\"\" Count words. \"\"\"
    tables: RequiresList[list]

    def __init__(self, n_seeds=2):
        tables: list[Future[list]] = []
        for part in ['train', 'test']:
            words = Corpus('books')[part]
            least = {'train': 2, 'test': 1}[part]
            tables.append(Table({i: Count(words, config={'least': least}, seed=i) for i in range(n_seeds)}))
        self.tables = tables + [Const([])]

    def run_task(self) -> None:
        print('Running main')
        print(self.tables)

if __name__ == '__main__':
    Main.cli()
"""


def test_a_taskfile_as_they_were_written_runs_as_it_is(tmp_path: Path, python: Any, taskproc: Any) -> None:
    (tmp_path / "taskfile.py").write_text(STUDY)
    printed = "Running main\n[[(0, ('a', 2)), (1, ('a', 3))], [(0, ('a', 1)), (1, ('a', 2))], []]\n"
    first, second = python("taskfile.py"), taskproc("run")
    assert first.stdout == second.stdout == ""
    assert printed in first.stderr
    assert printed in second.stderr
    assert "8 tasks" in first.stderr
    assert "8 reused" in second.stderr
