"""Where the wings meet: a segmenter of `mrovseg`, made in a worker of `pipeline`."""

import sys
from collections.abc import Mapping

import numpy as np

from mrovseg.config import ModelConfig
from mrovseg.segmenter import MrovsegSegmenter
from mrovseg.vocabulary import EmbeddedVocabulary

# One thread an actor: two processes of one thread are faster than one of two, and matrix products may round
# differently for another number.
THREADS = 1


def make_segmenter(
    weights: Mapping[str, np.ndarray],
    *,
    config: ModelConfig,
    vocabulary: EmbeddedVocabulary,
    threshold: float,
) -> MrovsegSegmenter:
    """Build the segmenter of an actor over weights that it shares with the others of its node."""
    return MrovsegSegmenter(config, weights, vocabulary, threshold=threshold, threads=THREADS)


def warn_of_unknown_words(unknown: Mapping[str, set[str]]) -> None:
    """Say which prompts are left out, and for which words; see `embed_vocabulary`."""
    for prompt, words in unknown.items():
        print(
            f"mrovseg: warning: the checkpoint was never trained on {', '.join(map(repr, sorted(words)))}; "
            f"the prompt {prompt!r} is left out",
            file=sys.stderr,
        )
