"""doit: a dict a task, a target file each."""

import sys
from pathlib import Path

from doit.cmd_base import ModuleTaskLoader
from doit.doit_cmd import DoitMain

COUNT, FOLDER = int(sys.argv[1]), Path(sys.argv[2])


def leaf(i):
    (FOLDER / str(i)).write_text(str(i))


def total():
    (FOLDER / "sum").write_text(str(sum(int((FOLDER / str(i)).read_text()) for i in range(COUNT))))


def task_leaf():
    for i in range(COUNT):
        yield {"name": str(i), "actions": [(leaf, [i])], "targets": [str(FOLDER / str(i))], "uptodate": [True]}


def task_sum():
    return {
        "actions": [total],
        "file_dep": [str(FOLDER / str(i)) for i in range(COUNT)],
        "targets": [str(FOLDER / "sum")],
    }


DOIT_CONFIG = {"dep_file": str(FOLDER / "doit.db"), "verbosity": 0, "reporter": "zero"}

if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    sys.exit(DoitMain(ModuleTaskLoader(globals())).run(["run", "-n", "2"]))
