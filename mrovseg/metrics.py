"""How well masks agree with the truth."""

import numpy as np
from jaxtyping import Float64, Int64, UInt


class Confusion:
    """Counts of pixels by true and by predicted class id, summed over any number of masks.

    Class ids are 0..k, 0 being `other`. A pixel counts unless its truth is unlabelled or its mask has no data
    (both the maximum of the dtype). `other` is a prediction like any: on a pixel of a class it is
    wrong.
    """

    def __init__(self, classes: int) -> None:
        """Start from nothing; `classes` is k."""
        self.counts: Int64[np.ndarray, "k1 k1"] = np.zeros((classes + 1, classes + 1), np.int64)

    def add(self, mask: UInt[np.ndarray, "y x"], truth: UInt[np.ndarray, "y x"]) -> None:
        """Count the pixels of a mask. Raises ValueError for a class id above k."""
        counted = (truth != np.iinfo(truth.dtype).max) & (mask != np.iinfo(mask.dtype).max)
        true, predicted = truth[counted].astype(np.int64), mask[counted].astype(np.int64)
        ids = len(self.counts)
        highest = max(true.max(initial=0), predicted.max(initial=0))
        if highest >= ids:
            raise ValueError(f"class ids must be 0..{ids - 1}, got {highest}")
        self.counts += np.bincount(true * ids + predicted, minlength=ids * ids).reshape(ids, ids)

    @property
    def iou(self) -> Float64[np.ndarray, " k"]:
        """Intersection over union of classes 1..k; nan for one in neither truth nor masks."""
        both = np.diag(self.counts)[1:]
        either = self.counts.sum(axis=0)[1:] + self.counts.sum(axis=1)[1:] - both
        iou: np.ndarray = np.divide(both, either, out=np.full(len(both), np.nan), where=either > 0)
        return iou

    @property
    def miou(self) -> float:
        """Mean IoU over the classes that occur in the truth, `other` not among them; nan where none does."""
        occurs = self.counts.sum(axis=1)[1:] > 0
        return float(self.iou[occurs].mean()) if occurs.any() else float("nan")

    @property
    def pixel_accuracy(self) -> float:
        """Share of the counted pixels, `other` included, whose class is right; nan where none is counted."""
        total = int(self.counts.sum())
        return float(np.trace(self.counts) / total) if total else float("nan")
