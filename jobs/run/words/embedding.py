"""A vocabulary as a checkpoint embeds it, and what there is to warn of."""

import sys

from jobs.run.words.saying import SHOWN_CLASSES
from mrovseg.weights.checkpoint import Checkpoint
from mrovseg.weights.vocabulary import embed_vocabulary
from mrovseg.words.embedded import EmbeddedVocabulary
from mrovseg.words.vocabulary import Vocabulary, quoted_list, shortened_list


def embed_and_warn(checkpoint: Checkpoint, vocabulary: Vocabulary) -> EmbeddedVocabulary:
    """Embed a vocabulary, and say which prompts are left out, which classes are told by patches, and what competes.

    Raises VocabularyError when no prompt is left.
    """
    embedded, unlike = embed_vocabulary(checkpoint, vocabulary)
    if unlike:
        print(
            f"mrovseg: warning: the checkpoint was trained on nothing like {quoted_list(unlike, SHOWN_CLASSES)}; "
            f"{'the prompt is' if len(unlike) == 1 else 'these prompts are'} left out",
            file=sys.stderr,
        )
    names = [vocabulary.names[i] for i in embedded.untaught if i < embedded.classes]
    if names:
        print(
            f"mrovseg: warning: the head saw no masks of anything like {shortened_list(names, SHOWN_CLASSES)}, which "
            "is found by patches, coarsely",
            file=sys.stderr,
        )
    if embedded.background:
        print(
            f"class 0  other: also what is more like {shortened_list(embedded.background, SHOWN_CLASSES)}",
            file=sys.stderr,
        )
    return embedded
