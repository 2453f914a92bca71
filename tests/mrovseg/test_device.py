"""Where a network runs and how precisely: chosen before any process starts, and kept by each."""

import numpy as np
import pytest
import torch

from mrovseg.device import Execution
from mrovseg.errors import DeviceMissingError
from mrovseg.segmenter import MrovsegSegmenter
from tests.mrovseg.networks import SMALL, all_weights, vocabulary

SINGLE = Execution(device="cpu", precision="float32")


def test_without_a_gpu_it_is_single_precision_unless_half_is_asked_for() -> None:
    assert Execution.chosen("auto", gpu=False) == Execution.chosen("float32", gpu=False) == SINGLE
    assert Execution.chosen("bfloat16", gpu=False) == Execution(device="cpu", precision="bfloat16")


@pytest.mark.parametrize(("version", "device"), [("13.0", "cuda"), (None, "cpu")])
def test_a_gpu_is_used_in_half_precision_where_torch_was_built_for_it(
    monkeypatch: pytest.MonkeyPatch, version: str | None, device: str
) -> None:
    monkeypatch.setattr(torch.version, "cuda", version)
    monkeypatch.setattr(torch.version, "hip", None)
    half = "bfloat16" if version else "float32"
    assert Execution.chosen("auto", gpu=True) == Execution(device=device, precision=half)  # type: ignore[arg-type]
    assert Execution.chosen("float32", gpu=True) == Execution(device=device, precision="float32")  # type: ignore[arg-type]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_gpu_that_is_missing_is_said_and_not_replaced() -> None:
    with pytest.raises(DeviceMissingError, match=r"a GPU was expected.*torch"):
        MrovsegSegmenter(SMALL, all_weights(SMALL), vocabulary(2), step_px=64, device="cuda")


def test_half_precision_reaches_the_network_and_single_precision_is_what_it_was() -> None:
    weights, side = all_weights(SMALL), SMALL.chip_px
    chips = np.random.default_rng(0).integers(0, 256, (1, side, side, 3), dtype=np.uint8)
    found = {
        half: MrovsegSegmenter(
            SMALL, weights, vocabulary(2), step_px=64, bfloat16=half, device="cpu"
        ).propose(chips)
        for half in (False, True)
    }
    plain = MrovsegSegmenter(SMALL, weights, vocabulary(2), step_px=64).propose(chips)
    np.testing.assert_array_equal(plain["embeddings"], found[False]["embeddings"])
    difference = np.abs(found[True]["embeddings"] - found[False]["embeddings"])
    assert 0 < difference.max() < 0.2  # 8 significant bits, through a few layers
