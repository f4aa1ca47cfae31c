"""redun: lazily called functions, a call graph in SQLite."""

import sys
from pathlib import Path

from redun import Scheduler, task
from redun.config import Config

redun_namespace = "bench"


@task(executor="process")
def leaf(i: int) -> int:
    return i


@task()
def total(values: list) -> int:
    return sum(values)


@task()
def main(count: int) -> int:
    return total([leaf(i) for i in range(count)])


if __name__ == "__main__":
    folder = Path(sys.argv[2])
    folder.mkdir(exist_ok=True)
    config = Config(
        {
            "backend": {"db_uri": f"sqlite:///{folder}/redun.db"},
            "executors.default": {"type": "local", "max_workers": 2},
            "executors.process": {"type": "local", "mode": "process", "max_workers": 2},
        }
    )
    scheduler = Scheduler(config=config)
    scheduler.load()
    scheduler.run(main(int(sys.argv[1])))
