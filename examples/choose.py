"""The binomial coefficient, as a graph of tasks that share what they need.

taskproc run examples/choose.py --n 6 --k 3
"""

from __future__ import annotations

from taskproc import Const, Requires, Task


class Choose(Task):
    """Compute the binomial coefficient: the number of ways to choose k of n things."""

    prev1: Requires[int]
    prev2: Requires[int]

    def __init__(self, n: int, k: int) -> None:
        """Find what this one is the sum of.

        Args:
            n: How many things there are.
            k: How many of them are chosen.
        """
        if 0 < k < n:
            self.prev1 = Choose(n - 1, k - 1)
            self.prev2 = Choose(n - 1, k)
        elif k in {0, n}:
            self.prev1 = Const(0)
            self.prev2 = Const(1)
        else:
            raise ValueError(f"there is no way to choose {k} of {n}")

    def run_task(self) -> int:
        """Add the two above, as in Pascal's triangle."""
        return self.prev1 + self.prev2


if __name__ == "__main__":
    Choose.cli()
