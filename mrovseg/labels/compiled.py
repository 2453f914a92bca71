"""Compiling the arithmetic of labels for CPUs, to the bits of numpy's."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from numba import njit

P = ParamSpec("P")
R = TypeVar("R")


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Return a function that is compiled when it is first called, and kept for other processes where that is possible.

    Each operation rounds as it is written: without fast-math none is joined with another or done in another order.
    numba keeps what it compiled beside the source, or where that cannot be written in the user's cache directory: by
    the digest of the source and the kind of CPU, in files that are complete or absent. What a kernel calls is kept as a
    part of it, so it has to be in the same source.
    """
    try:
        return njit(error_model="numpy", cache=True)(function)
    except RuntimeError:  # there is no directory to write to: each process compiles its own
        return njit(error_model="numpy")(function)


def part(function: Callable[P, R]) -> Callable[P, R]:
    """Return a function for the kernels of its module to call, and compiled with them."""
    return njit(error_model="numpy")(function)
