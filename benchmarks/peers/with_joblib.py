"""joblib: memoized calls in a pool."""

import sys

from joblib import Memory, Parallel, delayed

memory = Memory(sys.argv[2], verbose=0)


@memory.cache
def leaf(i):
    return i


@memory.cache
def total(values):
    return sum(values)


if __name__ == "__main__":
    total(Parallel(n_jobs=2)(delayed(leaf)(i) for i in range(int(sys.argv[1]))))
