"""The door to WordLlama: a frozen encoder of words and phrases, learned from text and never from images."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float32

_LEVEL, _HANDLERS = logging.root.level, list(logging.root.handlers)
import wordllama  # noqa: E402 -- its import configures the root logger, which is not a library's to do

logging.root.setLevel(_LEVEL)
logging.root.handlers[:] = _HANDLERS

DIMENSIONS = 256


class SentenceEncoder:
    """Unit vectors of phrases: the mean of their tokens' vectors (WordLlama, l2_supercat of 256 dimensions).

    Phrases of like meaning have like vectors, also of phrases in no training data. Case does not count, and
    a phrase's vector does not depend on the phrases beside it.
    """

    def __init__(self) -> None:
        """Load the weights from the installed package; nothing is downloaded."""
        self.model = wordllama.WordLlama.load(
            dim=DIMENSIONS, cache_dir=Path(wordllama.__file__).parent, disable_download=True
        )

    def __call__(self, phrases: Sequence[str]) -> Float32[np.ndarray, "n e"]:
        """Return unit vectors of phrases, float32 (n, 256)."""
        return np.concatenate([self.model.embed(phrase.lower(), norm=True) for phrase in phrases])
