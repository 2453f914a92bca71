"""What a mask store holds, as its own documents tell: class ids, scores of pixels or of places, and proposals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from pipeline.errors import StoreError
from pipeline.geometry.grid import squares
from pipeline.geometry.window import Window

LEVEL, PLACES, PROPOSALS = "0", "places", "proposals"
"""The groups of arrays of pixels, of places, and of what labels are made of."""

CONTENTS = "contents"
"""The attribute, of the root and of each group, that says what the store holds."""

MOST_QUERIES = 2**16
"""How many queries a chunk can have: an index is of 16 bits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalsLayout:
    """What is known of a network's proposals before it proposes anything.

    A place is a square of ``stride_px``, at which the ``k`` strongest queries are kept; a cell of features is one of
    ``feature_stride_px``, None where there are no features. Both have ``embed_dim`` numbers. A chunk of the store has
    at most ``most_queries``; a network that only has features has a ``k`` and a ``most_queries`` of 0. Chips have a
    side of ``chip_px`` and begin at multiples of ``step_px``. ``checkpoint`` is the name that the checkpoint has, and
    ``checkpoint_digest`` what it is known by.

    Raises:
        ValueError: a number is out of range, or there is neither a query nor a feature.
    """

    stride_px: int
    feature_stride_px: int | None
    k: int
    embed_dim: int
    most_queries: int
    chip_px: int
    step_px: int
    checkpoint: str
    checkpoint_digest: str

    def __post_init__(self) -> None:
        if min(self.stride_px, self.feature_stride_px or 1, self.embed_dim, self.step_px) <= 0:
            raise ValueError(f"sides and embed_dim are above zero, got {self!r}")
        if self.step_px > self.chip_px:
            raise ValueError(f"chips leave no gaps: step_px is at most chip_px, got {self!r}")
        if not 0 <= self.most_queries <= MOST_QUERIES or self.k < 0:
            raise ValueError(f"a chunk has up to {MOST_QUERIES} queries, k of them at a place, got {self!r}")
        if (self.k == 0) != (self.most_queries == 0) or (self.k == 0 and self.feature_stride_px is None):
            raise ValueError(f"proposals have queries, of which places keep k, or features, got {self!r}")


class StoredArray(NamedTuple):
    """An array of a store, which is in whole chunks, each of them one object.

    ``path`` is below the store, ``inner_axes`` how many axes follow those of the chunk's row and column, and
    ``stride_px`` the side of what one of its elements is of, 1 for a pixel.
    """

    path: str
    inner_axes: int
    stride_px: int

    @property
    def document(self) -> str:
        """The key of its metadata."""
        return f"{self.path}/zarr.json"

    def chunk(self, row: int, col: int) -> str:
        """Return the key of one chunk."""
        return f"{self.path}/c/{row}/{col}" + "/0" * self.inner_axes


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What a store holds beside class ids.

    Scores and margins are of squares of ``score_stride_px``: of each pixel where that is 1. ``proposals`` are None
    where none are kept.
    """

    score_stride_px: int = 1
    proposals: ProposalsLayout | None = None

    @property
    def masks(self) -> dict[str, StoredArray]:
        """The arrays of rows and columns, by name."""
        group = LEVEL if self.score_stride_px == 1 else PLACES
        return {
            "class": StoredArray(f"{LEVEL}/class", 0, 1),
            **{name: StoredArray(f"{group}/{name}", 0, self.score_stride_px) for name in ("score", "margin")},
        }

    def level(self, level: int) -> dict[str, StoredArray]:
        """The arrays of pixels of a resolution level, by name: of squares of ``2**level`` pixels of the scene.

        Scores of places are no pixels, and have no levels.
        """
        own = [name for name, array in self.masks.items() if array.stride_px == 1]
        return {name: StoredArray(f"{level}/{name}", 0, 2**level) for name in own}

    @property
    def maps(self) -> dict[str, StoredArray]:
        """The arrays of proposals, by name."""
        kept = self.proposals
        if kept is None:
            return {}
        strides = {"embeddings": (2, 0), "index": (3, kept.stride_px), "weight": (3, kept.stride_px)}
        found = strides if kept.k else {}
        if kept.feature_stride_px is not None:
            found = {**found, "features": (3, kept.feature_stride_px)}
        return {name: StoredArray(f"{PROPOSALS}/{name}", *rest) for name, rest in found.items()}

    @property
    def arrays(self) -> dict[str, StoredArray]:
        """All arrays that are written window by window, by the names that they have in a ledger."""
        return self.masks | {array.path: array for array in self.maps.values()}

    @property
    def attributes(self) -> dict[str, Any]:
        """What a store says of this."""
        scores = self.masks["score"]
        kept = self.proposals is not None and asdict(self.proposals)
        return {
            CONTENTS: {
                "scores": {"group": scores.path.partition("/")[0], "stride_px": scores.stride_px},
                "proposals": kept,
            }
        }

    @classmethod
    def of_attributes(cls, attributes: Mapping[str, Any]) -> Contents:
        """Return what the attributes of a store's root tell.

        Raises:
            StoreError: they are not those of a mask store.
        """
        try:
            said = attributes[CONTENTS]
            kept = said["proposals"]
            proposals = None if kept is False else ProposalsLayout(**kept)
            return cls(score_stride_px=int(said["scores"]["stride_px"]), proposals=proposals)
        except (LookupError, TypeError, ValueError) as error:
            raise StoreError(
                f"the root of a mask store says by {CONTENTS!r} what it holds, got {attributes.get(CONTENTS)!r}: it is "
                "damaged or of an older version. `mrovseg verify --forget` has it laid out again"
            ) from error


PIXELS_ALONE = Contents()
"""Class ids, scores and margins of every pixel, and nothing else."""


def chosen_contents(made: ProposalsLayout, *, scores: str, proposals: bool) -> Contents:
    """Return what a store holds of proposals that are laid out so, by the settings ``scores`` and ``proposals``."""
    return Contents(
        score_stride_px=1 if scores == "full" else made.stride_px, proposals=made if proposals else None
    )


def chunk_numbers(window: Window, *, chunk_px: int) -> Iterator[tuple[int, int]]:
    """Yield row and column, in the grid of chunks, of those that a window touches: row by row."""
    for chunk in squares(window, side_px=chunk_px):
        yield chunk.row_off // chunk_px, chunk.col_off // chunk_px
