"""The map of a chunk's proposals: what is stored, and what labels are made of."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int8, UInt8, UInt16

from mrovseg.errors import ProposalsError
from mrovseg.labels.place_scores import FULL_WEIGHT


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalMap:
    """The proposals of a chunk of `size_px` (rows, columns) and of a ring of one place around it.

    A place is a square of `stride_px`, a cell one of `cell_px`; both begin at the chunk's first pixel. embeddings:
    the directions of the queries, of any length. index, weight: at each place the ids of the queries there and their
    weights in 15ths, with id 0 where the weight is 0. features: at each cell, and in a ring of one cell, a direction by
    which classes are told that the head was never taught; absent where none were kept.

    Raises ProposalsError for arrays that are not of one chunk of that size.
    """

    embeddings: Int8[np.ndarray, "n e"]
    index: UInt16[np.ndarray, "y x k"]
    weight: UInt8[np.ndarray, "y x k"]
    features: Int8[np.ndarray, "fy fx e"] | None
    size_px: tuple[int, int]
    stride_px: int
    cell_px: int

    def __post_init__(self) -> None:
        """Check types and shapes, that the queries exist, and that weights are of 0 to 15."""
        self._check_sides()
        places, cells = self._with_ring(self.stride_px), self._with_ring(self.cell_px)
        kept = self.index.shape[2:]
        _check("embeddings", self.embeddings, np.int8, (None, None))
        _check("index", self.index, np.uint16, (*places, None))
        _check("weight", self.weight, np.uint8, (*places, *kept))
        if self.features is not None:
            _check("features", self.features, np.int8, (*cells, self.embeddings.shape[1]))
        if self.weight.max(initial=0) > FULL_WEIGHT:
            raise ProposalsError(f"weights are 0 to {FULL_WEIGHT}, got {self.weight.max()}")
        if self.index.max(initial=0) >= max(1, len(self.embeddings)) or (
            not len(self.embeddings) and self.weight.any()
        ):
            raise ProposalsError(
                f"there are {len(self.embeddings)} queries, and a place has the query {self.index.max()}"
            )

    def _check_sides(self) -> None:
        if min(self.size_px) < 1 or self.stride_px < 1 or self.cell_px < 1 or self.cell_px % self.stride_px:
            raise ProposalsError(
                "a chunk has pixels, and cells whole places: got "
                f"size_px {self.size_px}, stride_px {self.stride_px} and cell_px {self.cell_px}"
            )

    def _with_ring(self, side_px: int) -> tuple[int, int]:
        return -(-self.size_px[0] // side_px) + 2, -(-self.size_px[1] // side_px) + 2


def _check(name: str, array: np.ndarray, dtype: type, shape: tuple[int | None, ...]) -> None:
    alike = len(shape) == array.ndim and all(
        want in (None, got) for want, got in zip(shape, array.shape, strict=True)
    )
    if array.dtype != dtype or not alike:
        wanted = ", ".join("any" if side is None else str(side) for side in shape)
        raise ProposalsError(
            f"{name} of this chunk are {np.dtype(dtype)} ({wanted}), got {array.dtype} {array.shape}"
        )
