"""Images with captions: read from both kinds of table, drawn when they are needed, told apart by what was said."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from mrovseg.data.captions import CaptionSet, read_captions
from mrovseg.data.labelled import LabelledImage, LabelledSet
from mrovseg.data.sampling import Augmentation, sample_captions
from mrovseg.data.training_data import TrainingData, WordSet
from mrovseg.errors import DataError
from mrovseg.network.clip import ImageEncoder, build
from mrovseg.training.contrast_batch import sample_batch
from mrovseg.training.contrast_stage import ContrastLosses
from mrovseg.words.vocabulary import parse
from tests.mrovseg.networks import SMALL, vectors_of
from tests.mrovseg.pictures import PILLOW

ROWS = [("a.png", "a river, seen  from above"), ("deep/b.png", 'roofs "and" trees'), ("a.png", "water")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for level, name in enumerate(("a.png", "deep/b.png"), start=1):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (40, 30), (80 * level,) * 3).save(tmp_path / name)
    return tmp_path


def write(table: Path, rows: list[tuple[str, str]] = ROWS) -> Path:
    if table.suffix == ".jsonl":
        table.write_text("".join(json.dumps({"file_name": f, "text": t}) + "\n" for f, t in rows))
    else:
        quoted = [",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows]
        table.write_text("\n".join(["file_name,text", *quoted]) + "\n")
    return table


@pytest.mark.parametrize("name", ["metadata.csv", "metadata.jsonl"])
def test_both_kinds_of_table_give_the_same_pairs(folder: Path, name: str) -> None:
    found = read_captions(write(folder / name), reader=PILLOW)
    assert found.captions == ["a river, seen from above", 'roofs "and" trees', "water"]
    assert found.files == [folder / "a.png", folder / "deep/b.png", folder / "a.png"]


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("gone.csv", None, r"cannot read the captions of .*gone\.csv"),
        ("empty.csv", "file_name,text\n", "has no row"),
        (
            "other.csv",
            "image,caption\na.png,water\n",
            r"line 2: expected a 'file_name' and its 'text', got .*image",
        ),
        ("missing.csv", "file_name,text\nb.png,water\n", r"line 2: no image .*b\.png"),
        ("silent.jsonl", '{"file_name": "a.png", "text": " "}\n', "line 1: expected"),
        ("list.jsonl", "[1, 2]\n", "line 1: expected"),
        ("broken.jsonl", "{\n", "cannot read the captions"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused(folder: Path, name: str, text: str | None, says: str) -> None:
    if text is not None:
        (folder / name).write_text(text)
    with pytest.raises(DataError, match=says):
        read_captions(folder / name, reader=PILLOW)


def test_images_are_drawn_with_their_captions(folder: Path) -> None:
    pairs = read_captions(write(folder / "metadata.csv"), reader=PILLOW)
    plain = Augmentation(brightness=0.0, contrast=0.0, colour=0.0, blur=0.0)
    images, which = sample_captions(
        pairs, side_px=16, count=12, rng=np.random.default_rng(0), augmentation=plain
    )
    assert images.shape == (12, 16, 16, 3)
    assert set(which.tolist()) == {0, 1, 2}
    assert [int(image[0, 0, 0]) for image in images] == [160 if i == 1 else 80 for i in which]


def test_a_file_that_is_no_image_is_named(folder: Path) -> None:
    (folder / "a.png").write_text("no image")
    pairs = CaptionSet([folder / "a.png"], ["water"], PILLOW)
    with pytest.raises(DataError, match=r"cannot read the image .*a\.png"):
        sample_captions(pairs, side_px=16, count=1, rng=np.random.default_rng(0), augmentation=Augmentation())


def contrast() -> ContrastLosses:
    torch.manual_seed(0)
    encoder = ImageEncoder(build(SMALL.clip).visual)
    return ContrastLosses(SMALL, encoder, vectors_of, nn.Parameter(torch.tensor(2.0)), bfloat16=False)


def test_an_image_finds_its_own_caption_and_equal_ones_do_not_count() -> None:
    """Against the cross entropy written out by hand."""
    said = ["a river", "a roof", "a river"]
    vectors = torch.nn.functional.normalize(torch.randn(2, SMALL.clip["embed_dim"]), dim=1)
    loss = contrast()._captions(vectors, torch.tensor([0, 1]), said, np.random.default_rng(1))
    others = [said[i] for i in np.random.default_rng(1).integers(3, size=256)]
    expected = []
    for vector, own in zip(vectors, ("a river", "a roof"), strict=True):
        wrong = [text for text in ["a river", "a roof", *others] if text != own]
        logits = torch.from_numpy(vectors_of([own, *wrong])) @ vector
        expected.append(logits.logsumexp(0) - logits[0])
    torch.testing.assert_close(loss, torch.stack(expected).mean(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("has", [{"words"}, {"captions"}, {"words", "captions"}, set[str]()])
def test_words_and_captions_are_each_learned_where_there_are_any(folder: Path, has: set[str]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (160, 160, 3), np.uint8)
    sets = [
        LabelledSet(parse("road; roof"), [LabelledImage("one", pixels, pixels[..., 0] // 128 + np.uint8(1))])
    ]
    words = WordSet(parse("harbour; forest"), [pixels], [1]) if "words" in has else None
    pairs = read_captions(write(folder / "metadata.csv"), reader=PILLOW) if "captions" in has else None
    data, learner, rng = TrainingData(sets, words, pairs), contrast(), np.random.default_rng(0)
    side_px = learner.network.encoder.side_px
    batch = sample_batch(data, side_px=side_px, slices=2, chips=1, images=3, rng=rng)
    losses = learner(batch, data, rng)
    assert set(losses) == {"places", "regions"} | has
    assert all(torch.isfinite(loss) and loss > 0 for loss in losses.values())
    torch.stack(list(losses.values())).sum().backward()


def test_a_checkpoint_remembers_captions_but_not_millions() -> None:
    few = TrainingData([], None, CaptionSet([], ["b", "a", "b"], PILLOW))
    assert few.phrases == ["a", "b"]
    many = TrainingData([], None, CaptionSet([], [f"{i:05}" for i in range(4500)], PILLOW))
    assert len(many.phrases) == 1500
    assert many.phrases[:2] == ["00000", "00003"]
