"""The original taskproc 0.17: a task a class instance, a folder and a compressed pickle each."""

import sys
from concurrent.futures import ProcessPoolExecutor

from taskproc import Cache, RequiresList, Task


class Leaf(Task):
    def __init__(self, i):
        self.i = i

    def run_task(self):
        return self.i


class Sum(Task):
    leaves: RequiresList[int]

    def __init__(self, count):
        self.leaves = [Leaf(i) for i in range(count)]

    def run_task(self):
        return sum(self.leaves)


if __name__ == "__main__":
    with Cache(sys.argv[2]):
        Sum(int(sys.argv[1])).run_graph(executor=ProcessPoolExecutor(max_workers=2))
