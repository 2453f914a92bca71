"""`mrovseg evaluate` from its flags to its table, with a network of random weights."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jobs import evaluate, metrics
from jobs.exit_codes import ExitCode
from mrovseg import checkpoint as checkpoints
from mrovseg.losses import IGNORE
from pipeline.raster import read
from pipeline.segment import WindowSegmenter
from pipeline.testing.brightness import BrightnessSegmenter
from pipeline.testing.painted import paint_scene
from pipeline.window import Window
from tests.mrovseg.networks import SMALL, all_weights

WIDE = "building; land; road; vegetation; water; everything else"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("checkpoint") / "random.safetensors"
    checkpoints.save(path, config=SMALL, weights=all_weights(SMALL), known_words=None)
    return str(path)


def figures(output: str) -> dict[str, float]:
    """Return what was printed below the table of classes."""
    means = output.partition("all classes")[2]
    return {
        name: float(n.replace(",", "")) for name, n in re.findall(r"^(\S.*?)  +(\S+)$", means, re.MULTILINE)
    }


def test_painted_scenes_are_measured(checkpoint: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--painted", "1000", "1001", "--size-px", "90", "--checkpoint", checkpoint]
    assert evaluate.main(arguments) == ExitCode.DONE
    output = capsys.readouterr()
    printed = figures(output.out)
    labelled = sum(
        (image.labels != IGNORE).sum() for image in evaluate.painted_images([1000, 1001], size_px=90)
    )
    assert printed.pop("pixels counted") == labelled
    assert list(printed) == list(metrics.MEANS.values())
    assert all(0 <= figure <= 1 for figure in printed.values())
    assert output.err.count("window 1 of 1") == 2


def test_parts_joined_are_measured_as_the_whole(
    checkpoint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Parts of 100 px are no whole chips: only what is joined first has the context of the whole."""
    assert evaluate.main(["--painted", "7", "--size-px", "200", "--checkpoint", checkpoint]) == ExitCode.DONE
    whole = capsys.readouterr().out
    (image,) = evaluate.painted_images([7], size_px=200)
    images, masks = [], []
    for i, (top, left) in enumerate([(0, 0), (0, 90), (120, 0), (120, 90)]):
        rows, cols = slice(top, 200 if top else 120), slice(left, 200 if left else 90)
        images.append(str(tmp_path / f"image{i}.png"))
        masks.append(str(tmp_path / f"mask{i}.png"))
        Image.fromarray(image.pixels[rows, cols]).save(images[-1])
        Image.fromarray(image.labels[rows, cols]).save(masks[-1])
    arguments = [*images, "--masks", *masks, "--definition", "land-cover", "--checkpoint", checkpoint]
    assert evaluate.main([*arguments, "--mosaic", "2x2"]) == ExitCode.DONE
    assert capsys.readouterr().out == whole
    assert evaluate.main(arguments) == ExitCode.DONE
    assert figures(capsys.readouterr().out)["pixels counted"] == figures(whole)["pixels counted"]
    assert evaluate.main([*arguments, "--mosaic", "2x2", "--classes", WIDE]) == ExitCode.DONE
    assert figures(capsys.readouterr().out)["pixels counted"] == figures(whole)["pixels counted"]


def test_the_same_evaluation_writes_the_same_files_and_prints_what_they_hold(
    checkpoint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = []
    printed = {}
    for _ in range(2):  # the second into a folder that exists
        arguments = ["--painted", "4", "--size-px", "90", "--checkpoint", checkpoint]
        assert evaluate.main([*arguments, "-o", str(tmp_path / "new" / "folder")]) == ExitCode.DONE
        written.append({file.name: file.read_bytes() for file in (tmp_path / "new" / "folder").iterdir()})
        printed = figures(capsys.readouterr().out)
    assert written[0] == written[1]
    assert sorted(written[0]) == ["confusion.csv", "confusion.png", "metrics.json"]
    held = json.loads(written[0]["metrics.json"])
    assert printed["pixels counted"] == held["pixels"]
    for key, title in metrics.MEANS.items():
        assert printed[title] == pytest.approx(held[key], abs=5e-4)


def test_a_folder_that_cannot_be_written_is_named_after_the_figures_are_printed(
    checkpoint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    arguments = ["--painted", "4", "--size-px", "90", "--checkpoint", checkpoint]
    assert evaluate.main([*arguments, "-o", str(tmp_path / "file")]) == ExitCode.FAILED
    output = capsys.readouterr()
    assert figures(output.out)
    assert str(tmp_path / "file") in output.err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "either images"),
        (["a.png", "--painted", "1"], "either images"),
        (["a.png"], "a mask each, got 1 images and 0 masks"),
        (["a.png", "--masks", "b.png"], "--definition NAME"),
        (["a.png", "--masks", "b.png", "--definition", "nothing"], "no data set definition 'nothing'"),
        (["a.png", "--masks", "b.png", "--definition", "dubai", "--mosaic", "3by3"], "such as 3x3"),
        (
            ["a.png", "--masks", "b.png", "--definition", "dubai", "--mosaic", "2x2"],
            "4 images a scene, got 1",
        ),
        (["--painted", "1", "--classes", "road"], "must begin with the 5 of land-cover"),
        (["--painted", "1", "--size-px", "0"], "positive --size-px"),
        (["--painted", "1", "--checkpoint", "nowhere"], "no checkpoint 'nowhere'"),
    ],
)
def test_bad_usage_is_named(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate.main(arguments) == ExitCode.BAD_USAGE
    assert says in capsys.readouterr().err


def test_a_file_that_is_no_image_is_named(
    checkpoint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = tmp_path / "text.png"
    text.write_text("no image")
    for image in (str(text), str(tmp_path / "missing.png")):
        arguments = [image, "--masks", str(text), "--definition", "dubai", "--checkpoint", checkpoint]
        assert evaluate.main(arguments) == ExitCode.BAD_USAGE
        assert Path(image).name in capsys.readouterr().err


def test_an_image_in_memory_is_segmented_as_a_scene_is(tmp_path: Path) -> None:
    """One window of the pipeline's own reading, against windows of an array."""
    path = tmp_path / "scene.tif"
    paint_scene(path, height=150, width=130, seed=3)
    segmenter = WindowSegmenter(BrightnessSegmenter(core_px=32, halo_px=8, n_classes=5))
    whole = Window(0, 0, 150, 130)
    pixels, _ = read(str(path), whole)
    around = Window(-8, -8, 160 + 16, 160 + 16)
    expected = segmenter(*read(str(path), around), window=whole).mask
    assert np.array_equal(evaluate.segment_image(segmenter, pixels, classes=5), expected)
