import numpy as np

from pipeline.segment import Segmenter
from pipeline.testing.brightness import BrightnessSegmenter, make_brightness

SEGMENTER = BrightnessSegmenter(core_px=8, halo_px=2, n_classes=5)


def test_it_is_a_segmenter_and_survives_its_weights() -> None:
    segmenter: Segmenter = make_brightness(SEGMENTER.weights())
    assert segmenter == SEGMENTER


def test_black_is_other_and_white_the_last_class() -> None:
    chips = np.stack([np.full((12, 12, 3), value, np.uint8) for value in (0, 255)])
    ids, score, _ = SEGMENTER.label(SEGMENTER.propose(chips))
    assert (ids[0] == 0).all()
    assert (ids[1] == 5).all()
    assert (score == np.minimum(chips[..., 0], 254)).all()


def test_the_margin_reaches_to_the_lower_bound_of_the_class() -> None:
    chips = np.tile(np.arange(256, dtype=np.uint8)[:, None, None, None], (1, 12, 12, 3))
    ids, score, margin = SEGMENTER.label(SEGMENTER.propose(chips))
    at_bound = SEGMENTER.label(SEGMENTER.propose(np.tile((score - margin)[..., None], 3)))[0]
    assert np.array_equal(at_bound[:, 6, 6], ids[:, 6, 6])
    assert (margin[1:, 6, 6][np.diff(ids[:, 6, 6]) == 1] == 0).all()
