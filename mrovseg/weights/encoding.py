"""Words as a checkpoint's text encoder has them; torch is loaded where that is a network."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32

from mrovseg.weights.checkpoint import Checkpoint
from mrovseg.words.sentences import SentenceEncoder


def encode_text(checkpoint: Checkpoint, prompts: Sequence[str]) -> Float32[np.ndarray, "n e"]:
    """Return unit vectors of prompts by the text encoder that a checkpoint was trained with."""
    if checkpoint.config.uses_sentence_encoder:
        return SentenceEncoder()(prompts)
    from mrovseg.weights.loading import encode_by_tower  # noqa: PLC0415 - the frozen encoder needs no torch

    return encode_by_tower(checkpoint, prompts)
