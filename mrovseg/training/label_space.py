"""The joint label space of the sets that are trained together."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from mrovseg.data.labelled import IGNORE, LabelledSet
from mrovseg.errors import DataError
from mrovseg.training.worker import CPU


@dataclass(frozen=True, slots=True)
class LabelSpace:
    """All sets' classes side by side, a column each: column j is a class of one set, or of the rest of it.

    first: the column of each set's first class. own, rest: whether a column is one of a set's classes, or of its rest.
    """

    first: Int[Tensor, " s"]
    own: Bool[Tensor, "s c"]
    rest: Bool[Tensor, "s c"]

    @classmethod
    def of(cls, sets: Sequence[LabelledSet], device: torch.device = CPU) -> "LabelSpace":
        """Make it on a device. Raises DataError for more classes than labels of 16 bits can hold."""
        counts = [len(s.all_classes.names) for s in sets]
        if sum(counts) >= IGNORE:
            raise DataError(
                f"sets trained together have at most {IGNORE - 1} classes in all, these have {sum(counts)}"
            )
        first = torch.tensor([0, *counts[:-1]]).cumsum(0)
        column = torch.arange(sum(counts))
        begin, end = first[:, None], (first + torch.tensor(counts))[:, None]
        known = begin + torch.tensor([len(s.vocabulary.names) for s in sets])[:, None]
        own, rest = (column >= begin) & (column < known), (column >= known) & (column < end)
        return cls(first.to(device), own.to(device), rest.to(device))

    def to_columns(self, which: Int[Tensor, " b"], labels: Int[Tensor, "b h w"]) -> Int[Tensor, "b h w"]:
        """Translate labels of the sets `which` to column + 1; 0 and IGNORE stay."""
        shifted = labels + self.first[which][:, None, None]
        return torch.where((labels == 0) | (labels == IGNORE), labels, shifted)
