"""Code that is loaded may not be what its file says any more: workers, which import the file, must not run another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

HELPER = """
RATE = 1
TABLE = {}

def entry(function):
    TABLE[function.__name__] = function
    return function

@entry
def three(): return 3

def other(): return 0
"""

TASKS = """
import helper
from taskproc import Task

class Rate(Task):
    def run_task(self): return helper.RATE

class Three(Task):
    def run_task(self): return helper.TABLE["three"]()
"""

SCRIPT = """
import sys
from pathlib import Path
import helper, tasks
from taskproc import Cache, FailedTaskError

path = Path("helper.py")
text = path.read_text()

def run():
    for cls in (tasks.Rate, tasks.Three):
        with Cache("cache"):
            cls.clear_all_tasks()
            try:
                print(cls().run_graph(max_workers=1)[0])
            except FailedTaskError as error:
                print("refused" if "is not what was loaded for it" in str(error) else error)

run()
helper.RATE = 5
run()
helper.RATE = 1
path.write_text(text.replace("return 0", "return 100"))
run()
path.write_text(text.replace("return 3", "return 3000"))
run()
"""


def test_what_is_not_as_loaded_is_refused_where_it_matters(tmp_path: Path, python: Any) -> None:
    for name, text in (("helper", HELPER), ("tasks", TASKS), ("script", SCRIPT)):
        (tmp_path / f"{name}.py").write_text(text)
    said = python("script.py").stdout.split()
    assert said[:2] == ["1", "3"]
    assert said[2:4] == ["refused", "3"]  # a value was set
    assert said[4:6] == ["1", "3"]  # an edit that concerns neither
    assert said[6:8] == ["1", "refused"]
