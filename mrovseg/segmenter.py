"""A network, a device and a vocabulary behind two callables over arrays: `propose` of chips, `label` of maps."""

import dataclasses
from collections.abc import Mapping

import numpy as np
import torch
from jaxtyping import UInt8

from mrovseg.errors import DeviceLostError, DeviceMissingError
from mrovseg.labels.chunk_labels import Labels
from mrovseg.labels.labeller import Labeller
from mrovseg.labels.pixel_values import OTHER_THRESHOLD
from mrovseg.network import average, patches
from mrovseg.network.config import ModelConfig
from mrovseg.network.model import EncodedViews, Predictions, autocast
from mrovseg.network.strides import strides
from mrovseg.network.views.chip_encoder import ChipEncoder
from mrovseg.network.views.slices import at_stride
from mrovseg.weights.loading import network
from mrovseg.words.embedded import EmbeddedVocabulary

# On a CPU a view alone costs little more than among others, and a call is never filled up for nothing.
VIEWS_PER_CALL = {"cpu": 1, "cuda": 8}
CHIPS_PER_CALL = 1  # a chip's views are a batch already; on a CPU more of them gain nothing


def choose_device(asked: str | None) -> torch.device:
    """Return the device that was asked for, or the best there is.

    Raises:
        DeviceMissingError: a GPU was asked for, and torch can use none.
    """
    if asked is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if asked == "cuda" and not torch.cuda.is_available():
        raise DeviceMissingError(
            f"a GPU was expected here and torch {torch.__version__} can use none: see that its build fits the driver, "
            "or run on CPUs"
        )
    return torch.device(asked)


class MrovsegSegmenter:
    """Chips to proposals and, once these are laid together to maps, to labels.

    The same chips give the same bits whatever else is segmented, as long as calls have `chips_per_call` chips, and
    device, `threads` and torch are the same. What the encoder makes of slices is remembered (see `ChipEncoder`): chips
    that overlap by whole slices cost less one after the other, row by row.
    """

    def __init__(  # noqa: PLR0913 - each by its name
        self,
        config: ModelConfig,
        weights: Mapping[str, np.ndarray],
        vocabulary: EmbeddedVocabulary,
        *,
        step_px: int,
        threshold: float = OTHER_THRESHOLD,
        threads: int = 1,
        bfloat16: bool = False,
        device: str | None = None,
    ) -> None:
        """Build the network over `weights`, which may be read-only shared memory, on a GPU if there is one.

        `step_px`: from where a chip begins to where the next one does; see `pipeline`, which lays chips together.
        `bfloat16`: run it in half precision, as `autocast` says; other labels then win where classes are close.
        `device`: run it on "cuda" or "cpu" and on nothing else.

        Raises:
            DeviceMissingError: there is no GPU, or none that torch can use.
        """
        torch.set_num_threads(threads)
        self.device = choose_device(device)
        self.model = network(config, weights).to(self.device)
        self.bfloat16 = bfloat16
        self.chip_px = config.chip_px
        self.step_px = step_px
        self.model.encoder.views_at_once = VIEWS_PER_CALL[self.device.type]
        self.chip_encoder = ChipEncoder(self.model)
        self.stride_px, self.feature_stride_px = strides(config)
        self.labeller = Labeller(vocabulary=vocabulary, threshold=threshold, stride_px=self.stride_px)
        self.chips_per_call = CHIPS_PER_CALL

    def propose(self, chips: UInt8[np.ndarray, "b y x 3"], /) -> dict[str, np.ndarray]:
        """Run the network on chips of side `chip_px`, and return its proposals as arrays by name.

        The first axis of each is the chip:

            embeddings  float32 (b, q, e): unit vectors of the queries
            index       uint8 or uint16 (b, k, y, x): the strongest queries of each place of `stride_px` a side
            weight      uint8 (b, k, y, x): 255 times the probability that the place belongs to each of them
            features    float32 (b, e, y, x): unit vectors of what is seen at `feature_stride_px`

        A network without a head has features alone, an averaged one has none. Where the device has no room for all
        views of a call of the encoder, it sees half as many from then on.

        Raises:
            torch.OutOfMemoryError: there is no room even for one view at a time.
            DeviceLostError: the GPU failed; only another process can go on with it.
        """
        while (proposals := self._try_propose(chips)) is None:
            # Only now nothing refers any more to what was computed before the memory ran out.
            if self.device.type == "cuda":
                torch.cuda.empty_cache()
        return proposals

    def _try_propose(self, chips: UInt8[np.ndarray, "b y x 3"]) -> dict[str, np.ndarray] | None:
        """Return the proposals, or None when memory ran out and fewer views at once are to be tried."""
        encoder = self.model.encoder
        try:
            return self._propose(chips)
        except torch.OutOfMemoryError:
            views = encoder.views_at_once or len(chips) * (1 + (chips.shape[1] // encoder.side_px) ** 2)
            if views == 1:
                raise
            encoder.views_at_once = views // 2
            self.chip_encoder.seen.clear()  # calls of another shape may give other bits
            return None
        except torch.AcceleratorError as error:
            raise DeviceLostError(f"the GPU failed: {str(error).splitlines()[0]}") from error

    def _propose(self, chips: UInt8[np.ndarray, "b y x 3"]) -> dict[str, np.ndarray]:
        config = self.model.config
        with torch.inference_mode(), autocast(self.device, bfloat16=self.bfloat16):
            if config.head is not None and config.head.averaged:
                batch = torch.from_numpy(chips).to(self.device).permute(0, 3, 1, 2)
                return average.propose(self.model, batch, top_k=config.top_k)
            encoded = self.chip_encoder.encode(chips)
            features = self._features(encoded)
            return features if config.head is None else self._by_head(encoded) | features

    def _features(self, encoded: EncodedViews) -> dict[str, np.ndarray]:
        found = patches.chip_features(
            encoded, chip_px=self.model.config.chip_px, stride_px=self.feature_stride_px
        )
        return {"features": found.float().cpu().numpy()}

    def _by_head(self, encoded: EncodedViews) -> dict[str, np.ndarray]:
        """Return what the head makes of chips, at the stride of places."""
        config = self.model.config
        predicted = self.model.predict(encoded)
        masks = at_stride(predicted.masks, chip_px=config.chip_px, stride_px=self.stride_px)
        return keep_top_k(dataclasses.replace(predicted, masks=masks), top_k=config.top_k)

    def label(
        self, arrays: Mapping[str, np.ndarray], /, *, size_px: tuple[int, int], every_pixel: bool
    ) -> Labels:
        """Label a chunk's map with the vocabulary of this segmenter, as its `labeller` does, which needs no network."""
        return self.labeller.label(arrays, size_px=size_px, every_pixel=every_pixel)


def keep_top_k(predictions: Predictions, *, top_k: int) -> dict[str, np.ndarray]:
    """Reduce predictions to arrays by name: the `top_k` strongest queries of each place, their weights in 8 bits."""
    weight, index = predictions.masks.float().sigmoid().topk(min(top_k, predictions.masks.shape[1]), dim=1)
    ids = torch.uint8 if predictions.masks.shape[1] <= 256 else torch.uint16  # noqa: PLR2004 -- what 8 bits hold
    return {
        "embeddings": predictions.embeddings.float().cpu().numpy(),
        "index": index.to(ids).cpu().numpy(),
        "weight": (weight * 255).round().to(torch.uint8).cpu().numpy(),
    }
