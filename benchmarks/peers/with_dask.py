"""Dask: delayed calls in a pool of processes; nothing is kept."""

import sys

import dask


@dask.delayed
def leaf(i):
    return i


@dask.delayed
def total(values):
    return sum(values)


if __name__ == "__main__":
    total([leaf(i) for i in range(int(sys.argv[1]))]).compute(
        scheduler="processes", num_workers=2, optimize_graph=False
    )
