"""A device without room: the encoder sees fewer views at a time, and remembers it. A device that fails: it is said."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from mrovseg.errors import DeviceLostError
from mrovseg.labels.chunk_labels import Labels
from mrovseg.segmenter import MrovsegSegmenter
from tests.mrovseg.networks import SMALL, all_weights, chips, vocabulary
from tests.mrovseg.one_chip import label_chip, map_of

VIEWS = 1 + SMALL.slices**2


def segmenter() -> MrovsegSegmenter:
    return MrovsegSegmenter(SMALL, all_weights(SMALL), vocabulary(3), step_px=64)


def labels_of(segmenter: MrovsegSegmenter, picture: np.ndarray) -> Labels:
    return label_chip(segmenter, map_of(segmenter, picture), side=SMALL.chip_px)


def room_for(views: int, tried: list[int]) -> Callable[..., None]:
    def look(_: torch.nn.Module, inputs: tuple[Any, ...]) -> None:
        tried.append(len(inputs[0]))
        if len(inputs[0]) > views:
            raise torch.OutOfMemoryError("no room")

    return look


def test_without_room_the_encoder_sees_half_as_many_views_and_remembers_it() -> None:
    whole, halved, tried = segmenter(), segmenter(), list[int]()
    halved.model.encoder.views_at_once = whole.model.encoder.views_at_once = VIEWS
    halved.model.encoder.visual.conv1.register_forward_pre_hook(room_for(1, tried))
    pictures = [chips(SMALL, 1, seed=seed) for seed in (0, 1, 0)]
    first, _, again = (labels_of(halved, picture) for picture in pictures)
    # Its slices are remembered when the first chip comes again.
    assert tried == [VIEWS, VIEWS // 2] + [1] * VIEWS * 2 + [1]
    for ours, later, expected in zip(first, again, labels_of(whole, pictures[0]), strict=True):
        np.testing.assert_array_equal(ours, later)
        np.testing.assert_allclose(ours.astype(int), expected.astype(int), atol=1)


def test_without_room_for_one_view_the_window_fails() -> None:
    full = segmenter()
    full.model.encoder.visual.conv1.register_forward_pre_hook(room_for(0, []))
    with pytest.raises(torch.OutOfMemoryError, match="no room"):
        full.propose(chips(SMALL, 1))


def test_a_device_that_fails_is_told_from_a_chip_that_does() -> None:
    def fail(*_: object) -> None:
        raise torch.AcceleratorError("CUDA error: an illegal memory access was encountered\nand more")

    lost = segmenter()
    lost.model.encoder.register_forward_pre_hook(fail)
    with pytest.raises(
        DeviceLostError, match=r"^the GPU failed: CUDA error: an illegal memory access was encountered$"
    ):
        lost.propose(chips(SMALL, 1))
