"""A labeller of maps: of which arrays it makes labels, and which it refuses by name."""

import dataclasses

import numpy as np
import pytest

from mrovseg.errors import ProposalsError, VocabularyError
from mrovseg.labels.chunk_labels import label_map
from mrovseg.labels.labeller import Labeller
from tests.mrovseg.labels.test_chunk_labels import Case, assert_same

CASE = Case(untaught=frozenset({1}))
LABELLER = Labeller(vocabulary=CASE.words(), threshold=CASE.threshold, stride_px=CASE.stride_px)


def arrays_of(case: Case) -> dict[str, np.ndarray]:
    kept = case.map()
    return {name: getattr(kept, name) for name in ("embeddings", "index", "weight", "features")}


@pytest.mark.parametrize("every_pixel", [True, False])
def test_labels_are_those_of_the_map(*, every_pixel: bool) -> None:
    got = LABELLER.label(arrays_of(CASE), size_px=CASE.size_px, every_pixel=every_pixel)
    assert_same(got, label_map(CASE.map(), CASE.words(), threshold=CASE.threshold, every_pixel=every_pixel))


def test_features_alone_are_a_map_of_a_network_without_a_head() -> None:
    case = dataclasses.replace(CASE, head=False)
    labeller = dataclasses.replace(LABELLER, vocabulary=case.words())
    got = labeller.label({"features": arrays_of(case)["features"]}, size_px=case.size_px, every_pixel=True)
    assert_same(got, label_map(case.map(), case.words(), threshold=case.threshold, every_pixel=True))


@pytest.mark.parametrize(
    ("left_out", "more", "said"),
    [
        (
            ("weight",),
            (),
            r"embeddings, index, weight and maybe features.*got \['embeddings', 'features', 'index'\]",
        ),
        ((), ("depth",), r"got \['depth', 'embeddings'"),
        (("embeddings", "index", "weight", "features"), (), r"or features alone, got \[\]"),
    ],
)
def test_other_arrays_are_refused_by_name(
    left_out: tuple[str, ...], more: tuple[str, ...], said: str
) -> None:
    arrays = {name: array for name, array in arrays_of(CASE).items() if name not in left_out}
    arrays |= dict.fromkeys(more, np.zeros(3))
    with pytest.raises(ProposalsError, match=said):
        LABELLER.label(arrays, size_px=CASE.size_px, every_pixel=False)


def test_a_map_of_another_size_is_refused() -> None:
    with pytest.raises(ProposalsError, match=r"index of this chunk are uint16 \(12, 17, any\)"):
        LABELLER.label(arrays_of(CASE), size_px=(37, 60), every_pixel=False)


def test_untaught_classes_need_features() -> None:
    arrays = {name: array for name, array in arrays_of(CASE).items() if name != "features"}
    with pytest.raises(VocabularyError, match="1 of the classes are told by features"):
        LABELLER.label(arrays, size_px=CASE.size_px, every_pixel=False)
