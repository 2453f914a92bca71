"""The loops over pixels and vertices, compiled.

Corners are counted like pixels, from the upper left one of the array: pixel (y, x) has the corners (y, x), (y, x + 1),
(y + 1, x + 1) and (y + 1, x). A ring goes round its pixels with them on its right, so clockwise as rows are drawn
downwards.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, no_type_check

import numpy as np

from pipeline.segment.compiled import compiled


@no_type_check  # of plain Python, compiled here and below
def _root_of(roots, each):  # noqa: ANN001, ANN202
    while roots[each] != each:
        roots[each] = roots[roots[each]]
        each = roots[each]
    return each


_root = compiled(_root_of)


@no_type_check
def _label_pieces(classes, nodata, labels, firsts):  # noqa: ANN001, ANN202
    height, width = classes.shape
    roots = np.zeros(height * width + 1, np.int32)
    found = 0
    for y in range(height):
        for x in range(width):
            value = classes[y, x]
            above = labels[y - 1, x] if y > 0 and classes[y - 1, x] == value else 0
            left = labels[y, x - 1] if x > 0 and classes[y, x - 1] == value else 0
            if value == nodata:
                labels[y, x] = 0
            elif above == 0 and left == 0:
                found += 1
                roots[found] = found
                labels[y, x] = found
            else:
                labels[y, x] = max(above, left)
                if min(above, left) > 0:
                    one, other = _root(roots, above), _root(roots, left)
                    roots[max(one, other)] = min(one, other)
    return _number(labels, roots, firsts)


@no_type_check
def _number_pieces(labels, roots, firsts):  # noqa: ANN001, ANN202
    height, width = labels.shape
    numbers = np.zeros(len(roots), np.int32)
    pieces = 0
    for y in range(height):
        for x in range(width):
            root = _root(roots, labels[y, x])
            if root == 0:
                continue
            if numbers[root] == 0:
                pieces += 1
                numbers[root] = pieces
                firsts[pieces - 1] = y * width + x
            labels[y, x] = numbers[root]
    return pieces


_number = compiled(_number_pieces)


@no_type_check
def _labels_ahead(padded, y, x, way):  # noqa: ANN001, ANN202
    if way == 0:
        return padded[y + 1, x + 1], padded[y, x + 1], padded[y, x]
    if way == 1:
        return padded[y + 1, x], padded[y + 1, x + 1], padded[y, x + 1]
    if way == 2:  # noqa: PLR2004 - west
        return padded[y, x], padded[y + 1, x], padded[y + 1, x + 1]
    return padded[y, x + 1], padded[y, x], padded[y + 1, x]


_ahead = compiled(_labels_ahead)
"""Labels round a corner that a ring comes to: on its side and on the other side ahead, and on the other side behind."""


@no_type_check
def _trace_ring(padded, start, with_nodes, seen, vertices):  # noqa: ANN001, ANN202
    label = padded[start[0] + 1, start[1] + 1]
    y, x = start
    way = 0  # east, south, west, north
    used = 0
    while True:
        if way == 0:
            seen[y, x] = True
        if way % 2 == 0:
            x += 1 - way
        else:
            y += 2 - way
        mine, other, behind = _ahead(padded, y, x, way)
        turn = 1 if mine != label else (0 if other != label else 3)
        if turn != 0 or (with_nodes and other != behind):
            vertices[used, 0] = y
            vertices[used, 1] = x
            used += 1
        way = (way + turn) % 4
        if way == 0 and (y, x) == start:
            return used


_trace = compiled(_trace_ring)


@no_type_check
def _trace_rings(padded, with_nodes, vertices, lengths, owners):  # noqa: ANN001, ANN202
    height, width = padded.shape[0] - 2, padded.shape[1] - 2
    seen = np.zeros((height, width), np.bool_)
    rings = 0
    used = 0
    for y in range(height):
        for x in range(width):
            label = padded[y + 1, x + 1]
            if label == 0 or padded[y, x + 1] == label or seen[y, x]:
                continue
            lengths[rings] = _trace(padded, (y, x), with_nodes, seen, vertices[used:])
            owners[rings] = label
            used += lengths[rings]
            rings += 1
    return rings, used


@no_type_check
def _split_rings(corners, lengths, corner_count, order, split, sources):  # noqa: ANN001, ANN202
    at = np.full(corner_count, -1, np.int64)
    stack = np.empty(len(corners), np.int64)
    rings = 0
    used = 0
    start = 0
    for ring in range(len(lengths)):
        top = 0
        for vertex in range(start, start + lengths[ring]):
            place = at[corners[vertex]]
            if place < 0:
                at[corners[vertex]] = top
                stack[top] = vertex
                top += 1
                continue
            for each in range(place, top):
                order[used] = stack[each]
                used += 1
                if each > place:
                    at[corners[stack[each]]] = -1
            split[rings] = top - place
            sources[rings] = ring
            rings += 1
            top = place + 1
        for each in range(top):
            order[used] = stack[each]
            used += 1
            at[corners[stack[each]]] = -1
        split[rings] = top
        sources[rings] = ring
        rings += 1
        start += lengths[ring]
    return rings


@no_type_check
def _follow(successors, order, lengths):  # noqa: ANN001, ANN202
    seen = np.zeros(len(successors), np.bool_)
    rings = 0
    used = 0
    for first in range(len(successors)):
        if seen[first]:
            continue
        begun = used
        each = first
        while not seen[each]:
            seen[each] = True
            order[used] = each
            used += 1
            each = successors[each]
        lengths[rings] = used - begun
        rings += 1
    return rings


@no_type_check
def _join(roots, ones, others):  # noqa: ANN001, ANN202
    for pair in range(len(ones)):
        one, other = _root(roots, ones[pair]), _root(roots, others[pair])
        roots[max(one, other)] = min(one, other)
    for each in range(len(roots)):
        roots[each] = roots[roots[each]]


label_pieces: Callable[..., Any] = compiled(_label_pieces)
"""Number the 4-connected pieces of equal class from 1 on, by their first pixels row by row; 0 is no data.

classes: (y, x). labels: int32 (y, x), filled. firsts: int64, a number a pixel at most, filled with the flat index of
each piece's first pixel. Returns how many pieces there are.
"""

trace_rings: Callable[..., Any] = compiled(_trace_rings)
"""Trace the rings of every piece: where it goes two ways, a ring keeps to the pixel that it goes round.

padded: int32 (y + 2, x + 2), labels with a border of 0. A vertex is where a ring turns, and ``with_nodes`` also where
the piece beside it changes. vertices: int32 (n, 2), rows and columns of corners, lengths and owners: int32 (n), filled.
Returns how many rings and vertices there are.
"""

split_rings: Callable[..., Any] = compiled(_split_rings)
"""Split rings that come to a corner twice into rings that do not.

corners: int64 (n), the number of each vertex's corner, below ``corner_count``. lengths: (r), vertices of each ring.
order: int64 (n), split and sources: int64 (n), filled with the vertices of the new rings, their lengths, and which ring
each is a part of. Returns how many there are.
"""

follow: Callable[..., Any] = compiled(_follow)
"""Follow a permutation round: order and lengths, int64 (n), are filled with its cycles. Returns how many there are."""

join: Callable[..., Any] = compiled(_join)
"""Let ``roots`` (n), in which each has itself, have the least of all that are joined with it by pairs."""
