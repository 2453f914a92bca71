"""The oracle of a chunk's labels: the formula in plain numpy, every class at every pixel."""

import dataclasses

import numpy as np

from mrovseg.labels.proposal_map import ProposalMap
from mrovseg.words.embedded import EmbeddedVocabulary

ONE = np.float32(1)
MIN_SCORE = 0.5 / 255


def labels(
    kept: ProposalMap, words: EmbeddedVocabulary, *, threshold: float, every_pixel: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return class ids, scores and margins."""
    scores = place_scores(kept, words)
    height, width = kept.size_px
    of_pixels = between(scores, kept.stride_px, 0, height, width)
    best, _, winner = top_two(of_pixels)
    winner[(best < np.float32(threshold)) | (winner > words.classes)] = 0
    asked = of_pixels if every_pixel else scores[1:-1, 1:-1]
    best, second, _ = top_two(asked)
    return (
        winner.astype(np.uint8 if words.classes <= 254 else np.uint16),
        levels(best),
        levels(best - second),
    )


def place_scores(kept: ProposalMap, words: EmbeddedVocabulary) -> np.ndarray:
    """Return the score of every class at every place, the ring included, (y, x, c)."""
    rows, cols, _ = kept.index.shape
    if words.no_object is None:
        return by_features(kept, words)
    untaught = [c for c in words.untaught if c < words.classes]
    taught = [c for c in range(words.competing) if c not in words.untaught]
    head = probabilities(kept.embeddings, words.of_classes(taught))
    scores = np.zeros((rows, cols, words.competing), np.float32)
    found = np.zeros((rows, cols, words.competing), np.float32)
    if untaught:
        as_one = dataclasses.replace(
            words, no_object=None, class_index=np.minimum(words.class_index, words.classes)
        )
        found[..., untaught] = by_features(kept, as_one)[..., untaught]
    taken = np.zeros((rows, cols), np.float32)
    for c in untaught:
        taken = taken + found[..., c]
    total = np.maximum(kept.weight.sum(axis=-1, dtype=np.int64), 15).astype(np.float32)
    for k in range(kept.index.shape[-1]):
        if len(head):
            weight = kept.weight[..., k].astype(np.float32) / total * np.maximum(ONE - taken, 0)
            scores = scores + head[kept.index[..., k]] * weight[..., None]
    return scores + found


def by_features(kept: ProposalMap, words: EmbeddedVocabulary) -> np.ndarray:
    """Return what features say of every class at every place, the ring included."""
    assert kept.features is not None
    fy, fx, e = kept.features.shape
    of_cells = probabilities(kept.features.reshape(-1, e), words).reshape(fy, fx, -1)
    return between(of_cells, kept.cell_px // kept.stride_px, -1, *kept.index.shape[:2])


def probabilities(embeddings: np.ndarray, words: EmbeddedVocabulary) -> np.ndarray:
    """Return the softmax of each embedding, (n, c), each sum term by term."""
    vectors = words.vectors if words.no_object is None else np.vstack([words.vectors, words.no_object])
    sums = np.zeros((len(embeddings), len(vectors)), np.float32)
    for e in range(embeddings.shape[1]):
        sums = sums + embeddings[:, e, None].astype(np.float32) * vectors[None, :, e]
    lengths = np.sqrt((embeddings.astype(np.int64) ** 2).sum(axis=1).astype(np.float32))
    logits = sums * (np.float32(words.scale) / np.maximum(lengths, ONE))[:, None]
    of_classes = np.full((len(embeddings), words.competing + 1), -np.inf, np.float32)
    for prompt, c in enumerate(words.class_index):
        of_classes[:, c] = np.maximum(of_classes[:, c], logits[:, prompt])
    if words.no_object is not None:
        of_classes[:, -1] = logits[:, -1]
    powers = np.exp(of_classes - of_classes.max(axis=1, keepdims=True))
    shares: np.ndarray = powers / np.cumsum(powers, axis=1, dtype=np.float32)[:, -1:]
    return shares[:, :-1]


def between(values: np.ndarray, factor: int, first: int, rows: int, cols: int) -> np.ndarray:
    """Return rows x cols values `factor` times as dense, bilinear, rows first; `values` have a ring of one.

    `first` is the number of the first row and column that are wanted, counted from the first after the ring.
    """
    for axis, count in ((0, rows), (1, cols)):
        before, part = np.divmod(2 * np.arange(first, first + count) + 1 + factor, 2 * factor)
        shape = (-1, 1, 1) if axis == 0 else (1, -1, 1)
        share = (part.astype(np.float32) / np.float32(2 * factor)).reshape(shape)
        # An odd factor's last pixel may lie on the ring's middle, and reads nothing of what would come after.
        after = np.minimum(before + 1, values.shape[axis] - 1)
        values = values.take(before, axis) * (ONE - share) + values.take(after, axis) * share
    return values


def top_two(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the best score, the second, and the id of the best class, the first of equal ones."""
    ranked = np.sort(np.concatenate([np.zeros_like(scores[..., :1])] * 2 + [scores], axis=-1), axis=-1)
    best, second = (
        np.where(one < np.float32(MIN_SCORE), 0, one) for one in (ranked[..., -1], ranked[..., -2])
    )
    return best, second, np.where(best > 0, scores.argmax(axis=-1) + 1, 0)


def levels(scores: np.ndarray) -> np.ndarray:
    steps: np.ndarray = np.rint(np.minimum(scores, ONE) * np.float32(254))
    return steps.astype(np.uint8)
