"""The flow: the same bytes however it is cut up, and failures that stay where they are."""

import io
import socket
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import rasterio
import ray
from rasterio.warp import transform_bounds

from pipeline import raster, store
from pipeline.audit.verification import Provenance, verify
from pipeline.config import FlowSettings
from pipeline.errors import PipelineError, ResourceError
from pipeline.flow.resources import connecting
from pipeline.flow.resources.session import cluster
from pipeline.flow.resources.sizing import Node, count_workers
from pipeline.geometry.chips import cover
from pipeline.geometry.window import Window
from pipeline.output import Output
from pipeline.segment import label_window, propose_window
from pipeline.sources import SceneList
from pipeline.sources.naming import scene_of
from pipeline.storage import objects
from pipeline.storage.location import Location
from pipeline.testing.brightness import BrightnessSegmenter, make_brightness
from tests.pipeline.flows import (
    CLASSES,
    CONTENTS,
    LAYOUT,
    SEGMENTER,
    SETTINGS,
    digests,
    paint,
    run_flow,
    run_list,
)
from tests.pipeline.outputs import scene_at
from tests.pipeline.rasters import write


def masks_of(output: Path, scene: Path) -> str:
    return str(output / "scenes" / scene_of(str(scene)).scene_id / "masks.zarr")


def table(output: object, name: str) -> list[dict[str, Any]]:
    data = objects.get_bytes(Location(objects.join(str(output), name)))
    rows: list[dict[str, Any]] = pq.read_table(io.BytesIO(data)).to_pylist()
    return rows


class Raising(BrightnessSegmenter):
    """Refuses chips that are nothing but white."""

    def propose(self, chips: np.ndarray, /) -> dict[str, np.ndarray]:
        if (chips == 255).all(axis=(1, 2, 3)).any():
            raise ValueError("this segmenter cannot bear white")
        return super().propose(chips)


def make_raising(weights: Mapping[str, np.ndarray]) -> Raising:
    return Raising(**{name: int(value) for name, value in weights.items()})


def make_checking_read_only(weights: Mapping[str, np.ndarray]) -> BrightnessSegmenter:
    if any(array.flags.writeable for array in weights.values()):
        raise ValueError("the weights are a copy of this actor's own")
    return make_brightness(weights)


def make_none(_: Mapping[str, np.ndarray]) -> BrightnessSegmenter:
    raise ValueError("there is no such network")


def whiten(path: Path, window: Window) -> Path:
    """Rewrite a painted scene with one white rectangle."""
    header = raster.read_header(str(path))
    whole = Window(0, 0, header.height, header.width)
    pixels, _ = raster.read(str(path), whole)
    pixels[window.slices_in(whole)] = 255
    out = path.with_name("white-" + path.name)
    with raster.create(
        str(out),
        height=whole.height,
        width=whole.width,
        bands=3,
        crs="EPSG:32633",
        transform=header.transform,
    ) as file:
        file.write(pixels, whole)
    return out


@pytest.mark.usefixtures("ray_cluster")
def test_masks_and_proposals_depend_neither_on_windows_nor_actors_nor_order(tmp_path: Path) -> None:
    scenes = [paint(tmp_path / "a.tif", height=512, width=450), paint(tmp_path / "b.tif", height=200, seed=8)]
    outputs = {}
    for side, actors, order in ((128, 1, 1), (256, 2, -1), (512, 1, 1)):
        output = tmp_path / f"out-{side}"
        result = run_flow(scenes[::order], output, window_px=side, actors=actors)
        assert result.windows_failed == result.windows_skipped == 0
        assert result.windows_done == sum(1 for _ in (output / "ledger").rglob("[0-9]*.json"))
        outputs[side] = digests(output / "scenes")
    assert outputs[128] == outputs[256] == outputs[512]
    chunks = Counter(
        name.partition("masks.zarr/")[2].partition("/c/")[0] for name in outputs[128] if "/c/" in name
    )
    assert chunks.items() >= {array.path: 16 + 8 for array in CONTENTS.arrays.values()}.items()
    for scene in scenes:
        header = raster.read_header(str(scene))
        whole = Window(0, 0, header.height, header.width)
        read = raster.read(str(scene), cover(whole, LAYOUT, scene_px=whole.shape))
        proposals = propose_window(
            SEGMENTER, *read, window=whole, scene_px=whole.shape, chunk_px=SETTINGS["chunk_px"]
        )
        inside = read[1][whole.slices_in(cover(whole, LAYOUT, scene_px=whole.shape))]
        labels = label_window(SEGMENTER, proposals, inside, window=whole, classes=len(CLASSES))
        for name, expected in (("class", labels.mask), ("score", labels.score), ("margin", labels.margin)):
            found = store.read(scene_at(masks_of(tmp_path / "out-256", scene)), name, whole)
            np.testing.assert_array_equal(found, expected)
        kept = store.read_proposals(scene_at(masks_of(tmp_path / "out-256", scene)), whole)
        assert kept.keys() == {*CONTENTS.maps, "queries", "places", "cells"}
        for name, found in kept.items():
            np.testing.assert_array_equal(found, getattr(proposals, name), err_msg=name)


