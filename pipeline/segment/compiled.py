"""The loops over every number that a network proposes, compiled; plain numpy gives the same bits, as their tests show.

What is compiled is kept for other processes where that is possible: beside the source, or where that cannot be
written in the user's cache directory, by the digest of the source and the kind of CPU, in files that are complete or
absent. Where there is no directory to write to, each process compiles its own, in about a second.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, no_type_check

import numba
import numpy as np

LEAST = np.float32(8.5)
"""Values up to this one are of no weight once they are rounded to fifteenths of 255."""


@no_type_check  # of plain Python, compiled below
def _keep_strongest(values, queries, index, weight, part, first):  # noqa: ANN001, ANN202
    kept = values.shape[2]
    for y in range(index.shape[1]):
        for x in range(index.shape[2]):
            for rank in range(index.shape[0]):
                value = np.float32(weight[rank, y, x]) * part[y, x]
                if value <= LEAST or value <= values[y, x, kept - 1]:
                    continue
                at = kept - 1
                while at > 0 and values[y, x, at - 1] < value:
                    values[y, x, at] = values[y, x, at - 1]
                    queries[y, x, at] = queries[y, x, at - 1]
                    at -= 1
                values[y, x, at] = value
                queries[y, x, at] = first + index[rank, y, x]


@no_type_check
def _add_features(sums, features, ramps, rows, cols):  # noqa: ANN001, ANN202
    for each in range(features.shape[0]):
        for y in range(features.shape[1]):
            if rows[y] < 0:
                continue
            for x in range(features.shape[2]):
                if cols[x] >= 0:
                    sums[each, rows[y], cols[x]] += features[each, y, x] * ramps[y, x]


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of plain loops over arrays compiled, see the module's text."""
    try:
        kept: Callable[..., Any] = numba.njit(nogil=True, cache=True)(function)
    except RuntimeError:  # there is no directory to write to
        return numba.njit(nogil=True)(function)
    return kept


keep_strongest: Callable[..., Any] = compiled(_keep_strongest)
"""Update in place the strongest queries of places with those of one more chip.

values, queries: float32 and int32 (y, x, kept), the values descending; where a value is 0 there is none yet. index,
weight: (k, y, x) of the chip, at the same places, and part: float32 (y, x), the chip's there. A query's value is its
weight times the part, and its number ``first`` + its index. Of equal values the one that came first is the stronger.
"""

add_features: Callable[..., Any] = compiled(_add_features)
"""Add in place to sums of cells a chip's features times its ramp, patch by patch.

sums: float32 (e, cy, cx). features, ramps: float32 (e, y, x) and (y, x). rows, cols: int64 (y) and (x), the cell in
which each patch's middle lies, -1 for none.
"""
