"""How well masks agree with the truth, pixel by pixel."""

import numpy as np
from jaxtyping import Bool, Float64, Int64, UInt


class Confusion:
    """Counts of pixels by true (rows) and by predicted (columns) class id, summed over any number of masks.

    Class ids are 0..k, 0 being `other`. `other` is a prediction like any: on a pixel of a class it is wrong.
    Which pixels count says `counted`. With n_ij the pixels of class i that are predicted as class j, and t_i
    all pixels of class i, the figures are those of Long et al. 2015 (arXiv 1411.4038, section 5).
    """

    def __init__(self, classes: int) -> None:
        """Start from nothing; `classes` is k."""
        self.counts: Int64[np.ndarray, "k1 k1"] = np.zeros((classes + 1, classes + 1), np.int64)

    def add(self, mask: UInt[np.ndarray, "y x"], truth: UInt[np.ndarray, "y x"]) -> None:
        """Count the pixels of a mask. Raises ValueError for a class id above k."""
        ids = len(self.counts)
        counts = counted(mask, truth, classes=ids - 1)
        true, predicted = truth[counts].astype(np.int64), mask[counts].astype(np.int64)
        self.counts += np.bincount(true * ids + predicted, minlength=ids * ids).reshape(ids, ids)

    @property
    def true_pixels(self) -> Int64[np.ndarray, " k"]:
        """Pixels of classes 1..k in the truth: t_i."""
        pixels: np.ndarray = self.counts.sum(axis=1)[1:]
        return pixels

    @property
    def share(self) -> Float64[np.ndarray, " k"]:
        """Share of classes 1..k in the counted pixels, `other` included; nan where none is counted."""
        return ratio(self.true_pixels, np.full_like(self.true_pixels, self.counts.sum()))

    @property
    def iou(self) -> Float64[np.ndarray, " k"]:
        """Intersection over union of classes 1..k: n_ii / (t_i + sum_j n_ji - n_ii).

        It is nan for a class in neither truth nor masks.
        """
        both = np.diag(self.counts)[1:]
        return ratio(both, self.counts.sum(axis=0)[1:] + self.true_pixels - both)

    @property
    def accuracy(self) -> Float64[np.ndarray, " k"]:
        """Share of the true pixels of classes 1..k that are found, n_ii / t_i (recall); nan where t_i is 0."""
        return ratio(np.diag(self.counts)[1:], self.true_pixels)

    @property
    def miou(self) -> float:
        """Mean IoU over the classes that occur in the truth, `other` not among them; nan where none does."""
        return mean(self.iou, where=self.true_pixels > 0)

    @property
    def frequency_weighted_iou(self) -> float:
        """Mean IoU weighted by t_i, over the same classes as `miou`: sum_i t_i IoU_i / sum_i t_i."""
        occurs = self.true_pixels > 0
        return (
            float(np.average(self.iou[occurs], weights=self.true_pixels[occurs])) if occurs.any() else np.nan
        )

    @property
    def pixel_accuracy(self) -> float:
        """Share of the counted pixels, `other` included, whose class is right; nan where none is counted."""
        total = int(self.counts.sum())
        return float(np.trace(self.counts) / total) if total else float("nan")

    @property
    def mean_accuracy(self) -> float:
        """Mean class accuracy over the same classes as `miou`."""
        return mean(self.accuracy, where=self.true_pixels > 0)


def counted(
    mask: UInt[np.ndarray, "y x"], truth: UInt[np.ndarray, "y x"], *, classes: int
) -> Bool[np.ndarray, "y x"]:
    """Tell which pixels count: those that are labelled in the truth and have data in the mask.

    Unlabelled, or without data, is the maximum of an array's dtype. Raises ValueError for another class id
    above `classes` in a pixel that counts.
    """
    pixels: np.ndarray = (truth != np.iinfo(truth.dtype).max) & (mask != np.iinfo(mask.dtype).max)
    highest = max(int(ids.max(where=pixels, initial=0)) for ids in (mask, truth))
    if highest > classes:
        raise ValueError(f"class ids must be 0..{classes}, got {highest}")
    return pixels


def ratio(part: Int64[np.ndarray, " k"], whole: Int64[np.ndarray, " k"]) -> Float64[np.ndarray, " k"]:
    """Divide one by one; nan where the whole is 0."""
    quotient: np.ndarray = np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)
    return quotient


def mean(values: Float64[np.ndarray, " k"], *, where: Bool[np.ndarray, " k"]) -> float:
    """Average the chosen values; nan where none is chosen."""
    return float(values[where].mean()) if where.any() else float("nan")
