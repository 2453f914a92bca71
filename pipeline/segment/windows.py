"""Propose for a window and label it: its chips become maps of its chunks, and these its labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np
from jaxtyping import Bool, UInt8

from pipeline.geometry.chips import FILL, ChipGrid, chips_of, cover
from pipeline.geometry.grid import Lattice, chunks_of
from pipeline.geometry.window import Window
from pipeline.segment import checks
from pipeline.segment.blending import BlendedFeatures, BlendedQueries
from pipeline.segment.protocols import (
    SCORE_NODATA,
    Arrays,
    Labeller,
    Proposer,
    Segmenter,
    class_dtype,
    layout_of,
)
from pipeline.segment.stacking import stacked
from pipeline.segment.window_labels import WindowLabels, any_in_squares, count_squares
from pipeline.segment.window_proposals import WindowProposals


def segment_window(  # noqa: PLR0913 - each by its name
    segmenter: Segmenter,
    pixels: UInt8[np.ndarray, "y x 3"],
    valid: Bool[np.ndarray, "y x"],
    *,
    window: Window,
    scene_px: tuple[int, int],
    chunk_px: int,
    classes: int,
    every_pixel: bool = False,
) -> WindowLabels:
    """Propose and label: pixels of a window and its surroundings become its labels.

    All but ``classes`` and ``every_pixel``, which are ``label_window``'s, is as ``propose_window`` takes it.

    Raises:
        ValueError, TypeError: as those two.
    """
    proposals = propose_window(segmenter, pixels, valid, window=window, scene_px=scene_px, chunk_px=chunk_px)
    inside = valid[window.slices_in(cover(window, layout_of(segmenter), scene_px=scene_px))]
    return label_window(segmenter, proposals, inside, window=window, classes=classes, every_pixel=every_pixel)


def propose_window(
    proposer: Proposer,
    pixels: UInt8[np.ndarray, "y x 3"],
    valid: Bool[np.ndarray, "y x"],
    *,
    window: Window,
    scene_px: tuple[int, int],
    chunk_px: int,
) -> WindowProposals:
    """Return the proposals of ``window``, which is made of whole chunks of a scene of ``scene_px`` (height, width).

    ``pixels`` and ``valid`` are of ``chips.cover(window, layout, scene_px=scene_px)``, rows before columns; where
    ``valid`` is false there is no data, and pixels are ``FILL``; beyond the scene it is false.

    A chip without a valid pixel in its whole square is not asked for, and is left out of the blend, ramp and all. That
    is for the chip's own pixels to say, wherever the window ends, so that neighbours leave out the same chips; and a
    valid pixel lies in the square of every chip that covers it, so that none of these is missing.

    The network is called with ``chips_per_call`` chips each time; what is missing in the last call is chips of
    ``FILL``, whose proposals are dropped. A window of which no chip has data asks the network nothing.

    Raises:
        ValueError: pixels or valid are not of that rectangle, the window is not made of whole chunks, these are not
            made of whole cells, or the proposer broke its promise.
        TypeError: the proposer gave something else than arrays by name.
    """
    layout = layout_of(proposer)
    _check_whole(window, scene_px, chunk_px, layout.cell_px)
    grid = chips_of(window, layout, scene_px=scene_px)
    asked = grid.cut(valid).any(axis=(2, 3)).ravel()
    places = Lattice(unit_px=layout.stride_px, scene_px=scene_px)
    cells = Lattice(unit_px=layout.cell_px, scene_px=scene_px)
    queries = features = None
    for chip, arrays in _proposed(proposer, grid, pixels, asked):
        if "index" in arrays:
            queries = queries or BlendedQueries(grid, asked, area=places.around(window))
            queries.add(chip, arrays["embeddings"], arrays["index"], arrays["weight"])
        if "features" in arrays:
            of_patches = arrays["features"]
            features = features or BlendedFeatures(layout, area=cells.around(window), length=len(of_patches))
            features.add(chip, of_patches)
    chunks = [*chunks_of(window, chunk_px=chunk_px)]
    return stacked(
        None if queries is None else (queries.of_chunk(chunk, places) for chunk in chunks),
        None if features is None else (features.of_chunk(chunk, cells) for chunk in chunks),
        chunks=len(chunks),
        chunk_px=chunk_px,
    )


def label_window(
    labeller: Labeller,
    proposals: WindowProposals,
    valid: Bool[np.ndarray, "y x"],
    *,
    window: Window,
    classes: int,
    every_pixel: bool = False,
) -> WindowLabels:
    """Return the labels of ``window`` by what ``propose_window`` proposed for it, now or long ago.

    ``valid`` says which of the window's own pixels have data: all others become no data. ``classes`` is how many class
    ids there are beside 0; the mask is of ``class_dtype(classes)``. Scores and margins are of places, or of
    ``every_pixel``; a place has no data where none of its pixels has any.

    Raises:
        ValueError: the proposals are not those of this window, ``valid`` is not of the window, or the labeller broke
            its promise.
    """
    if valid.shape != window.shape:
        raise ValueError(f"valid pixels of {window!r} are an array of {window.shape}, got {valid.shape}")
    chunks = [*chunks_of(window, chunk_px=proposals.chunk_px)]
    _check_proposed(proposals, valid, window, chunks, labeller.stride_px)
    stride_px = 1 if every_pixel else labeller.stride_px
    has_data = any_in_squares(valid, stride_px)
    mask = np.full(window.shape, np.iinfo(class_dtype(classes)).max, class_dtype(classes))
    score, margin = (np.full(has_data.shape, SCORE_NODATA, np.uint8) for _ in range(2))
    for number, chunk in enumerate(chunks):
        at = chunk.slices_in(window)
        if not valid[at].any():
            continue
        squares = count_squares(chunk.shape, stride_px)
        found = labeller.label(proposals.chunk(number), size_px=chunk.shape, every_pixel=every_pixel)
        checks.check_labels(found, chunk.shape, squares, classes=classes)
        there = tuple(slice(part.start // stride_px, -(-part.stop // stride_px)) for part in at)
        for whole, part, where, has in zip(
            (mask, score, margin), found, (at, there, there), (valid, has_data, has_data), strict=True
        ):
            np.copyto(whole[where], part, where=has[where])
    return WindowLabels(mask=mask, score=score, margin=margin, stride_px=stride_px)


def _proposed(
    proposer: Proposer, grid: ChipGrid, pixels: UInt8[np.ndarray, "y x 3"], asked: Bool[np.ndarray, " chips"]
) -> Iterator[tuple[Window, dict[str, np.ndarray]]]:
    """Yield the squares of the chips to ask for, in the order of the grid, and the arrays of each."""
    cut, squares = grid.cut(pixels), [*grid.chips()]
    wanted, first = iter(np.flatnonzero(asked)), None
    while some := [*islice(wanted, proposer.chips_per_call)]:
        at = [divmod(int(number), len(grid.cols)) for number in some]
        arrays = _called(proposer, [cut[place] for place in at])
        first = first or arrays
        checks.check_alike(arrays, first)
        for number, each in enumerate(some):
            yield squares[each], {name: array[number] for name, array in arrays.items()}


def _called(proposer: Proposer, some: Sequence[UInt8[np.ndarray, "y x 3"]]) -> Arrays:
    """Return the checked proposals of some chips, at most as many as a call has, and of those that fill it up."""
    call = np.full((proposer.chips_per_call, *some[0].shape), FILL, np.uint8)
    for chip, pixels in zip(call, some, strict=False):
        chip[:] = pixels
    return checks.proposals_of_call(proposer.propose(call), chips=len(call), layout=layout_of(proposer))


def _check_whole(window: Window, scene_px: tuple[int, int], chunk_px: int, cell_px: int) -> None:
    whole = (
        window.intersection(Window(0, 0, *scene_px)) == window
        and not window.row_off % chunk_px
        and not window.col_off % chunk_px
        and (not window.row_end % chunk_px or window.row_end == scene_px[0])
        and (not window.col_end % chunk_px or window.col_end == scene_px[1])
    )
    if not whole:
        raise ValueError(f"{window!r} is not made of whole chunks of {chunk_px} px of a scene of {scene_px}")
    if chunk_px % cell_px:
        raise ValueError(f"chunks must be made of whole cells of {cell_px} px, got chunks of {chunk_px} px")


def _check_proposed(
    proposals: WindowProposals,
    valid: Bool[np.ndarray, "y x"],
    window: Window,
    chunks: Sequence[Window],
    stride_px: int,
) -> None:
    """Refuse the proposals of another window, or of another stride."""
    expected = [[count + 2 for count in count_squares(chunk.shape, stride_px)] for chunk in chunks]
    if len(proposals) != len(chunks) or (proposals.index.size and proposals.places.tolist() != expected):
        raise ValueError(
            f"proposals of {window!r} are maps of {expected} places, got those of {proposals.places.tolist()}"
        )
    if proposals.is_empty and valid.any():
        raise ValueError(f"proposals of {window!r}, which has valid pixels, are empty: of another window?")
