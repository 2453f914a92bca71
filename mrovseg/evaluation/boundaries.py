"""How well the outlines of masks agree with those of the truth."""

import math

import numpy as np
from jaxtyping import Float64, Int64, UInt, UInt16
from scipy import ndimage

from mrovseg.evaluation.metrics import counted, mean, ratio

DILATION_RATIO = 0.02  # how wide boundary regions are; the default of the authors' code
OUTSIDE = 65535  # no class: beyond the image, unlabelled, or without data


class BoundaryIoU:
    """Boundary IoU by class (Cheng et al. 2021, arXiv 2103.16562), summed over any number of masks.

    The boundary region of a class is its mask minus the mask eroded by d pixels: those of its pixels that
    have, within d rows and d columns, a pixel that is not of the class. All beyond the image is no class, so
    a mask that touches the image's border has a boundary there. d is `dilation_ratio` of the image's
    diagonal, rounded, at least 1 px; the erosion is d times that by a square of 3 x 3, as in the authors' code.

    Boundary IoU is the intersection of the true and the predicted boundary regions of a class over their
    union, both summed over all masks as for IoU. (The paper takes it object by object; here a class is one.)
    Pixels that do not count (`metrics.counted`) are taken out of truth and mask alike before the regions are
    found: they are outside as is all beyond the image, so that a mask that equals the truth wherever it is
    labelled has 1.

    Each pixel has one class, so one pass finds the regions of all classes: time and memory of `add` grow with
    the image, not with the number of classes.
    """

    def __init__(self, classes: int, *, dilation_ratio: float = DILATION_RATIO) -> None:
        """Start from nothing; `classes` is k."""
        self.dilation_ratio = dilation_ratio
        self.true_pixels: Int64[np.ndarray, " k"] = np.zeros(classes, np.int64)
        self.predicted_pixels: Int64[np.ndarray, " k"] = np.zeros(classes, np.int64)
        self.common_pixels: Int64[np.ndarray, " k"] = np.zeros(classes, np.int64)

    def add(self, mask: UInt[np.ndarray, "y x"], truth: UInt[np.ndarray, "y x"]) -> None:
        """Count the boundary pixels of a mask of a whole image. Raises ValueError for a class id above k."""
        counts = counted(mask, truth, classes=len(self.true_pixels))
        width_px = max(1, round(self.dilation_ratio * math.hypot(*mask.shape)))
        true = _boundaries(np.where(counts, truth, OUTSIDE).astype(np.uint16), width_px)
        predicted = _boundaries(np.where(counts, mask, OUTSIDE).astype(np.uint16), width_px)
        self.true_pixels += self._by_class(true)
        self.predicted_pixels += self._by_class(predicted)
        self.common_pixels += self._by_class(true[true == predicted])

    def _by_class(self, ids: UInt16[np.ndarray, "..."]) -> Int64[np.ndarray, " k"]:
        """Count class ids 1..k; `other` and what is outside have no boundary."""
        k = len(self.true_pixels)
        pixels: np.ndarray = np.bincount(ids[ids <= k], minlength=k + 1)[1:]
        return pixels

    @property
    def iou(self) -> Float64[np.ndarray, " k"]:
        """Boundary IoU of classes 1..k; nan for one in neither truth nor masks."""
        return ratio(self.common_pixels, self.true_pixels + self.predicted_pixels - self.common_pixels)

    @property
    def miou(self) -> float:
        """Mean over the classes that occur in the truth, `other` not among them; nan where none does."""
        return mean(self.iou, where=self.true_pixels > 0)


def _boundaries(ids: UInt16[np.ndarray, "y x"], width_px: int) -> UInt16[np.ndarray, "y x"]:
    """Keep the ids of boundary pixels, whose neighbourhood has more than one id; OUTSIDE elsewhere."""
    size = 2 * width_px + 1
    lowest, highest = (
        extremum(ids, size, mode="constant", cval=OUTSIDE)
        for extremum in (ndimage.minimum_filter, ndimage.maximum_filter)
    )
    kept: np.ndarray = np.where(lowest == highest, np.uint16(OUTSIDE), ids)
    return kept
