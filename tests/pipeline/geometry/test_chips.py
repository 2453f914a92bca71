import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.geometry.chips import ChipLayout, core, count_chips, cover, cut, stitch
from pipeline.geometry.window import Window

layouts = st.builds(ChipLayout, core_px=st.integers(1, 12), halo_px=st.integers(0, 5))
offsets, sides = st.integers(0, 40), st.integers(1, 30)
windows = st.builds(Window, offsets, offsets, sides, sides)


def scene_pixels(rectangle: Window) -> np.ndarray:
    """An endless scene: three bands that are a function of row and column alone."""
    rows = np.arange(rectangle.row_off, rectangle.row_end)[:, None]
    cols = np.arange(rectangle.col_off, rectangle.col_end)
    bands = (rows * 7 + cols * 31, rows * 3 - cols * 5, rows * cols)
    return np.stack(np.broadcast_arrays(*bands), axis=-1).astype(np.uint8)


@given(windows, layouts)
def test_stitching_the_cores_of_a_cut_gives_the_window_back(window: Window, layout: ChipLayout) -> None:
    covered = scene_pixels(cover(window, layout))
    cores = core(cut(covered, window=window, layout=layout), layout=layout)
    assert np.array_equal(stitch(cores[..., 0], window=window, layout=layout), scene_pixels(window)[..., 0])


@given(windows, windows, layouts)
def test_a_chip_depends_on_the_scene_and_not_on_the_window(
    one: Window, other: Window, layout: ChipLayout
) -> None:
    def chips_by_place(window: Window) -> dict[tuple[int, int], np.ndarray]:
        covered, side = cover(window, layout), layout.core_px
        cores = covered.expand(-layout.halo_px)
        rows = range(cores.row_off, cores.row_end, side)
        places = [(row, col) for row in rows for col in range(cores.col_off, cores.col_end, side)]
        found = cut(scene_pixels(covered), window=window, layout=layout)
        assert len(found) == count_chips(window, layout)
        return dict(zip(places, found, strict=True))

    ours, theirs = chips_by_place(one), chips_by_place(other)
    assert all(row % layout.core_px == col % layout.core_px == 0 for row, col in ours)
    for place in ours.keys() & theirs.keys():
        assert np.array_equal(ours[place], theirs[place])


@given(windows, layouts)
def test_a_chip_is_the_scene_around_its_core(window: Window, layout: ChipLayout) -> None:
    covered = cover(window, layout)
    first = cut(scene_pixels(covered), window=window, layout=layout)[0]
    place = Window(covered.row_off, covered.col_off, layout.side_px, layout.side_px)
    assert np.array_equal(first, scene_pixels(place))


def test_an_array_of_another_rectangle_is_refused() -> None:
    window, layout = Window(0, 0, 8, 8), ChipLayout(core_px=4, halo_px=1)
    with pytest.raises(ValueError, match=r"row_off=-1.*\(8, 8, 3\)"):
        cut(np.zeros((8, 8, 3), np.uint8), window=window, layout=layout)
    with pytest.raises(ValueError, match=r"\(4, 4, 4\).*\(3, 4, 4\)"):
        stitch(np.zeros((3, 4, 4), np.uint8), window=window, layout=layout)


def test_a_layout_without_a_core_is_refused() -> None:
    with pytest.raises(ValueError, match="core_px=0"):
        ChipLayout(core_px=0, halo_px=1)