@pytest.mark.slow
@pytest.mark.usefixtures("ray_cluster")
def test_masks_of_16_bits_do_not_depend_on_windows(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(100, 4000, (3, 50, 50)).astype(np.uint16)
    scene = write(tmp_path / "a.tif", values.repeat(10, 1).repeat(10, 2))
    found = []
    for side in (128, 512):
        assert not run_flow([scene], tmp_path / f"{side}", window_px=side).failures
        found.append(digests(tmp_path / f"{side}" / "scenes"))
    assert found[0] == found[1]
    assert any("class/c/" in name for name in found[0])


@pytest.mark.usefixtures("ray_cluster")
def test_broken_scenes_fail_once_each_and_the_good_one_is_complete(tmp_path: Path) -> None:
    good = paint(tmp_path / "good.tif", height=256)
    broken = [tmp_path / name for name in ("truncated.tif", "text.tif", "empty.tif")]
    data = paint(tmp_path / "whole.tif", height=200, width=200).read_bytes()
    broken[0].write_bytes(data[: len(data) // 2])
    broken[1].write_text("this is no picture")
    broken[2].touch()
    output = tmp_path / "out"
    result = run_flow([*broken, good], output)
    failures = {row["uri"]: row for row in table(output, "failures.parquet")}
    assert len(result.failures) == 3
    assert len(table(output, "failures.parquet")) == 3
    assert set(failures) == {str(path) for path in broken}
    assert "empty" in failures[str(broken[2])]["message"]
    assert "text file" in failures[str(broken[1])]["message"]
    assert "truncated" in failures[str(broken[0])]["message"]
    assert {row["error"] for row in failures.values()} == {"RasterError"}
    assert result.windows_done == 2
    ids = {scene_of(str(good)).scene_id}
    assert {path.parent.name for path in (output / "ledger").rglob("[0-9]*.json")} == ids
    _check_summary(output, good, broken)
    assert {*pq.read_table(output / "statistics")["scene_id"].to_pylist()} == ids
    assert not list((output / "scenes").glob("truncated-*/masks.zarr/0/class/c/**/[0-9]*"))


def _check_summary(output: Path, good: Path, broken: list[Path]) -> None:
    """Of every scene, of those that failed as well, what it is and how much of it is done."""
    rows = table(output, "summary.parquet")
    by_scene = {row["uri"]: row for row in rows}
    assert sorted(by_scene) == sorted(map(str, [good, *broken]))
    assert [(row["scene_id"], row["class_id"]) for row in rows] == [
        (scene_id, class_id)
        for scene_id in sorted({row["scene_id"] for row in rows})
        for class_id in range(1 + len(CLASSES))
    ]
    windows = {uri: (row["windows_done"], row["windows_failed"]) for uri, row in by_scene.items()}
    counts = zip((good, *broken), ((2, 0), (0, 1), (0, None), (0, None)), strict=True)
    assert windows == {str(path): count for path, count in counts}
    whole, torn, *unopened = (by_scene[str(path)] for path in (good, *broken))
    assert (
        whole["valid_pixels"]
        == (store.read(scene_at(masks_of(output, good)), "class", Window(0, 0, 256, 512)) < 255).sum()
    )
    with rasterio.open(good) as source:
        bounds = transform_bounds(source.crs, "EPSG:4326", *source.bounds)
    assert list(whole["bbox"].values()) == pytest.approx(bounds, abs=1e-6)
    assert torn["bbox"] is not None
    assert all((row["bbox"], row["valid_pixels"], row["area_m2"]) == (None, 0, None) for row in unopened)
    made = Provenance(
        classes=CLASSES,
        window_px=SETTINGS["window_px"],
        chunk_px=SETTINGS["chunk_px"],
        contents=CONTENTS,
    )
    assert verify(Output(str(output)), made=made, finished=True).findings == []


@pytest.mark.usefixtures("ray_cluster")
def test_a_scene_that_cannot_be_opened_fails_once_though_several_tasks_share_it(tmp_path: Path) -> None:
    (tmp_path / "empty.tif").touch()
    result = run_flow([tmp_path / "empty.tif"], tmp_path / "out", actors=2)
    assert [failure.row_off for failure in result.failures] == [None]
    assert result.windows_failed == 0


@pytest.mark.slow
@pytest.mark.usefixtures("ray_cluster")
def test_a_window_that_raises_leaves_a_hole_and_a_good_run_fills_it(tmp_path: Path) -> None:
    # From column 260 on: the chip at 256, by which the window beside is blended as well, is not all white.
    scene = whiten(paint(tmp_path / "a.tif"), Window(0, 260, 256, 252))
    run_flow([scene], tmp_path / "undisturbed")
    output = tmp_path / "out"
    result = run_flow([scene], output, make_segmenter=make_raising)
    assert (result.windows_done, result.windows_failed) == (3, 1)
    (failure,) = table(output, "failures.parquet")
    assert "cannot bear white" in failure["message"]
    assert (failure["row_off"], failure["col_off"], failure["height"]) == (0, 256, 256)
    assert (store.read(scene_at(masks_of(output, scene)), "class", Window(0, 256, 256, 256)) == 255).all()
    chunks = {
        path.parent.name + "/" + path.name for path in Path(masks_of(output, scene)).glob("0/class/c/*/*")
    }
    assert {f"{row}/{col}" for row in range(4) for col in range(4)} - chunks == {"0/2", "0/3", "1/2", "1/3"}
    result = run_flow([scene], output)
    assert (result.windows_done, result.windows_skipped, result.failures) == (1, 3, ())
    assert digests(output) == digests(tmp_path / "undisturbed")


@pytest.mark.usefixtures("ray_cluster")
def test_actors_share_read_only_weights(tmp_path: Path) -> None:
    scene = paint(tmp_path / "a.tif", height=128, width=256)
    result = run_flow([scene], tmp_path / "out", make_segmenter=make_checking_read_only, actors=2)
    assert (result.windows_done, result.failures) == (1, ())


@pytest.mark.usefixtures("ray_cluster")
def test_equal_claims_do_not_move_reading_into_the_actors(tmp_path: Path) -> None:
    scene = paint(tmp_path / "a.tif", height=128, width=128)
    assert run_flow([scene], tmp_path / "out", actor_cpus=0.5, task_cpus=0.5).windows_done == 1


@pytest.mark.usefixtures("ray_cluster")
def test_a_segmenter_that_cannot_be_made_ends_the_run_with_its_reason(tmp_path: Path) -> None:
    scene = paint(tmp_path / "a.tif", height=128, width=128)
    with pytest.raises(PipelineError, match="no such network"):
        run_flow([scene], tmp_path / "out", make_segmenter=make_none)
    assert not list((tmp_path / "out" / "ledger").rglob("[0-9]*.json"))


@pytest.mark.usefixtures("ray_cluster")
def test_more_actors_than_fit_are_refused_before_anything_starts(tmp_path: Path) -> None:
    scene = paint(tmp_path / "a.tif", height=128, width=128)
    with pytest.raises(ResourceError, match=r"40 actors .* 4 CPUs .* at most 4 actors"):
        run_flow([scene], tmp_path / "out", actors=40, actor_cpus=0.9)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("cpus", "claims", "actors"),
    [
        ([1.0], {}, 1),
        ([2.0], {}, 2),
        ([2.0], {"actor_cpus": 1}, 1),  # two would leave nothing for the reading
        ([4.0], {"actor_cpus": 0.25}, 4),
        ([0.5, 4.0], {}, 4),
        ([8.0], {"actor_cpus": 4, "task_cpus": 1}, 1),
    ],
)
def test_as_many_actors_as_leave_room_for_a_task(
    cpus: list[float], claims: dict[str, Any], actors: int
) -> None:
    assert count_workers([Node(each, 0) for each in cpus], FlowSettings(**claims)).actors == actors


def test_with_gpus_an_actor_for_each() -> None:
    settings = FlowSettings(actor_gpus=0.5, actor_cpus=1)
    assert count_workers([Node(8, 2), Node(8, 0)], settings).actors == 2
    with pytest.raises(ResourceError, match="0 GPUs"):
        count_workers([Node(8, 0)], settings)


def test_a_cluster_that_cannot_be_joined_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
    monkeypatch.setenv("RAY_ADDRESS", address)
    monkeypatch.setattr(connecting, "_ANSWER_S", 1.0)
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    with (
        pytest.raises(PipelineError, match=f"cannot join .*RAY_ADDRESS={address}.* unset RAY_ADDRESS"),
        cluster(),
    ):
        pytest.fail("it was joined")


@pytest.mark.slow
@pytest.mark.usefixtures("ray_cluster")
def test_a_list_is_read_by_a_task_and_what_it_cannot_give_is_a_failure(tmp_path: Path) -> None:
    scenes = [paint(tmp_path / f"{number}.tif", height=128, width=128) for number in range(40)]
    lines = [path.name for path in scenes] + ["none.tif", "this is no uri", scenes[0].name]
    (tmp_path / "list.txt").write_text("\n".join(lines))
    result = run_list(SceneList((f"{tmp_path}/list.txt", f"{tmp_path}/nowhere/")), tmp_path / "out")
    assert (result.windows_done, result.failures_in_all) == (40, 3)
    failures = table(tmp_path / "out", "failures.parquet")
    assert sorted(row["error"] for row in failures) == ["RasterError", "Refusal", "Refusal"]
    reasons = " ".join(row["message"] for row in failures)
    assert all(part in reasons for part in ("none.tif does not exist", "this is no uri", "nowhere"))
    windows_done = {
        row["scene_id"]: row["windows_done"] for row in table(tmp_path / "out", "summary.parquet")
    }
    assert sorted(windows_done.values()) == [0] * 3 + [1] * 40


@pytest.mark.usefixtures("ray_cluster")
def test_no_scene_at_all_gives_empty_tables(tmp_path: Path) -> None:
    assert run_flow([], tmp_path / "out").windows_done == 0
    assert table(tmp_path / "out", "summary.parquet") == table(tmp_path / "out", "failures.parquet") == []


@pytest.mark.usefixtures("ray_cluster")
def test_a_changed_scene_fails_alone_and_its_masks_stay(tmp_path: Path) -> None:
    changed, other = (paint(tmp_path / name, height=128, width=128) for name in ("a.tif", "b.tif"))
    output = tmp_path / "out"
    run_flow([changed], output)
    before = digests(output / "scenes")
    paint(changed, height=128, width=128, seed=9)
    result = run_flow([changed, other], output)
    (failure,) = result.failures
    assert (failure.error, result.windows_done) == ("ResumeError", 1)
    assert "before it changed" in failure.message
    assert before.items() <= digests(output / "scenes").items()


@pytest.mark.slow
@pytest.mark.usefixtures("ray_cluster")
def test_the_summary_is_of_all_scenes_of_the_output_in_whatever_order_they_came(tmp_path: Path) -> None:
    first, second = (paint(tmp_path / name, height=128, width=128) for name in ("a.tif", "b.tif"))
    run_flow([first], tmp_path / "apart")
    run_flow([second], tmp_path / "apart")
    run_flow([second, first], tmp_path / "together")
    assert digests(tmp_path / "apart") == digests(tmp_path / "together")


@pytest.mark.slow
@pytest.mark.usefixtures("ray_cluster")
def test_of_many_failures_the_first_are_shown_and_all_are_in_the_table(tmp_path: Path) -> None:
    result = run_flow([tmp_path / f"{number}.tif" for number in range(150)], tmp_path / "out")
    assert (len(result.failures), result.failures_in_all) == (100, 150)
    assert len({row["uri"] for row in table(tmp_path / "out", "failures.parquet")}) == 150
