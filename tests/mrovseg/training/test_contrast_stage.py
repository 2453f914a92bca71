"""The first stage's bookkeeping: classes of many sets side by side, regions of many chips at once."""

import numpy as np
import pytest
import torch
from torch import nn

from mrovseg.data.labelled import IGNORE, LabelledSet
from mrovseg.data.training_data import TrainingData, WordSet
from mrovseg.errors import DataError
from mrovseg.network.attention import masked_attention, region_bias
from mrovseg.network.clip import ImageEncoder, build
from mrovseg.training.contrast_batch import Batch
from mrovseg.training.contrast_stage import ContrastLosses
from mrovseg.training.label_space import LabelSpace
from mrovseg.training.losses import coverage
from mrovseg.words.vocabulary import parse
from tests.mrovseg.networks import SMALL, vectors_of

SETS = [
    LabelledSet(parse("road; water; roof"), []),
    LabelledSet(parse("road"), [], rest=parse("water; grass")),
    LabelledSet(parse("car; tree"), []),
]
DATA = TrainingData(SETS, WordSet(parse("harbour; forest"), [], []))


@pytest.fixture
def contrast() -> ContrastLosses:
    torch.manual_seed(0)
    encoder = ImageEncoder(build(SMALL.clip).visual)
    return ContrastLosses(SMALL, encoder, vectors_of, nn.Parameter(torch.tensor(2.0)), bfloat16=False)


def batch(*, which: list[int], seed: int = 0) -> Batch:
    rng = np.random.default_rng(seed)
    side = 2 * SMALL.slice_px
    quarters = rng.integers(0, 2, (len(which), 2, 2)).repeat(side // 2, 1).repeat(side // 2, 2)
    return Batch(
        which=torch.tensor(which),
        chips=torch.from_numpy(rng.integers(0, 256, (len(which), 3, side, side), np.uint8)),
        labels=torch.from_numpy(quarters),
        images=torch.from_numpy(rng.integers(0, 256, (2, 3, SMALL.slice_px, SMALL.slice_px), np.uint8)),
        words=torch.tensor([0, 1]),
        captioned=torch.zeros(0, 3, SMALL.slice_px, SMALL.slice_px, dtype=torch.uint8),
        captions=torch.zeros(0, dtype=torch.long),
    )


def test_columns_lay_the_classes_of_all_sets_side_by_side() -> None:
    columns = LabelSpace.of(SETS)
    assert columns.first.tolist() == [0, 3, 6]
    assert [row.nonzero()[:, 0].tolist() for row in columns.own] == [[0, 1, 2], [3], [6, 7]]
    assert [row.nonzero()[:, 0].tolist() for row in columns.rest] == [[], [4, 5], []]


def test_more_classes_than_labels_can_tell_apart_are_refused() -> None:
    many = [LabelledSet(parse("; ".join(f"{i} {j}" for j in range(33_000))), []) for i in range(2)]
    assert LabelSpace.of(many[:1]).own.shape == (1, 33_000)
    with pytest.raises(DataError, match="at most 65534 classes"):
        LabelSpace.of(many)


def test_labels_become_columns_but_none_and_unlabelled_stay() -> None:
    labels = torch.tensor([[[0, 1], [2, IGNORE]], [[0, 1], [1, IGNORE]]])
    found = LabelSpace.of(SETS).to_columns(torch.tensor([2, 1]), labels)
    assert found.tolist() == [[[0, 7], [8, IGNORE]], [[0, 4], [4, IGNORE]]]


def test_regions_of_many_chips_are_those_of_each_alone(contrast: ContrastLosses) -> None:
    drawn = batch(which=[0, 2])
    drawn.labels[0], drawn.labels[0, :64, :64], drawn.labels[1] = 1, 3, 2
    labels = LabelSpace.of(SETS).to_columns(drawn.which, drawn.labels)
    coverages = coverage(labels, classes=8, grid=8)
    chip, column = (coverages[:, 1:].mean(dim=(2, 3)) > 0).nonzero(as_tuple=True)
    assert len(set(torch.bincount(chip).tolist())) == 2, "chips must have different numbers of regions"
    seen = contrast.network.encode(drawn.chips, {2, 3, 4})
    together = contrast._regions(seen, coverages, chip, column)
    for found, i, j in zip(together, chip, column, strict=True):
        alone = masked_attention(
            contrast.network.encoder,
            start=seen.first(2)[i : i + 1],
            low=[seen.low(d)[i : i + 1] for d in (2, 3)],
            high=[seen.high(d)[i : i + 1] for d in (2, 3)],
            bias=region_bias(coverages[i : i + 1, j + 1 : j + 2], contrast.network.encoder.heads),
        )
        assert torch.allclose(found, alone[0, 0], atol=1e-5)


def test_what_is_none_of_the_classes_teaches_only_where_there_is_a_rest(contrast: ContrastLosses) -> None:
    def places(which: int) -> float:
        drawn = batch(which=[which])
        drawn.labels[:] = 0
        return float(contrast(drawn, DATA, np.random.default_rng(0))["places"].detach())

    assert places(0) == 0
    assert places(1) > 0


def test_a_batch_without_regions_has_a_loss_all_the_same(contrast: ContrastLosses) -> None:
    drawn = batch(which=[0])
    drawn.labels[:] = IGNORE
    losses = contrast(drawn, DATA, np.random.default_rng(0))
    assert losses["regions"] == 0
    assert all(torch.isfinite(loss) for loss in losses.values())


def test_a_class_is_spoken_of_by_any_of_its_phrases(contrast: ContrastLosses) -> None:
    vocabulary = parse("road,street,lane; water")
    spoken = [contrast.phrase_vectors(vocabulary, np.random.default_rng(seed)) for seed in range(20)]
    heard = {tuple(vectors[0].tolist()) for vectors in spoken}
    assert heard == {tuple(vectors_of([p])[0].tolist()) for p in ("road", "street", "lane")}
    assert all(torch.equal(vectors[1], torch.from_numpy(vectors_of(["water"])[0])) for vectors in spoken)
