"""`mrovseg ablation`: every variant is trained and measured, once."""

import json
from pathlib import Path

import pytest
import yaml

from jobs.model import ablation
from jobs.run.exit_codes import ExitCode
from mrovseg.weights import checkpoint as checkpoints
from tests.mrovseg.networks import SMALL, all_weights

STAGE = {"threads": 1, "slices_a_step": 4, "sizes": [2], "rate": 1e-3, "matrix_rate": 1e-3, "points": 64}
RECIPE = {
    "training": {"seed": 0, "masks": STAGE | {"steps": 9}},
    "sets": [],
    "painted": {"seeds": 1, "side_px": 200, "shares": {"land-cover": 1}},
    "validation": {"every": 9, "painted": {"seeds": [1001], "side_px": 150}},
}


def arguments(folder: Path, output: Path) -> list[str]:
    (folder / "recipe.yaml").write_text(yaml.safe_dump(RECIPE))
    recipe = ["--data", str(folder), "--recipe", str(folder / "recipe.yaml")]
    return [*recipe, "--checkpoint", str(folder / "small.safetensors"), "-o", str(output)]


@pytest.mark.slow
@pytest.mark.usefixtures("ray_cluster")
def test_every_variant_is_trained_on_the_same_encoder_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, output = tmp_path / "small.safetensors", tmp_path / "out"
    checkpoints.save(path, config=SMALL, weights=all_weights(SMALL), known_phrases=None)
    call = [*arguments(tmp_path, output), "--steps", "1", "--seeds", "1"]
    assert ablation.main(call) == ExitCode.DONE
    said = capsys.readouterr().out
    assert all(title in said for title, _, _ in ablation.VARIANTS.values())
    figures = json.loads((output / "ablation.json").read_text())["miou"]
    assert {variant: len(of) for variant, of in figures.items()} == dict.fromkeys(ablation.VARIANTS, 1)
    assert all(0 <= miou <= 1 for of in figures.values() for miou in of)
    before = {file: file.stat().st_mtime_ns for file in output.rglob("masks.safetensors")}
    heads = [checkpoints.load(str(f / "checkpoint.safetensors")).config.head for f in output.glob("*-1")]
    assert len({str(head) for head in heads}) == len(ablation.VARIANTS)
    assert ablation.main(call) == ExitCode.DONE
    assert {file: file.stat().st_mtime_ns for file in output.rglob("masks.safetensors")} == before
    assert capsys.readouterr().out == said


def test_a_seed_is_ended_before_the_next_begins() -> None:
    first, second = list(ablation.runs(1)), list(ablation.runs(2))
    assert first == [(variant, 1) for variant in ablation.VARIANTS]
    assert second == first + [(variant, 2) for variant in ablation.VARIANTS]


def test_the_table_gives_means_spreads_and_what_the_full_network_gains() -> None:
    figures = {variant: [0.30, 0.32] for variant in ablation.VARIANTS} | {ablation.FULL: [0.40, 0.42]}
    lines = ablation.report(figures).splitlines()
    assert lines[1].split() == ["the", "full", "network", "41.0", "1.4", "-"]
    assert lines[2].split() == ["low", "view", "only", "31.0", "1.4", "+10.0"]


@pytest.mark.parametrize("flag", ["--steps", "--seeds"])
def test_nothing_to_do_is_refused(flag: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ablation.main([*arguments(tmp_path, tmp_path / "out"), flag, "0"]) == ExitCode.BAD_USAGE
    assert "1 or more" in capsys.readouterr().err


def test_a_recipe_without_validation_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call = arguments(tmp_path, tmp_path / "out")
    without = {key: of for key, of in RECIPE.items() if key != "validation"}
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(without))
    assert ablation.main(call) == ExitCode.BAD_USAGE
    assert "validation" in capsys.readouterr().err
