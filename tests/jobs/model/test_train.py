"""`mrovseg train` through the real Ray Train: one worker or two, killed and going on."""

import functools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import psutil  # type: ignore[import-untyped]  # its stubs are a package of their own
import pytest
import yaml
from PIL import Image

from jobs.model import measuring, recipes, train, trainer
from jobs.run.exit_codes import ExitCode
from mrovseg.data.definition import Definition
from mrovseg.errors import DataError
from mrovseg.training.history import LogLine
from mrovseg.training.train import Recipe
from mrovseg.training.worker import Worker
from mrovseg.weights import checkpoint as checkpoints
from mrovseg.weights.files import read_arrays
from pipeline.errors import ConfigError, PipelineError, ResourceError
from pipeline.flow import Node
from tests.jobs.model import tasks
from tests.mrovseg.networks import SMALL, all_weights
from tests.processes import kill_tree, started_interruptible

ROOT = Path(__file__).resolve().parents[3]
STAGE = {
    "threads": 1,
    "steps": 4,
    "slices_a_step": 4,
    "images": 2,
    "rate": 1e-3,
    "matrix_rate": 1e-3,
    "points": 64,
    "save_every": 2,
    "micro_batches": 2,
}
RECIPE: dict[str, Any] = {
    "training": {
        "seed": 3,
        "contrast": STAGE | {"sizes": [2]},
        "masks": STAGE | {"sizes": [1, 2]},
    },
    "sets": [],
    "painted": {"seeds": 2, "side_px": 320, "shares": {"land-cover": 1, "painted": 1}},
    "words": {"definition": "aid", "folder": "words"},
    "captions": "words/metadata.csv",
    "validation": {"every": 3, "painted": {"seeds": [1001], "side_px": 200}},
}
PROGRAM = """
import sys
import ray
from jobs.model.train import main
ray.init(num_cpus=2, include_dashboard=False, object_store_memory=256 * 1024 * 1024)
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of `--data`: a recipe, and a small image for each word."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "recipe.yaml").write_text(yaml.safe_dump(RECIPE))
    rng = np.random.default_rng(0)
    for name in Definition.named("aid").folders:
        (folder / "words" / name).mkdir(parents=True)
        pixels = rng.integers(0, 256, (8, 8, 3), np.uint8).repeat(8, 0).repeat(8, 1)
        Image.fromarray(pixels).save(folder / "words" / name / "one.jpg")
    rows = [f"{name}/one.jpg,a view of {name}" for name in Definition.named("aid").folders]
    (folder / "words" / "metadata.csv").write_text("\n".join(["file_name,text", *rows]))
    return folder


def pairs(flags: list[str]) -> Iterator[tuple[str, str]]:
    """Flags, each with its value."""
    return zip(flags[::2], flags[1::2], strict=True)


def arguments(data: Path, output: Path, *, workers: int = 1) -> list[str]:
    recipe = ["--recipe", str(data / "recipe.yaml")]
    return ["--data", str(data), "-o", str(output), *recipe, "--workers", str(workers)]


@pytest.fixture(scope="module")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory, ray_cluster: None) -> dict[int, Path]:
    """The folders of undisturbed trainings by one worker and by two."""
    del ray_cluster
    folders = {workers: tmp_path_factory.mktemp("trained") / "out" for workers in (1, 2)}
    for workers, folder in folders.items():
        assert train.main(arguments(data, folder, workers=workers)) == ExitCode.DONE
    return folders


def rows(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((folder / "metrics.json").read_text())["rows"]
    return [{key: value for key, value in row.items() if key != "slices_per_s"} for row in found]


def assert_same(folder: Path, expected: Path) -> None:
    assert rows(folder) == rows(expected)
    for name in ("checkpoint", "best", "contrast", "masks"):
        file = f"{name}.safetensors"
        assert (folder / file).read_bytes() == (expected / file).read_bytes(), name


@pytest.mark.slow
def test_two_workers_learn_what_one_does(trained: Mapping[int, Path]) -> None:
    """Parameters agree within 1e-5: a sum over workers may round differently from a sum over micro-batches."""
    for stage in ("contrast", "masks"):
        one, two = (read_arrays(trained[workers] / f"{stage}.safetensors")[0] for workers in (1, 2))
        assert one.keys() == two.keys()
        for key in (key for key in one if key.startswith("parameter.")):
            np.testing.assert_allclose(two[key], one[key], rtol=0, atol=1e-5, err_msg=key)
    for ours, theirs in zip(rows(trained[1]), rows(trained[2]), strict=True):
        assert ours.pop("losses") == pytest.approx(theirs.pop("losses"), rel=1e-3)
        assert ours.pop("miou") == pytest.approx(theirs.pop("miou"), abs=1e-2)
        assert ours == theirs


@pytest.mark.slow
def test_a_training_leaves_its_files_and_nothing_else(trained: Mapping[int, Path]) -> None:
    weights = {f"{name}.safetensors" for name in ("checkpoint", "best", "contrast", "masks")}
    for folder in trained.values():
        assert {file.name for file in folder.iterdir()} == weights | {"metrics.json", "training.png"}
        with Image.open(folder / "training.png") as picture:
            assert picture.width > 1000
    found = [(row["stage"], row["step"], row["miou"] is not None) for row in rows(trained[1])]
    masks = [("masks", step, step > 2) for step in (2, 3, 4)]
    assert found == [("contrast", 2, False), ("contrast", 4, False), *masks]


@pytest.mark.slow
def test_a_killed_training_goes_on_bit_for_bit(
    trained: Mapping[int, Path], data: Path, tmp_path: Path
) -> None:
    """The driver and its Ray of two CPUs die in the second stage, between a state and the next."""
    output = tmp_path / "out"
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments(data, output)],
        cwd=ROOT,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while not (output / "masks.safetensors").exists():
            assert process.poll() is None, "the training ended before it could be killed"
            time.sleep(0.02)
    finally:
        if process.poll() is None:
            kill_tree(process)
    assert read_arrays(output / "masks.safetensors")[1]["step"] < STAGE["steps"]
    assert train.main(arguments(data, output)) == ExitCode.DONE
    assert_same(output, trained[1])


@pytest.mark.slow
def test_an_interrupted_training_ends_at_once_and_leaves_no_process(data: Path, tmp_path: Path) -> None:
    output, endless = tmp_path / "out", STAGE | {"steps": 10**6, "sizes": [2]}
    recipe = RECIPE | {"training": {"seed": 3, "contrast": endless, "masks": endless}}
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    call = [*arguments(data, output), "--recipe", str(tmp_path / "recipe.yaml")]
    process = started_interruptible([sys.executable, "-m", "jobs.model.train", *call], cwd=ROOT)
    try:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith(b"contrast 2/"):
                break
        started = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=90)
        assert process.returncode == ExitCode.INTERRUPTED
        assert said.decode().endswith("mrovseg: interrupted; the same command goes on where it stopped\n")
        _, alive = psutil.wait_procs(started, timeout=20)
        assert not alive
        assert not (output / ".ray").exists()
    finally:
        if process.poll() is None:
            kill_tree(process)


def dying_once(inputs: recipes.Inputs, worker: Worker, say: LogLine, *, folder: Path, mark: Path) -> None:
    """Train, but be killed once, when the fourth step is said and not yet saved."""

    def heard(line: str) -> None:
        say(line)
        if line.startswith("contrast 4/4") and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    recipe = Recipe.from_dict(RECIPE["training"])
    train.work(inputs, worker, heard, recipe=recipe, folder=folder, every=3)


@pytest.mark.slow
def test_a_group_whose_worker_is_killed_starts_again_and_ends_where_it_would_have(
    trained: Mapping[int, Path], data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output, mark = tmp_path / "out", tmp_path / "killed"
    trainer.run(
        functools.partial(dying_once, folder=output, mark=mark),
        functools.partial(recipes.read_inputs, RECIPE, data, source=None),
        group=trainer.Group(workers=2, cpus=1, gpus=0),
        folder=output,
    )
    assert mark.exists()
    said = capsys.readouterr().err
    assert (said.count("contrast 2/4 "), said.count("contrast 4/4 ")) == (1, 2)
    assert_same(output, trained[2])


@pytest.mark.slow
@pytest.mark.usefixtures("ray_cluster")
def test_what_is_wrong_with_the_input_is_told_at_once_and_arrays_are_shared(tmp_path: Path) -> None:
    group = trainer.Group(workers=1, cpus=1, gpus=0)
    with pytest.raises(DataError, match="1 worker, writeable: False"):
        trainer.run(tasks.refusing, lambda: np.zeros(10**6), group=group, folder=tmp_path)


@pytest.mark.slow
@pytest.mark.usefixtures("ray_cluster")
def test_a_group_that_always_fails_is_given_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "count").touch()
    group = trainer.Group(workers=1, cpus=1, gpus=0, attempts=2)
    with pytest.raises(PipelineError, match=r"cannot go on(.|\n)*it fails"):
        trainer.run(tasks.failing, lambda: [tmp_path / "count"], group=group, folder=tmp_path)
    assert (tmp_path / "count").read_text() == "xx"
    assert capsys.readouterr().err == "it begins\n" * 2


@pytest.mark.parametrize(
    ("machines", "group", "room"),
    [
        ([(2, 0)], (2, 1, 0), 2),
        ([(2, 0)], (2, 2, 0), 1),
        ([(3, 0), (3, 0)], (3, 2, 0), 2),
        ([(16, 0)], (1, 1, 1), 0),
        ([(16, 4), (16, 2)], (6, 2, 1), 6),
        ([(4, 4)], (4, 2, 1), 2),
    ],
)
def test_a_group_that_never_fits_is_refused(
    machines: list[tuple[int, int]], group: tuple[int, int, int], room: int
) -> None:
    workers, cpus, gpus = group
    asked = trainer.Group(workers=workers, cpus=cpus, gpus=gpus)
    found = [Node(float(cpus), float(gpus)) for cpus, gpus in machines]
    if workers <= room:
        asked.check_fits(found)
    else:
        with pytest.raises(ResourceError, match=f"room for {room}: change --workers"):
            asked.check_fits(found)


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--workers", "0"], "--workers must be 1 or more, got 0"),
        (["--workers", "3"], "multiple of the workers, got 2 for 3 workers"),
        (["--recipe", "nowhere"], "no recipe 'nowhere'"),
    ],
)
def test_bad_usage_is_named_before_anything_is_started(
    flags: list[str], says: str, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = dict(pairs(arguments(data, tmp_path / "out"))) | dict(pairs(flags))
    assert train.main([text for flag in given.items() for text in flag]) == ExitCode.BAD_USAGE
    assert says in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("part", "value", "says"),
    [
        (
            "sets",
            None,
            "a recipe has the parts sets, training, and may have captions, painted, stem, validation, words",
        ),
        ("speed", {}, "has captions, painted, sets, speed, training"),
        ("validation", {"every": 0, "painted": {}}, "whole number above zero"),
        ("validation", {"painted": {}}, "must say `every`"),
        ("validation", "tile2", "must say `every`"),
        ("validation", {"every": 1}, "`sets` or `painted` or both"),
        ("validation", {"every": 1, "painted": {}, "other": 1}, "`sets` or `painted` or both"),
    ],
)
def test_a_recipe_with_wrong_parts_is_refused(part: str, value: object, says: str, tmp_path: Path) -> None:
    recipe = {key: of for key, of in (RECIPE | {part: value}).items() if of is not None}
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    with pytest.raises(DataError, match=says):
        recipes.read_recipe(str(tmp_path / "recipe.yaml"))


def test_validation_measures_as_evaluate_does(tmp_path: Path) -> None:
    """The mean over the sets; a mosaic's parts joined first, as context has to reach over their edges."""
    path = tmp_path / "random.safetensors"
    checkpoints.save(path, config=SMALL, weights=all_weights(SMALL), known_phrases=None)
    (whole,) = measuring.painted_images([7], size_px=200)
    for i, cols in enumerate((slice(0, 90), slice(90, 200))):
        Image.fromarray(whole.pixels[:, cols]).save(tmp_path / f"image{i}.png")
        Image.fromarray(whole.labels[:, cols]).save(tmp_path / f"mask{i}.png")
    parts = {"definition": "land-cover", "images": ["image*.png"], "masks": ["mask*.png"], "mosaic": "1x2"}
    about = {"every": 1, "sets": [parts], "painted": {"seeds": [7, 8], "side_px": 200}}
    sets = list(recipes.validation_sets(about, tmp_path))
    assert [len(one.scenes) for one in sets] == [1, 2]
    expected = []
    for seeds in ([7], [7, 8]):
        definition = Definition.named("land-cover")
        images = measuring.painted_images(seeds, size_px=200)
        measured, _ = measuring.measure(str(path), images, definition, definition.vocabulary)
        expected.append(measured.confusion.miou)
    assert recipes.mean_iou(path, sets=sets) == np.mean(expected)
    with pytest.raises(ConfigError, match="needs 4 images a scene, got 2"):
        list(recipes.validation_sets({"sets": [parts | {"mosaic": "2x2"}]}, tmp_path))


def test_the_recipe_of_tiny_validates_on_what_it_does_not_train_on(shared_data: Path) -> None:
    plan = recipes.read_recipe("tiny")
    learned = {
        file
        for one in plan["sets"]
        for pattern in (*one["images"], *one["masks"])
        for file in shared_data.glob(pattern)
    }
    (one,) = plan["validation"]["sets"]
    kept = {file for key in ("images", "masks") for pattern in one[key] for file in shared_data.glob(pattern)}
    assert len(kept) == 18
    assert not kept & learned
    Recipe.from_dict(plan["training"])
