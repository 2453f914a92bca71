"""`mrovseg convert`: every layout of weights becomes the same checkpoint, and every verb takes it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import yaml
import zarr

from jobs import segment as segment_job
from jobs.model import convert, evaluate, info, train
from jobs.run.exit_codes import ExitCode
from mrovseg.weights import checkpoint as checkpoints
from mrovseg.weights.pretrained import model_config
from tests.jobs.conftest import PaintScene
from tests.mrovseg.networks import SMALL_CLIP
from tests.mrovseg.weights.layouts import FILES, State, cached, random_state, write_folder

MROVSEG = Path(sys.executable).parent / "mrovseg"
WORDS = "building; road; water"


def run(*arguments: object, hub: Path) -> subprocess.CompletedProcess[str]:
    """Run the command without a network, over what a cache of the hub holds."""
    return subprocess.run(
        [MROVSEG, "convert", *map(str, arguments)],
        env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(hub)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def small() -> State:
    return random_state(SMALL_CLIP)


@pytest.fixture
def small_folder(tmp_path: Path, small: State) -> Path:
    write_folder(small, tmp_path / "model", SMALL_CLIP)
    return tmp_path / "model"


def test_a_converted_encoder_is_taken_by_every_verb(
    small_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "out" / "small.safetensors"
    assert convert.main([f"local-dir:{small_folder}", "--slices", "2", "-o", str(path)]) == ExitCode.DONE
    assert "chips of 128 px (2 x 2 slices of 64 px)" in capsys.readouterr().out
    assert list(path.parent.iterdir()) == [path]
    assert checkpoints.load(str(path)).known_phrases is None
    assert info.main([str(path)]) == ExitCode.DONE
    assert "words: any" in capsys.readouterr().out
    arguments = ["--painted", "3", "--size-px", "70", "--checkpoint", str(path), "--classes"]
    words = "zeppelin hangar; land; road; vegetation; water"
    assert evaluate.main([*arguments, words]) == ExitCode.DONE


@pytest.mark.slow
def test_the_same_from_a_cache_of_the_hub_and_a_remedy_where_it_is_empty(
    small: State, small_folder: Path, tmp_path: Path
) -> None:
    there, hub = tmp_path / "there.safetensors", tmp_path / "hub"
    refused = run("hf-hub:org/small", "-o", there, hub=hub)
    assert refused.returncode == ExitCode.BAD_USAGE
    assert "org/small/open_clip_config.json could not be fetched" in refused.stderr
    assert "without a network give a file of the weights, or local-dir:FOLDER" in refused.stderr
    assert "Traceback" not in refused.stderr
    write_folder(small, cached(hub, "org/small"), SMALL_CLIP)
    taken = run("hf-hub:org/small", "-o", there, hub=hub)
    assert taken.returncode == ExitCode.DONE, taken.stderr
    assert convert.main([f"local-dir:{small_folder}", "-o", str(tmp_path / "here.safetensors")]) == 0
    assert there.read_bytes() == (tmp_path / "here.safetensors").read_bytes()


def test_nothing_is_written_where_something_is_wrong(
    small_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "new" / "small.safetensors"
    weights = str(small_folder / "open_clip_model.safetensors")
    for arguments, said in (
        (["ViT-B-16", "--weights", weights], "no weights of ViT-B-16: "),
        (["ViT-B-16", "--weights", "openai"], "take ViT-B-16-quickgelu"),
        (["RN50", "--weights", weights], "not a ViT"),
        ([f"local-dir:{small_folder}", "--slices", "0"], "slices must be at least 1, got 0"),
        ([f"local-dir:{small_folder / 'none'}"], "must hold open_clip_config.json and a file of weights"),
    ):
        assert convert.main([*arguments, "-o", str(path)]) == ExitCode.BAD_USAGE
        assert said in capsys.readouterr().err
        assert not path.parent.exists()
    before = Path(weights).read_bytes()
    assert convert.main(["ViT-B-16", "--weights", weights, "-o", weights]) == ExitCode.BAD_USAGE
    assert convert.main([f"local-dir:{small_folder}", "-o", str(small_folder)]) == ExitCode.BAD_USAGE
    assert convert.main([f"local-dir:{small_folder}", "-o", f"{weights}/x.safetensors"]) == ExitCode.BAD_USAGE
    assert "cannot be written" in capsys.readouterr().err
    assert Path(weights).read_bytes() == before


def sized(path: Path, size_bytes: int) -> None:
    """Make a file that large, which takes no room."""
    with path.open("wb") as file:
        file.truncate(size_bytes)


@pytest.mark.parametrize("kind", ["safetensors", "bin"])
def test_a_folder_that_is_too_large_is_refused_unread(
    small_folder: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    (small_folder / "open_clip_model.safetensors").unlink()
    sized(small_folder / f"open_clip_model.{kind}", 10**12)
    assert convert.main([f"local-dir:{small_folder}", "-o", str(small_folder / "x.safetensors")]) == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert "1000.0 GB" in said


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("vision_cfg.layers", 10**9),
        ("vision_cfg.width", 10**12),
        ("vision_cfg.patch_size", 0),
        ("vision_cfg.mlp_ratio", "four"),
        ("vision_cfg.unknown", 1),
        ("text_cfg.layers", 10**9),
        ("text_cfg", []),
        ("embed_dim", "wide"),
    ],
    ids=str,
)
def test_a_description_of_a_network_that_cannot_be_is_one_line(
    small_folder: Path, capsys: pytest.CaptureFixture[str], place: str, value: object
) -> None:
    path = small_folder / "open_clip_config.json"
    about = json.loads(path.read_text())
    *parents, last = ["model_cfg", *place.split(".")]
    node = about
    for key in parents:
        node = node[key]
    node[last] = value
    path.write_text(json.dumps(about))
    assert convert.main([f"local-dir:{small_folder}", "-o", str(small_folder / "x.safetensors")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_description_that_never_ends_and_a_name_too_long_are_one_line(
    small_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    description, there = small_folder / "open_clip_config.json", str(small_folder / "x.safetensors")

    def replaced_by_fifo() -> None:
        description.unlink()
        os.mkfifo(description)

    for spoil in (
        partial(description.write_text, "[" * 500_000),
        partial(sized, description, 10**12),
        replaced_by_fifo,
    ):
        spoil()
        assert convert.main([f"local-dir:{small_folder}", "-o", there]) == 2
        assert "open_clip's description of a model" in capsys.readouterr().err
    for name in ("x" * 5000, "/".join(["y" * 200] * 500)):
        assert convert.main([f"local-dir:{name}", "-o", there]) == 2
        (said,) = capsys.readouterr().err.splitlines()
        assert len(said) < 600


# A full-size encoder, from its weights to masks.

BASE = "ViT-B-16-quickgelu"
TAG_ON_HUB = "timm/vit_base_patch16_clip_224.openai"


@pytest.fixture(scope="module")
def base_state() -> State:
    return {name: tensor.half() for name, tensor in random_state(model_config(BASE)).items()}


@pytest.fixture(scope="module")
def base(base_state: State, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of a random ViT-B-16 without a head."""
    folder = tmp_path_factory.mktemp("base")
    FILES["plain.pt"](base_state, folder / "plain.pt")
    path = folder / "headless.safetensors"
    arguments = [BASE, "--weights", str(folder / "plain.pt"), "--slices", "1", "-o", str(path)]
    assert convert.main(arguments) == ExitCode.DONE
    return path


