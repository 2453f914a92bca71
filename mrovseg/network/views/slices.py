"""A chip as the encoder sees it: one low view and a grid of slices; and the way back to one map."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import interpolate


def split(chips: Float[Tensor, "b c h w"], *, side_px: int) -> Float[Tensor, "n c p p"]:
    """Cut chips into slices without overlap, chip by chip, row-major.

    The chip's side must be a whole number of slices.
    """
    b, c, height, width = chips.shape
    rows, cols = height // side_px, width // side_px
    grid = chips.reshape(b, c, rows, side_px, cols, side_px).permute(0, 2, 4, 1, 3, 5)
    return grid.reshape(b * rows * cols, c, side_px, side_px)


def stitch(slices: Float[Tensor, "n c g g"], *, slices_a_side: int) -> Float[Tensor, "b c sg sg"]:
    """Lay maps of slices back on the chip: the inverse of `split`."""
    n, c, g, _ = slices.shape
    s = slices_a_side
    grid = slices.reshape(n // (s * s), s, s, c, g, g).permute(0, 3, 1, 4, 2, 5)
    return grid.reshape(n // (s * s), c, s * g, s * g)


def views(chips: Float[Tensor, "b 3 h w"], *, side_px: int) -> Float[Tensor, "n 3 p p"]:
    """Return all encoder inputs of the chips: low views first (b), then the slices (b*s*s)."""
    return torch.cat([low_views(chips, side_px=side_px), split(chips, side_px=side_px)])


def low_views(chips: Float[Tensor, "b 3 h w"], *, side_px: int) -> Float[Tensor, "b 3 p p"]:
    """Return the chips as a whole, downsampled to the encoder's input."""
    return interpolate(chips, size=(side_px, side_px), mode="bilinear", antialias=True, align_corners=False)


def as_map(tokens: Float[Tensor, "b n c"]) -> Float[Tensor, "b c g g"]:
    """Drop the class token and lay the patches out row by row."""
    b, n, c = tokens.shape
    g = round((n - 1) ** 0.5)
    return tokens[:, 1:].mT.reshape(b, c, g, g)


def as_tokens(features: Float[Tensor, "b c y x"]) -> Float[Tensor, "b n c"]:
    """Flatten a map to tokens, row by row."""
    return features.flatten(2).mT


def at_stride(maps: Float[Tensor, "b c s s"], *, chip_px: int, stride_px: int) -> Float[Tensor, "b c y x"]:
    """Return maps of a chip at a stride that divides it: as they are, or interpolated bilinearly."""
    side = chip_px // stride_px
    if maps.shape[-1] == side:
        return maps
    return interpolate(maps, size=(side, side), mode="bilinear", align_corners=False)
