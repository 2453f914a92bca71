"""A network, a device and a vocabulary behind two callables over arrays: `propose` and `label`."""

import dataclasses
from collections.abc import Mapping

import numpy as np
import torch
from jaxtyping import UInt8

from mrovseg.errors import DeviceLostError, DeviceMissingError
from mrovseg.labels.labeller import Labeller
from mrovseg.labels.proposals import Labels, Proposals
from mrovseg.network import average, patches
from mrovseg.network.config import ModelConfig
from mrovseg.network.model import Predictions, autocast
from mrovseg.weights.loading import network
from mrovseg.words.embedded import EmbeddedVocabulary

CHIPS_PER_CALL = 1  # a chip's views are a batch already; on a CPU more of them gain nothing
OTHER_THRESHOLD = 0.2


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
    """Chips to labels: `label(propose(chips))`.

    The same chips give the same bits whatever else is segmented, as long as calls have `chips_per_call` chips, and
    device, `threads` and torch are the same.
    """

    def __init__(  # noqa: PLR0913 - each by its name
        self,
        config: ModelConfig,
        weights: Mapping[str, np.ndarray],
        vocabulary: EmbeddedVocabulary,
        *,
        threshold: float = OTHER_THRESHOLD,
        threads: int = 1,
        bfloat16: bool = False,
        device: str | None = None,
    ) -> None:
        """Build the network over `weights`, which may be read-only shared memory, on a GPU if there is one.

        `bfloat16`: run it in half precision, as `autocast` says; other labels then win where classes are close.
        `device`: run it on "cuda" or "cpu" and on nothing else.

        Raises:
            DeviceMissingError: there is no GPU, or none that torch can use.
        """
        torch.set_num_threads(threads)
        self.device = choose_device(device)
        self.model = network(config, weights).to(self.device)
        self.bfloat16 = bfloat16
        self.core_px = config.core_px
        self.halo_px = config.halo_px
        self.labeller = Labeller(
            vocabulary=vocabulary, threshold=threshold, core_px=config.core_px, halo_px=config.halo_px
        )
        self.chips_per_call = CHIPS_PER_CALL

    def propose(self, chips: UInt8[np.ndarray, "b y x 3"], /) -> dict[str, np.ndarray]:
        """Run the network on chips of side core_px + 2 halo_px, and return its proposals as arrays by name.

        They are `embeddings`, `index` and `weight`, and where a class is told by patches those of these, as
        `Proposals.to_arrays` describes them; the first axis of each is the chip. Where the device has no room for all
        views of the chips at once, the encoder sees half as many from then on.

        Raises:
            torch.OutOfMemoryError: there is no room even for one view at a time.
            DeviceLostError: the GPU failed; only another process can go on with it.
        """
        while (proposals := self._try_propose(chips)) is None:
            # Only now nothing refers any more to what was computed before the memory ran out.
            if self.device.type == "cuda":
                torch.cuda.empty_cache()
        return proposals.to_arrays()

    def _try_propose(self, chips: UInt8[np.ndarray, "b y x 3"]) -> Proposals | None:
        """Return the proposals, or None when memory ran out and fewer views at once are to be tried."""
        encoder = self.model.encoder
        try:
            return self._propose(chips)
        except torch.OutOfMemoryError:
            views = encoder.views_at_once or len(chips) * (1 + (chips.shape[1] // encoder.side_px) ** 2)
            if views == 1:
                raise
            encoder.views_at_once = views // 2
            return None
        except torch.AcceleratorError as error:
            raise DeviceLostError(f"the GPU failed: {str(error).splitlines()[0]}") from error

    def _propose(self, chips: UInt8[np.ndarray, "b y x 3"]) -> Proposals:
        with torch.inference_mode(), autocast(self.device, bfloat16=self.bfloat16):
            batch = torch.from_numpy(chips).to(self.device).permute(0, 3, 1, 2)
            model, head = self.model, self.model.config.head
            if head is None:
                return patches.propose(model, model.encode(batch, patches.depths(model)))
            if head.averaged:
                return average.propose(model, batch, top_k=model.config.top_k)
            untaught = bool(self.labeller.vocabulary.untaught)
            encoded = model.encode(batch, model.depths | (patches.depths(model) if untaught else set()))
            proposals = keep_top_k(model.predict(encoded), top_k=model.config.top_k, chip_px=batch.shape[-1])
            return dataclasses.replace(
                proposals, patches=patches.propose(model, encoded) if untaught else None
            )

    def label(self, arrays: Mapping[str, np.ndarray], /) -> Labels:
        """Label proposals with the vocabulary of this segmenter, as its `labeller` does, which needs no network."""
        return self.labeller.label(arrays)


def keep_top_k(predictions: Predictions, *, top_k: int, chip_px: int) -> Proposals:
    """Reduce predictions to proposals: the `top_k` strongest queries of each cell, their weights in 8 bits."""
    weight, index = predictions.masks.float().sigmoid().topk(min(top_k, predictions.masks.shape[1]), dim=1)
    ids = torch.uint8 if predictions.masks.shape[1] <= 256 else torch.uint16  # noqa: PLR2004 -- what 8 bits hold
    return Proposals(
        embeddings=predictions.embeddings.float().cpu().numpy(),
        index=index.to(ids).cpu().numpy(),
        weight=(weight * 255).round().to(torch.uint8).cpu().numpy(),
        stride_px=chip_px / predictions.masks.shape[-1],
    )
