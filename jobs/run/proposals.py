"""How the chips of a checkpoint's network lie, and what of their proposals a store keeps."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mrovseg.network.config import ModelConfig
from mrovseg.network.strides import strides
from mrovseg.weights.header import EMBEDDED
from pipeline.errors import ConfigError
from pipeline.geometry.chips import ChipLayout
from pipeline.segment import KEPT
from pipeline.store import MOST_QUERIES, ProposalsLayout

if TYPE_CHECKING:  # a plan knows no weights
    from mrovseg.weights.checkpoint import Checkpoint


def chip_layout(config: ModelConfig, *, overlap_px: int | None = None) -> ChipLayout:
    """Return how the chips of a network lie on a scene where neighbours overlap so far.

    None is a quarter of a chip in whole slices, rounded up, which neighbours then share, or a quarter of the one slice
    that a chip has; of it, as much as is made of whole places.

    Raises ConfigError for another overlap that is not made of whole places, or leaves no step from chip to chip.
    """
    stride_px = strides(config).stride_px
    if overlap_px is None:
        quarter_px = (
            math.ceil(config.slices / 4) * config.slice_px if config.slices > 1 else config.chip_px // 4
        )
        overlap_px = quarter_px // stride_px * stride_px
    if overlap_px % stride_px or not 0 <= overlap_px < config.chip_px:
        raise ConfigError(
            f"overlap_px must be a multiple of {stride_px}, the stride of this checkpoint's proposals, and less than "
            f"{config.chip_px}, the side of its chips, got {overlap_px}: try "
            f"{round(min(overlap_px, config.chip_px // 2) / stride_px) * stride_px}"
        )
    return ChipLayout(side_px=config.chip_px, step_px=config.chip_px - overlap_px, stride_px=stride_px)


def proposals_layout(checkpoint: Checkpoint, layout: ChipLayout, *, chunk_px: int) -> ProposalsLayout:
    """Return what of a checkpoint's proposals is known before it proposes anything, for chunks of that side.

    Raises ConfigError where chunks are not made of whole cells of features, or could have too many queries.
    """
    config = checkpoint.config
    head, most_queries = config.head, _queries_a_chip(config) * _most_chips(layout, chunk_px=chunk_px)
    if chunk_px % layout.cell_px:
        raise ConfigError(
            f"chunk_px must be a multiple of {layout.cell_px}, the cells of this checkpoint's features, got "
            f"{chunk_px}: try {max(1, round(chunk_px / layout.cell_px)) * layout.cell_px}"
        )
    if most_queries > MOST_QUERIES:
        raise ConfigError(
            f"a chunk of {chunk_px} px and chips that overlap by {layout.side_px - layout.step_px} px could have "
            f"{most_queries} queries, more than {MOST_QUERIES}: give a smaller overlap_px or chunk_px"
        )
    return ProposalsLayout(
        stride_px=layout.stride_px,
        feature_stride_px=None if head is not None and head.averaged else layout.cell_px,
        k=0 if head is None else KEPT,
        embed_dim=config.clip["embed_dim"],
        most_queries=most_queries,
        chip_px=layout.side_px,
        step_px=layout.step_px,
        checkpoint=EMBEDDED if checkpoint.name == EMBEDDED else "",
        checkpoint_digest=checkpoint.digest,
    )


def _queries_a_chip(config: ModelConfig) -> int:
    if config.head is None:
        return 0
    return config.head.queries * (1 + config.slices**2 if config.head.averaged else 1)


def _most_chips(layout: ChipLayout, *, chunk_px: int) -> int:
    """Return how many chips at most cover a chunk and a ring of one cell around it."""
    along: int = -(-(chunk_px + 2 * layout.cell_px + layout.side_px) // layout.step_px)
    return along**2
