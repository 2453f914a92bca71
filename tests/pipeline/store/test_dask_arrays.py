import numpy as np
import pytest

from pipeline.geometry.window import Window
from pipeline.store.lazy.dask_arrays import lazy_array, write_chunks

PIXELS = np.random.default_rng(0).integers(0, 255, (50, 1100), np.uint8)


def made(window: Window) -> np.ndarray:
    return PIXELS[window.slices_in(Window(0, 0, *PIXELS.shape))]


@pytest.mark.parametrize("threads", [1, 3])
def test_more_chunks_than_a_graph_has_are_all_written(threads: int) -> None:
    target = np.zeros_like(PIXELS)
    write_chunks(made, target, chunk_px=16, dtype=PIXELS.dtype, threads=threads)
    np.testing.assert_array_equal(target, PIXELS)


def test_only_the_chunks_that_are_asked_for_are_made() -> None:
    asked: list[Window] = []

    def noted(window: Window) -> np.ndarray:
        asked.append(window)
        return made(window)

    array = lazy_array(noted, Window(10, 20, 40, 1000), chunk_px=32, dtype=PIXELS.dtype)
    assert array.shape == (40, 1000)
    assert asked == []
    np.testing.assert_array_equal(array[33:, 993:].compute(), PIXELS[43:50, 1013:1020])
    assert asked == [Window(42, 1012, 8, 8)]
