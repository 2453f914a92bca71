"""Chips one after the other, of which those that overlap share slices: each slice is encoded once."""

import math

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn.functional import pad

from mrovseg.network import patches
from mrovseg.network.config import ModelConfig
from mrovseg.network.model import EncodedViews, MROVSeg
from mrovseg.network.views.seen_slices import EncodedSlice, SeenSlices
from mrovseg.network.views.slices import low_views

WIDEST_WINDOW_PX = 4096  # of whose row of chips the slices are remembered
LIMIT_BYTES = 2**29  # and never more than this


def slices_of_a_row(config: ModelConfig) -> int:
    """Return how many slices the chips of a row of a window of WIDEST_WINDOW_PX have."""
    return config.slices * math.ceil((WIDEST_WINDOW_PX + config.chip_px) / config.slice_px)


class ChipEncoder:
    """Encodes the views of chips, remembering the slices of the row of chips that it walks along.

    The encoder sees views in calls of `encoder.views_at_once`, the last one filled up, so that what it makes of a view
    depends on nothing else: not on which slices are remembered, and not on the chips before.
    """

    def __init__(self, model: MROVSeg) -> None:
        """Encode what `model` reads: all its `depths`, none without a head, and patches."""
        self.model = model
        self.seen = SeenSlices(most=slices_of_a_row(model.config), limit_bytes=LIMIT_BYTES)
        self._kept_depths = model.depths if model.head is not None else set[int]()

    def encode(self, chips: UInt8[np.ndarray, "b y x 3"]) -> EncodedViews:
        """Return what the encoder makes of the chips' low views and slices, their patches included."""
        side = self.model.encoder.side_px
        pixels = _slices(chips, side_px=side)
        keys = [one.tobytes() for one in pixels]
        found = {key: known for key in keys if (known := self.seen.find(key)) is not None}
        new = {key: i for i, key in enumerate(keys) if key not in found}
        low = low_views(self._normalised(chips), side_px=side)
        images = torch.cat([low, self._normalised(pixels[[*new.values()]])]) if new else low
        encoded = self._encode_views(images)
        found.update(zip(new, encoded[len(chips) :], strict=True))
        for key in new:
            self.seen.keep(key, found[key])
        return _laid_together([*encoded[: len(chips)], *(found[key] for key in keys)], chips=len(chips))

    def _normalised(self, images: UInt8[np.ndarray, "n y x 3"]) -> Float[Tensor, "n 3 y x"]:
        batch = torch.from_numpy(images).to(self.model.mean.device).permute(0, 3, 1, 2)
        # How a view lies in memory decides on the kernels that it meets, and so on its bits: always in the same way.
        return ((batch - self.model.mean) / self.model.std).contiguous()

    def _encode_views(self, images: Float[Tensor, "n 3 p p"]) -> list[EncodedSlice]:
        """Return what the encoder makes of each view, in calls of one shape."""
        count = self.model.encoder.views_at_once or len(images)
        found: list[EncodedSlice] = []
        for call in images.split(count):
            found += self._encode_call(pad(call, (0, 0) * 3 + (0, count - len(call))))
        return found[: len(images)]

    def _encode_call(self, images: Float[Tensor, "n 3 p p"]) -> list[EncodedSlice]:
        encoder = self.model.encoder
        before_last = encoder.depth - 1
        tokens, fine = encoder(images, self._kept_depths | {before_last})
        features = patches.patch_features(encoder, tokens[before_last])
        kept = {depth: tokens[depth] for depth in self._kept_depths}
        # A copy of each, as what is remembered would keep the others of its call in memory.
        return [
            EncodedSlice(
                {depth: of_all[i].clone() for depth, of_all in kept.items()},
                {stride: of_all[i].clone() for stride, of_all in fine.items()} if kept else {},
                features[i].clone(),
            )
            for i in range(len(images))
        ]


def _slices(chips: UInt8[np.ndarray, "b y x 3"], *, side_px: int) -> UInt8[np.ndarray, "n p p 3"]:
    """Return the slices of chips, chip by chip, row by row."""
    rows, cols = chips.shape[1] // side_px, chips.shape[2] // side_px
    grid = chips.reshape(len(chips), rows, side_px, cols, side_px, 3).swapaxes(2, 3)
    return grid.reshape(-1, side_px, side_px, 3)


def _laid_together(encoded: list[EncodedSlice], *, chips: int) -> EncodedViews:
    """Return the views of chips, low views first, as one."""
    tokens, fine = (
        {key: torch.stack([getattr(one, name)[key] for one in encoded]) for key in getattr(encoded[0], name)}
        for name in ("tokens", "fine")
    )
    features = torch.stack([one.features for one in encoded])
    a_side = math.isqrt(len(encoded) // chips - 1)
    return EncodedViews(chips, a_side, tokens, fine, features)
