"""A vocabulary as one checkpoint embeds it: blended, with untaught and background classes."""

import dataclasses
from functools import partial

import numpy as np
from jaxtyping import Float32

from mrovseg.weights.checkpoint import Checkpoint
from mrovseg.weights.encoding import encode_text
from mrovseg.words.background import GENERIC, Classes, background_classes, background_kinds
from mrovseg.words.embedded import EmbeddedVocabulary
from mrovseg.words.embedding import blend_with_known, embed, unknown_prompts, untaught_classes
from mrovseg.words.sentences import SentenceEncoder
from mrovseg.words.vocabulary import MAX_CLASSES, Vocabulary


def embed_vocabulary(checkpoint: Checkpoint, vocabulary: Vocabulary) -> tuple[EmbeddedVocabulary, list[str]]:
    """Embed a vocabulary by a checkpoint's text encoder, its vectors blended with those of the known phrases.

    Classes that its head saw nothing like are left to the patches, and background classes compete with all. Also
    returns the prompts that are like nothing that the checkpoint was trained on; they are left out, because their
    scores would mean nothing. Raises VocabularyError when no prompt is left.
    """
    phrases = checkpoint.known_phrases
    known = None if phrases is None else encode_text(checkpoint, phrases)
    embedded, unknown = _embed(checkpoint, vocabulary, known)
    blended = dataclasses.replace(_blended(embedded, known), untaught=_untaught(checkpoint, embedded, known))
    return _with_background(checkpoint, blended, vocabulary, known), unknown


def _embed(
    checkpoint: Checkpoint, vocabulary: Vocabulary, known: Float32[np.ndarray, "k e"] | None
) -> tuple[EmbeddedVocabulary, list[str]]:
    """Embed the prompts, not blended; also returns those that are left out."""
    encode = partial(encode_text, checkpoint)
    unknown = [] if known is None else unknown_prompts(vocabulary, known, encode)
    embedded = embed(
        vocabulary,
        encode,
        templates=checkpoint.templates,
        without=unknown,
        no_object=checkpoint.no_object,
        scale=checkpoint.scale,
    )
    return embedded, unknown


def _blended(embedded: EmbeddedVocabulary, known: Float32[np.ndarray, "k e"] | None) -> EmbeddedVocabulary:
    if known is None:
        return embedded
    return dataclasses.replace(embedded, vectors=blend_with_known(known, embedded.vectors))


def _untaught(
    checkpoint: Checkpoint, embedded: EmbeddedVocabulary, known: Float32[np.ndarray, "k e"] | None
) -> tuple[int, ...]:
    head, taught, phrases = checkpoint.config.head, checkpoint.taught_phrases, checkpoint.known_phrases
    # The averaged network has no patches of a whole chip.
    if known is None or phrases is None or taught is None or head is None or head.averaged:
        return ()
    return untaught_classes(embedded, known, np.isin(phrases, taught))


def _with_background(
    checkpoint: Checkpoint,
    embedded: EmbeddedVocabulary,
    vocabulary: Vocabulary,
    known: Float32[np.ndarray, "k e"] | None,
) -> EmbeddedVocabulary:
    """Add background classes; kinds of whole images only where patches are compared with words."""
    sets, encode = checkpoint.known_sets or GENERIC, SentenceEncoder()
    background = background_classes(vocabulary, sets, encode)
    kinds: Classes = ()
    if embedded.untaught or checkpoint.config.head is None:
        taken = {phrase for phrases in background for phrase in phrases}
        unrelated = background_kinds(vocabulary, checkpoint.known_kinds, sets, encode)
        kinds = tuple(phrases for phrases in unrelated if taken.isdisjoint(phrases))
    background, kinds = (_known_classes(checkpoint, classes, known) for classes in (background, kinds))
    classes = (*background, *kinds)[: MAX_CLASSES + 1 - embedded.classes]  # ids are 16 bit
    if not classes:
        return embedded
    names = tuple(phrases[0] for phrases in classes)
    others, _ = _embed(checkpoint, Vocabulary(names, classes), known)
    competing = embedded.against(_blended(others, known), names)
    by_patches = range(embedded.classes + len(background), competing.competing) if embedded.untaught else ()
    return dataclasses.replace(competing, untaught=(*embedded.untaught, *by_patches))


def _known_classes(
    checkpoint: Checkpoint, classes: Classes, known: Float32[np.ndarray, "k e"] | None
) -> Classes:
    """Return the classes of which the checkpoint knows a phrase."""
    if known is None or not classes:
        return classes
    vocabulary = Vocabulary(tuple(phrases[0] for phrases in classes), classes)
    unknown = set(unknown_prompts(vocabulary, known, partial(encode_text, checkpoint)))
    return tuple(phrases for phrases in classes if not unknown.issuperset(phrases))
