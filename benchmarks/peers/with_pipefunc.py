"""pipefunc: functions mapped over arrays, kept in a run folder."""

import sys
from concurrent.futures import ProcessPoolExecutor

from pipefunc import Pipeline, pipefunc


@pipefunc(output_name="leaf", mapspec="i[n] -> leaf[n]")
def leaf(i):
    return i


@pipefunc(output_name="total")
def total(leaf):
    return sum(leaf)


if __name__ == "__main__":
    with ProcessPoolExecutor(2) as pool:
        Pipeline([leaf, total]).map(
            {"i": list(range(int(sys.argv[1])))}, run_folder=sys.argv[2], executor=pool, show_progress=False
        )
