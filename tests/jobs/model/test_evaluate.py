"""`mrovseg evaluate` from its flags to its table, with a network of random weights."""

import itertools
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from jobs.model import evaluate, measuring
from jobs.run.exit_codes import ExitCode
from jobs.run.proposals import chip_layout
from jobs.show import metrics
from mrovseg.data.definition import Definition
from mrovseg.evaluation.borders import BorderRates, Grid
from mrovseg.weights import checkpoint as checkpoints
from pipeline.config import FlowSettings
from pipeline.geometry.chips import ChipLayout, cover, ramp
from pipeline.geometry.window import Window
from pipeline.raster import read
from pipeline.segment import layout_of, segment_window
from pipeline.testing.brightness import BrightnessSegmenter
from pipeline.testing.painted import paint_scene
from tests.mrovseg.networks import SMALL, all_weights

WIDE = "building; land; road; vegetation; water; everything else"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("checkpoint") / "random.safetensors"
    checkpoints.save(path, config=SMALL, weights=all_weights(SMALL), known_phrases=None)
    return str(path)


def figures(output: str) -> dict[str, float]:
    """Return what was printed between the table of classes and that of border rates."""
    means = output.partition("all classes")[2].partition("\n\n")[0]
    return {
        name: float(n.replace(",", "")) for name, n in re.findall(r"^(\S.*?)  +(\S+)$", means, re.MULTILINE)
    }