def from_tag(state: State, folder: Path) -> tuple[str, ...]:
    write_folder(state, cached(folder / "hub", TAG_ON_HUB), model_config(BASE))
    return BASE, "--weights", "openai"


def from_folder(state: State, folder: Path) -> tuple[str, ...]:
    write_folder(state, folder / "model", model_config(BASE))
    return (f"local-dir:{folder / 'model'}",)


def from_hub(state: State, folder: Path) -> tuple[str, ...]:
    write_folder(state, cached(folder / "hub", "org/base"), model_config(BASE))
    return ("hf-hub:org/base",)


def from_file(layout: str) -> Callable[[State, Path], tuple[str, ...]]:
    def write(state: State, folder: Path) -> tuple[str, ...]:
        FILES[layout](state, folder / layout)
        return BASE, "--weights", str(folder / layout)

    return write


SOURCES = {
    "training": from_file("training.pt"),
    "safetensors": from_file("weights.safetensors"),
    "tag": from_tag,
    "local-dir": from_folder,
    "hf-hub": from_hub,
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", SOURCES)
def test_every_kind_of_weights_makes_the_same_checkpoint(
    kind: str, base_state: State, base: Path, tmp_path: Path
) -> None:
    path = tmp_path / "made.safetensors"
    arguments = SOURCES[kind](base_state, tmp_path)
    made = run(*arguments, "--slices", "1", "-o", path, hub=tmp_path / "hub")
    assert made.returncode == ExitCode.DONE, made.stderr
    assert path.read_bytes() == base.read_bytes()


@pytest.mark.slow
@pytest.mark.usefixtures("ray_cluster")
def test_a_random_vit_b_16_reaches_an_actor_and_labels_a_scene(
    base: Path, tmp_path: Path, paint_scene: PaintScene
) -> None:
    segment_and_check(base, tmp_path / "masks", scene=paint_scene("scene.tif", height=100, width=150))


@pytest.mark.slow
@pytest.mark.usefixtures("ray_cluster")
def test_a_converted_encoder_runs_through_train_evaluate_and_segment(
    small_folder: Path, tmp_path: Path, paint_scene: PaintScene
) -> None:
    headless = tmp_path / "headless.safetensors"
    arguments = [f"local-dir:{small_folder}", "--slices", "2", "-o", str(headless)]
    assert convert.main(arguments) == ExitCode.DONE
    trained = train_head(headless, tmp_path / "data", tmp_path / "trained")
    before, after = checkpoints.load(str(headless)), checkpoints.load(str(trained))
    assert all(np.array_equal(after.weights[name], array) for name, array in before.weights.items())
    for name, path in (("dense", headless), ("trained", trained)):
        arguments = ["--painted", "3", "--size-px", "100", "--checkpoint", str(path)]
        assert evaluate.main([*arguments, "-o", str(tmp_path / f"metrics-{name}")]) == ExitCode.DONE
        figures = json.loads((tmp_path / f"metrics-{name}" / "metrics.json").read_text())
        assert 0 <= figures["miou"] <= 1
    segment_and_check(trained, tmp_path / "masks", scene=paint_scene("scene.tif", height=100, width=150))


def segment_and_check(checkpoint: Path, output: Path, *, scene: Path) -> None:
    """Segment a scene of 100 x 150 px by the job; its mask must have its shape and hold classes only."""
    arguments = [str(scene), "--classes", WORDS, "-o", str(output), "--checkpoint", str(checkpoint)]
    assert segment_job.main([*arguments, "--window-px", "1024", "--actors", "1"]) == ExitCode.DONE
    (store,) = (output / "scenes").glob("*/masks.zarr")
    mask = np.asarray(zarr.open_array(store, path="0/class", mode="r")[:])
    assert mask.shape == (100, 150)
    assert mask.max() <= 3


def train_head(source: Path, data: Path, output: Path) -> Path:
    """Train a head for two steps on a painted square, by the job."""
    stage = {"threads": 1, "slices_a_step": 1, "sizes": [1], "rate": 1e-3, "matrix_rate": 1e-3, "points": 256}
    recipe = {
        "training": {"seed": 0, "masks": stage | {"steps": 2}},
        "sets": [],
        "painted": {"seeds": 1, "side_px": 240, "shares": {"land-cover": 1}},
    }
    data.mkdir()
    (data / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    arguments = ["--data", str(data), "--recipe", str(data / "recipe.yaml"), "--checkpoint", str(source)]
    assert train.main([*arguments, "-o", str(output)]) == ExitCode.DONE
    return output / "checkpoint.safetensors"
