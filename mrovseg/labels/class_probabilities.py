"""What a vocabulary makes of directions: their probabilities of its classes."""

import numpy as np
from jaxtyping import Float32, Int8

from mrovseg.labels.place_scores import add_products
from mrovseg.words.embedded import EmbeddedVocabulary


def class_probabilities(
    embeddings: Int8[np.ndarray, "n e"], vocabulary: EmbeddedVocabulary
) -> Float32[np.ndarray, "n c"]:
    """Return the softmax of each embedding over classes and no-object, whose share is left out.

    A class's logit is that of its best prompt; a class without prompts has probability 0. Sums are in the order of
    their terms, so that an embedding's bits depend on no other.
    """
    vectors = vocabulary.vectors
    class_index = vocabulary.class_index
    if vocabulary.no_object is not None:
        vectors = np.concatenate([vectors, vocabulary.no_object[None]])
        class_index = np.append(class_index, vocabulary.competing)
    sums = np.zeros((len(embeddings), len(vectors)), np.float32)
    add_products(np.require(embeddings, requirements=["C", "W"]), np.array(vectors.T, order="C"), sums)
    squares = np.einsum("ne,ne->n", embeddings, embeddings, dtype=np.int32)
    lengths = np.sqrt(squares.astype(np.float32))
    cosines = sums * (np.float32(vocabulary.scale) / np.maximum(lengths, 1))[:, None]
    logits = np.full((vocabulary.competing + 1, len(embeddings)), -np.inf, np.float32)
    for of_prompt, index in zip(cosines.T, class_index, strict=True):
        np.maximum(logits[index], of_prompt, out=logits[index])
    powers = np.exp(logits - logits.max(axis=0))
    total = np.zeros(len(embeddings), np.float32)
    for of_class in powers:
        total += of_class
    return np.ascontiguousarray((powers[:-1] / total).T)