def test_painted_scenes_are_measured(checkpoint: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--painted", "1000", "1001", "--size-px", "90", "--checkpoint", checkpoint]
    assert evaluate.main(arguments) == ExitCode.DONE
    output = capsys.readouterr()
    printed = figures(output.out)
    labelled = sum(
        (image.labels != 255).sum() for image in measuring.painted_images([1000, 1001], size_px=90)
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
    (image,) = measuring.painted_images([7], size_px=200)
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


def test_border_rates_are_of_the_grids_that_the_masks_were_made_by(
    checkpoint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    side_px, step_px = 200, chip_layout(SMALL).step_px
    arguments = ["--painted", "4", "--size-px", str(side_px), "--checkpoint", checkpoint]
    assert evaluate.main([*arguments, "-o", str(tmp_path)]) == ExitCode.DONE
    printed = dict(
        re.findall(r"^(\S.*?)  +(\S+)$", capsys.readouterr().out.partition("border rate")[2], re.MULTILINE)
    )
    held = json.loads((tmp_path / "metrics.json").read_text())
    rates = held["border_rates"]
    of_chips = {name: rates[name] for name in ("chip edges", "chip middles", "overlap middles")}
    assert held["border_rate"] == max(of_chips.values())
    assert printed == {
        "greatest": f"{max(of_chips.values()):.2f}",
        **{name: f"{rate:.2f}" for name, rate in of_chips.items()},
        "chunks": "-",  # the scene is one
        "windows": "-",
    }
    (image,) = measuring.painted_images([4], size_px=side_px)
    segmenter = measuring.segmenter_of(checkpoint, Definition.named("land-cover").vocabulary)
    mask = measuring.segment_image(segmenter, image.pixels, classes=5)
    expected = BorderRates(
        {"chip edges": Grid(step_px), "overlap middles": Grid(step_px, (step_px // 2,))}, stride_px=4
    )
    expected.add(mask)
    assert expected.rates.items() <= of_chips.items()


def test_how_far_chips_overlap_is_chosen_by_measuring(capsys: pytest.CaptureFixture[str]) -> None:
    found = []
    for given in ((), ("--overlap-px", "144"), ("--overlap-px", "0")):
        assert evaluate.main(["--painted", "1001", "--size-px", "640", *given]) == ExitCode.DONE
        found.append(capsys.readouterr().out)
    quarter, asked, none = found
    assert asked == quarter
    assert figures(none) != figures(quarter)


def test_a_folder_that_cannot_be_written_is_named_after_the_figures_are_printed(
    checkpoint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    arguments = ["--painted", "4", "--size-px", "90", "--checkpoint", checkpoint]
    assert evaluate.main([*arguments, "-o", str(tmp_path / "file")]) == ExitCode.FAILED
    output = capsys.readouterr()
    assert figures(output.out)
    assert str(tmp_path / "file") in output.err


def test_a_data_set_is_measured_as_its_files_are(
    checkpoint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (image,) = measuring.painted_images([7], size_px=64)
    colours = np.array([0x9B9B9B, 0x3C1098, 0x8429F6, 0x6EC1E4, 0xFEDD3A, 0xE2A929], ">u4")
    coloured = colours[image.labels % 255].view(np.uint8).reshape(64, 64, 4)[..., 1:]
    files = []
    for tile in ("Tile 1", "Tile 2"):
        files.append((tmp_path / tile / "images/part1.jpg", tmp_path / tile / "masks/part1.png"))
        for file, pixels in zip(files[-1], (image.pixels, coloured), strict=True):
            file.parent.mkdir(parents=True)
            Image.fromarray(pixels).save(file)
    images, masks = ([str(file) for file in column] for column in zip(*files, strict=True))
    known = ["--definition", "dubai", "--checkpoint", checkpoint]
    assert evaluate.main([*images, "--masks", *masks, *known]) == ExitCode.DONE
    by_files = capsys.readouterr().out
    assert evaluate.main(["--root", str(tmp_path), "--split", "all", *known]) == ExitCode.DONE
    assert capsys.readouterr().out == by_files
    assert figures(by_files)["pixels counted"] == 2 * int(((image.labels > 0) & (image.labels < 255)).sum())
    (tmp_path / "Tile 2/masks/part1.png").unlink()
    assert evaluate.main(["--root", str(tmp_path), "--split", "all", *known]) == ExitCode.BAD_USAGE
    assert "1 of 2 images have no mask" in capsys.readouterr().err


def test_a_data_set_of_many_classes_is_measured(checkpoint: str, tmp_path: Path) -> None:
    """Ids above 255 in truth and masks, and 65535 for unlabelled."""
    files = [tmp_path / f"{kind}_detectron2/validation/one" for kind in ("images", "annotations")]
    for file in files:
        file.parent.mkdir(parents=True)
    Image.new("RGB", (30, 29)).save(files[0].with_suffix(".jpg"))
    truth = np.arange(29 * 30, dtype=np.uint16).reshape(29, 30)
    Image.fromarray(truth).save(files[1].with_suffix(".tif"))
    arguments = ["--definition", "ade20k-847", "--root", str(tmp_path), "--checkpoint", checkpoint]
    assert evaluate.main([*arguments, "-o", str(tmp_path / "out")]) == ExitCode.DONE
    found = json.loads((tmp_path / "out/metrics.json").read_text())
    assert [c["true_pixels"] for c in found["classes"]] == [1] * 847


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "either images"),
        (["a.png", "--painted", "1"], "either images"),
        (["a.png"], "a mask each, got 1 images and 0 masks"),
        (["a.png", "--masks", "b.png"], "--definition NAME"),
        (["a.png", "--masks", "b.png", "--definition", "nothing"], "no data set definition 'nothing'"),
        (["a.png", "--masks", "b.png", "--definition", "dubai", "--mosaic", "3by3"], "such as 3x3"),
        (["a.png", "--root", "."], "either images"),
        (["--root", "."], "--root needs --definition NAME alone"),
        (["--root", ".", "--masks", "b.png", "--definition", "vdd"], "got 0 images and 1 masks"),
        (["--root", ".", "--definition", "dubai"], "no split 'val' in the layout of dubai; there are: all"),
        (["--root", "nowhere", "--definition", "vdd"], "no val/src/*.JPG in nowhere"),
        (["a.png", "--masks", "b.png", "--definition", "vdd", "--split", "val"], "--split is a part"),
        (
            ["a.png", "--masks", "b.png", "--definition", "dubai", "--mosaic", "2x2"],
            "4 images a scene, got 1",
        ),
        (["--painted", "1", "--classes", "road"], "must begin with the 5 of land-cover"),
        (["--painted", "1", "--size-px", "0"], "positive --size-px"),
        (["--painted", "1", "--checkpoint", "nowhere"], "no checkpoint 'nowhere'"),
        (["--painted", "1", "--overlap-px=-4"], "overlap_px must be a whole number of at least zero, got -4"),
        (["--painted", "1", "--overlap-px", "30"], "overlap_px must be a multiple of 4"),
        (["--painted", "1", "--overlap-px", "576"], "less than 576, the side of its chips, got 576: try 288"),
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


@pytest.mark.parametrize(("side_px", "step_px"), [(48, 32), (64, 32), (32, 32), (64, 16), (72, 24)])
def test_the_grids_are_where_chips_chunks_and_windows_end_and_ramps_turn_or_meet(
    side_px: int, step_px: int
) -> None:
    """By the ramps of chips over the rows -256 to 512, of which the lines 1 to 255 are looked at."""
    layout, flow = (
        ChipLayout(side_px=side_px, step_px=step_px, stride_px=4),
        FlowSettings(window_px=128, chunk_px=64),
    )
    starts = np.arange(-5 * step_px, 256 + step_px, step_px) + 256
    ramps = np.zeros((len(starts), 1024))
    for of_chip, start in zip(ramps, starts, strict=True):
        of_chip[start : start + side_px] = ramp(side_px)
    expected = {
        "chip edges": {*starts, *(starts + side_px)},
        "chip middles": {start + side_px // 2 for start in starts},
        "overlap middles": {
            int(np.flatnonzero(after > before)[0]) for before, after in itertools.pairwise(ramps)
        },
        "chunks": {*range(256, 768, 64)},
        "windows": {*range(256, 768, 128)},
    }
    lines = np.arange(1, 256)
    found = measuring.grids_of(layout, flow)
    assert found.keys() == expected.keys()
    for name, grid in found.items():
        assert set(lines[grid.among(lines)]) == {int(line) - 256 for line in expected[name]} & set(lines), (
            name
        )


def test_an_image_in_memory_is_segmented_as_a_scene_is(tmp_path: Path) -> None:
    """One window of the pipeline's own reading, against windows of an array."""
    path = tmp_path / "scene.tif"
    paint_scene(path, height=150, width=130, seed=3)
    segmenter = BrightnessSegmenter(chip_px=48, step_px=32, reach_px=8, n_classes=5)
    whole = Window(0, 0, 150, 130)
    pixels, _ = read(str(path), whole)
    seen = read(str(path), cover(whole, layout_of(segmenter), scene_px=whole.shape))
    lying: dict[str, Any] = {"window": whole, "scene_px": whole.shape, "chunk_px": 1024}
    expected = segment_window(segmenter, *seen, **lying, classes=5).mask
    assert np.array_equal(measuring.segment_image(segmenter, pixels, classes=5), expected)
