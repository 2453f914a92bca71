"""The strides at which a network's proposals lie: whole pixels, whatever its patches are."""

from typing import NamedTuple

from mrovseg.errors import ModelConfigError
from mrovseg.network.config import ModelConfig

CELLS_PER_PATCH = 4  # a side; those of the head's masks, and of places in a cell of features


class Strides(NamedTuple):
    """How far apart places and features are."""

    stride_px: int
    feature_stride_px: int


def strides(config: ModelConfig) -> Strides:
    """Return the whole stride nearest to a quarter of a patch of which four divide a chip, and four times as much.

    Of two that are as near it is the coarser. Raises ModelConfigError where a chip's side is no multiple of 4.

    >>> from mrovseg.network.config import TINY
    >>> strides(TINY)
    Strides(stride_px=4, feature_stride_px=16)
    """
    quarter = config.clip["vision_cfg"]["patch_size"] / CELLS_PER_PATCH
    cells, rest = divmod(config.chip_px, CELLS_PER_PATCH)
    if rest:
        raise ModelConfigError(
            f"a chip's side must be a multiple of {CELLS_PER_PATCH} px for its proposals, got {config.chip_px} px"
        )
    whole = [stride for stride in range(1, cells + 1) if cells % stride == 0]
    nearest = min(whole, key=lambda stride: (abs(stride - quarter), -stride))
    return Strides(nearest, CELLS_PER_PATCH * nearest)
