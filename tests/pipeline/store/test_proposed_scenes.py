"""What is proposed for scenes of any size, with holes of any size, is kept and labelled again to the same bytes."""

from dataclasses import replace
from itertools import count

import numpy as np
import pyproj
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline import store
from pipeline.geometry.chips import cover
from pipeline.geometry.grid import plan_windows
from pipeline.geometry.scene import Header
from pipeline.geometry.window import Window
from pipeline.output import SceneOutput
from pipeline.segment import KEPT, WindowLabels, WindowProposals, label_window, layout_of, segment_window
from pipeline.store import Contents, ProposalsLayout
from pipeline.testing.brightness import EMBEDDING_LENGTH
from tests.pipeline.outputs import scene_at
from tests.pipeline.segment.scenes import BRIGHTNESS, CHUNK_PX, Scene, painted, proposed, read

LAYOUT = layout_of(BRIGHTNESS)
CLASSES = tuple(f"class {number + 1}" for number in range(BRIGHTNESS.n_classes))
CONTENTS = Contents(
    score_stride_px=LAYOUT.stride_px,
    proposals=ProposalsLayout(
        stride_px=LAYOUT.stride_px,
        feature_stride_px=LAYOUT.cell_px,
        k=KEPT,
        embed_dim=EMBEDDING_LENGTH,
        most_queries=(1 + BRIGHTNESS.n_classes) * 8**2,  # of all chips that can cover a chunk and its ring
        chip_px=LAYOUT.side_px,
        step_px=LAYOUT.step_px,
        checkpoint="brightness",
        checkpoint_digest="b1" * 32,
    ),
)
NUMBERS = count()


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    """A scene, smaller than a chunk or of several, of which a rectangle of whole chunks, or all, has no data."""
    pixels, valid = painted(draw(st.integers(1, 70)), draw(st.integers(1, 70)), draw(st.integers(0, 10**6)))
    rows, cols = (
        slice(*sorted(CHUNK_PX * draw(st.integers(0, -(-length // CHUNK_PX))) for _ in range(2)))
        for length in valid.shape
    )
    valid[rows, cols] = False
    pixels[rows, cols] = 127
    return pixels, valid


def laid_out(uri: str, scene: Scene) -> SceneOutput:
    height, width = scene[1].shape
    header = Header(
        height=height,
        width=width,
        bands=3,
        dtype="uint8",
        crs_wkt=pyproj.CRS.from_epsg(32633).to_wkt(),
        transform=(10.0, 0.0, 5e5, 0.0, -10.0, 5e6),
        nodata=None,
    )
    masks = scene_at(uri)
    store.lay_out(masks, header=header, classes=CLASSES, chunk_px=CHUNK_PX, contents=CONTENTS)
    return masks


def labelled(scene: Scene, window: Window) -> WindowLabels:
    scene_px = scene[1].shape[0], scene[1].shape[1]
    return segment_window(
        BRIGHTNESS,
        *read(scene, cover(window, LAYOUT, scene_px=scene_px)),
        window=window,
        scene_px=scene_px,
        chunk_px=CHUNK_PX,
        classes=len(CLASSES),
    )


def write(masks: SceneOutput, scene: Scene, window: Window) -> None:
    labels, proposals = labelled(scene, window), proposed(BRIGHTNESS, scene, window)
    arrays = {"class": labels.mask, "score": labels.score, "margin": labels.margin}
    maps = {name: getattr(proposals, name) for name in CONTENTS.maps}
    store.write(masks, arrays, window=window, proposals=maps)


NO_DATA = np.full((40, 20, 3), 127, np.uint8), np.zeros((40, 20), bool)


@settings(max_examples=40)
@given(scenes(), st.sampled_from([1, 2, 4]))
@example(painted(1, 1, 3), 1)  # smaller than a place, a cell, a chunk and a chip
@example(NO_DATA, 2)
def test_proposals_of_any_scene_are_kept_and_make_its_labels_again(
    tmp_path_factory: pytest.TempPathFactory, scene: Scene, chunks: int
) -> None:
    uri = str(tmp_path_factory.getbasetemp() / f"proposed-{next(NUMBERS)}" / "scenes/scene/masks.zarr")
    masks, whole = laid_out(uri, scene), Window(0, 0, *scene[1].shape)
    for window in plan_windows(*whole.shape, window_px=chunks * CHUNK_PX):
        write(masks, scene, window)
    kept = WindowProposals(chunk_px=CHUNK_PX, **store.read_proposals(masks, whole))
    made = proposed(BRIGHTNESS, scene, whole)
    assert len(kept) == len(made) == len([*plan_windows(*whole.shape, window_px=CHUNK_PX)])
    for number in range(len(kept)):
        expected = made.chunk(number)
        for name, array in kept.chunk(number).items():
            if expected:
                np.testing.assert_array_equal(array, expected[name], err_msg=name)
            else:  # nothing was asked, all over the scene
                assert not array.any()
    again = label_window(BRIGHTNESS, kept, scene[1], window=whole, classes=len(CLASSES))
    first = labelled(scene, whole)
    for name, values in (("class", again.mask), ("score", again.score), ("margin", again.margin)):
        np.testing.assert_array_equal(store.read(masks, name, whole), values, err_msg=name)
    assert np.array_equal(again.mask, first.mask)
    assert np.array_equal(again.mask == 255, ~scene[1])


def test_a_chunk_without_data_keeps_what_its_neighbours_chips_show_of_it_and_no_more() -> None:
    scene = painted(64, 64, 1)[0], np.ones((64, 64), bool)
    scene[1][:, 16:] = False
    made = proposed(replace(BRIGHTNESS, chip_px=16, step_px=16), scene, Window(0, 0, 64, 64))
    has = [made.chunk(number)["weight"].any() for number in range(16)]
    # The ring of the second column's chunks lies in the first, where chips have data; that of the third's does not.
    assert has == [True, True, False, False] * 4
    assert [bool(made.queries[number]) for number in range(16)] == has
