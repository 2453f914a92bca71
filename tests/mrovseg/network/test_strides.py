"""Places and features lie on whole pixels, whatever patches are."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mrovseg.errors import ModelConfigError
from mrovseg.network.config import TINY, ModelConfig
from mrovseg.network.strides import strides
from mrovseg.network.views.slices import at_stride
from mrovseg.segmenter import MrovsegSegmenter
from tests.mrovseg.networks import SMALL, all_weights, chips, vocabulary
from tests.mrovseg.one_chip import label_chip, map_of


def of_patch(patch_px: int, *, side_px: int, slices: int) -> ModelConfig:
    vision = {**SMALL.clip["vision_cfg"], "patch_size": patch_px, "image_size": side_px}
    return dataclasses.replace(SMALL, clip={**SMALL.clip, "vision_cfg": vision}, slices=slices)


@pytest.mark.parametrize(
    ("patch_px", "side_px", "slices", "expected"),
    [(14, 224, 5, (4, 16)), (14, 336, 4, (4, 16)), (16, 224, 5, (4, 16)), (32, 224, 5, (8, 32))],
)
def test_strides_of_common_encoders(
    patch_px: int, side_px: int, slices: int, expected: tuple[int, int]
) -> None:
    assert strides(of_patch(patch_px, side_px=side_px, slices=slices)) == expected


def test_strides_of_tiny_are_a_quarter_of_its_patches_and_these() -> None:
    assert strides(TINY) == (4, 16)


@given(patch_px=st.integers(1, 64), patches=st.integers(1, 24), slices=st.integers(1, 6))
def test_no_whole_stride_is_nearer_to_a_quarter_of_a_patch(patch_px: int, patches: int, slices: int) -> None:
    side = patch_px * patches * slices
    config = of_patch(patch_px, side_px=patch_px * patches, slices=slices)
    if side % 4:
        with pytest.raises(ModelConfigError, match=rf"multiple of 4 px.*got {side} px"):
            strides(config)
        return
    stride, feature_stride = strides(config)
    assert side % feature_stride == 0
    assert feature_stride == 4 * stride
    off = abs(stride - patch_px / 4)
    assert not any(side % (4 * s) == 0 and abs(s - patch_px / 4) < off for s in range(1, side // 4 + 1))


def test_maps_at_their_own_stride_stay_as_they_are_and_others_keep_a_plane() -> None:
    maps = torch.arange(96.0).expand(1, 1, 96, 96)
    assert at_stride(maps, chip_px=1344, stride_px=14) is maps
    got = at_stride(maps, chip_px=1344, stride_px=16)
    expected = (torch.arange(84.0) + 0.5) * 16 / 14 - 0.5
    torch.testing.assert_close(got[0, 0, 40], expected, rtol=0, atol=1e-4)


def test_proposals_of_patches_of_14_px_lie_on_whole_pixels() -> None:
    config = of_patch(14, side_px=56, slices=4)
    weights = {k: v for k, v in all_weights(config).items() if k.startswith(("visual.", "head."))}
    segmenter = MrovsegSegmenter(config, weights, vocabulary(3), step_px=112)
    found = segmenter.propose(chips(config, 1))
    assert strides(config) == (4, 16)
    assert found["index"].shape[2:] == found["weight"].shape[2:] == (56, 56)
    assert found["features"].shape == (1, 32, 14, 14)
    np.testing.assert_allclose(np.linalg.norm(found["features"], axis=1), 1, atol=1e-5)
    kept = map_of(segmenter, chips(config, 1))
    assert kept["index"].shape[:2] == (58, 58)
    assert kept["features"].shape[:2] == (9, 9)
    assert label_chip(segmenter, kept, side=224).class_id.shape == (224, 224)
