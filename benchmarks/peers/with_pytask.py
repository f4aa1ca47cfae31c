"""pytask: a function a task, a product file each."""

import sys
from pathlib import Path
from textwrap import dedent

import pytask

TASKS = """
    from pathlib import Path
    from typing import Annotated

    from pytask import Product, task

    FOLDER = Path(__file__).parent
    LEAVES = [FOLDER / f"{i}.txt" for i in range(COUNT)]

    for number, leaf in enumerate(LEAVES):

        @task(id=str(number))
        def task_leaf(number: int = number, path: Annotated[Path, Product] = leaf) -> None:
            path.write_text(str(number))

    def task_sum(leaves: list[Path] = LEAVES, path: Annotated[Path, Product] = FOLDER / "sum.txt") -> None:
        path.write_text(str(sum(int(leaf.read_text()) for leaf in leaves)))
"""

if __name__ == "__main__":
    folder = Path(sys.argv[2])
    folder.mkdir(exist_ok=True)
    (folder / "task_bench.py").write_text(dedent(TASKS).replace("COUNT", sys.argv[1]))
    session = pytask.build(paths=folder, n_workers=2, verbose=0)
    sys.exit(session.exit_code)
