"""How the chips of a checkpoint's network lie, and what of their proposals a store keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mrovseg.network.config import ModelConfig
from mrovseg.network.strides import strides
from mrovseg.weights.header import EMBEDDED
from pipeline.errors import ConfigError
from pipeline.geometry.chips import ChipLayout
from pipeline.segment import KEPT
from pipeline.store import ProposalsLayout

if TYPE_CHECKING:  # a plan knows no weights
    from mrovseg.weights.checkpoint import Checkpoint


def chip_layout(config: ModelConfig) -> ChipLayout:
    """Return how the chips of a network lie on a scene."""
    return ChipLayout(core_px=config.core_px, halo_px=config.halo_px, stride_px=strides(config).stride_px)


def proposals_layout(checkpoint: Checkpoint, *, chunk_px: int) -> ProposalsLayout:
    """Return what of a checkpoint's proposals is known before it proposes anything, for chunks of that side.

    Raises ConfigError where chunks are not made of whole cells of features.
    """
    config = checkpoint.config
    layout, head = chip_layout(config), config.head
    if chunk_px % layout.cell_px:
        raise ConfigError(
            f"chunk_px must be a multiple of {layout.cell_px}, the cells of this checkpoint's features, got "
            f"{chunk_px}: try {max(1, round(chunk_px / layout.cell_px)) * layout.cell_px}"
        )
    return ProposalsLayout(
        stride_px=layout.stride_px,
        feature_stride_px=None if head is not None and head.averaged else layout.cell_px,
        k=0 if head is None else KEPT,
        embed_dim=config.clip["embed_dim"],
        most_queries=_queries_a_chip(config) * _most_chips(layout, chunk_px=chunk_px),
        core_px=layout.core_px,
        halo_px=layout.halo_px,
        checkpoint=EMBEDDED if checkpoint.name == EMBEDDED else "",
        checkpoint_digest=checkpoint.digest,
    )


def _queries_a_chip(config: ModelConfig) -> int:
    if config.head is None:
        return 0
    return config.head.queries * (1 + config.slices**2 if config.head.averaged else 1)


def _most_chips(layout: ChipLayout, *, chunk_px: int) -> int:
    """Return how many chips at most cover a chunk and a ring of one cell around it."""
    along: int = -(-(chunk_px + 2 * layout.cell_px + layout.side_px) // layout.core_px)
    return along**2
