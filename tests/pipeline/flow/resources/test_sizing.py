"""What fits on a cluster: one GPU an actor where there are any, and no window that nobody could hold."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.config import FlowSettings
from pipeline.errors import ConfigError, ResourceError
from pipeline.flow.resources.sizing import Node, WorkerCounts, count_workers, window_bytes
from pipeline.geometry.chips import ChipLayout, cover
from pipeline.geometry.window import Window
from pipeline.segment import label_window, propose_window
from pipeline.testing.brightness import BrightnessSegmenter
from tests.pipeline.flows import CONTENTS, LAYOUT, SEGMENTER, paint

ROOT = Path(__file__).resolve().parents[4]
GB = 10**9
PROGRAM = """
import functools, pathlib, sys, ray
from tests.pipeline.flows import run_flow
from tests.pipeline.flow.resources.test_sizing import make_telling
scene, folder = sys.argv[1:]
ray.init(num_cpus=2, num_gpus=2, include_dashboard=False, object_store_memory=256 * 1024 * 1024)
for name, actors, gpus in (("one", 1, 0), ("two", 2, 0), ("none", None, 0), ("auto", None, None)):
    pathlib.Path(folder, name).mkdir()
    make = functools.partial(make_telling, folder=f"{folder}/{name}")
    settings = {"actors": actors, "actor_cpus": 0.9, "actor_gpus": gpus}
    result = run_flow([scene], f"{folder}/out-{name}", make_segmenter=make, **settings)
    print("done", name, result.windows_done)
"""


def make_telling(weights: Mapping[str, np.ndarray], *, folder: str) -> BrightnessSegmenter:
    """Make a segmenter, and leave a file of what its process sees of GPUs."""
    seen = os.environ.get("CUDA_VISIBLE_DEVICES", "all")
    (Path(folder) / str(os.getpid())).write_text(seen)
    return BrightnessSegmenter(**{name: int(value) for name, value in weights.items()})


@pytest.mark.parametrize(
    ("machines", "asked", "found"),
    [
        ([Node(8, 2)], {}, WorkerCounts(2, 2, 1)),
        ([Node(8, 2), Node(16, 0)], {}, WorkerCounts(2, 2, 1)),  # CPUs beside GPUs read and write
        ([Node(8, 2)], {"actor_gpus": 0}, WorkerCounts(8, 8, 0)),
        ([Node(8, 2)], {"actor_gpus": 2}, WorkerCounts(1, 1, 2)),
        ([Node(8, 0)], {}, WorkerCounts(8, 8, 0)),
        ([Node(0, 0), Node(4, 1), Node(4, 1)], {}, WorkerCounts(2, 2, 1)),  # a head that only drives
        ([Node(0.5, 1), Node(4, 0)], {}, WorkerCounts(4, 4, 0)),  # a GPU that no actor has the CPU for
    ],
)
def test_an_actor_has_one_gpu_where_there_are_any(
    machines: list[Node], asked: dict[str, int], found: WorkerCounts
) -> None:
    assert count_workers(machines, FlowSettings(actor_gpus=asked.get("actor_gpus"))) == found


def test_more_actors_than_gpus_are_refused_with_the_way_out() -> None:
    with pytest.raises(ResourceError, match=r"3 actors .* 1 GPUs .* at most 2 actors, for --gpus none"):
        count_workers([Node(8, 2)], FlowSettings(actors=3))


@pytest.mark.parametrize("gpus", [-1, 1.5, float("nan"), True])
def test_a_number_of_gpus_that_cannot_be_is_refused_by_name(gpus: float) -> None:
    with pytest.raises(ConfigError, match="gpus"):
        FlowSettings(actor_gpus=gpus)


def test_a_window_that_no_machine_can_hold_is_refused_by_its_size() -> None:
    layout, settings = ChipLayout(side_px=576, step_px=288, stride_px=4), FlowSettings(window_px=102400)
    taken = window_bytes(settings, layout, CONTENTS)
    assert taken >= 102400 * 102400 * 4  # red, green, blue and where there are data
    machine = Node(2, 0, memory_bytes=16 * GB, store_bytes=8 * GB)
    with pytest.raises(ResourceError, match=r"102400 px .* 16\.00 GB and 8\.00 GB .*--window-px"):
        count_workers([machine], settings, window_bytes=taken)
    usual = window_bytes(FlowSettings(), layout, CONTENTS)
    assert count_workers([machine], FlowSettings(), window_bytes=usual).actors == 2


def test_a_window_is_sized_by_what_it_carries_from_step_to_step() -> None:
    settings, scene_px = FlowSettings(window_px=1024, chunk_px=128), (4096, 4096)
    window = Window(1024, 1024, 1024, 1024)
    read = cover(window, LAYOUT, scene_px=scene_px)
    pixels, valid = np.zeros((*read.shape, 3), np.uint8), np.ones(read.shape, np.bool_)
    pixels[:] = np.arange(read.width)[:, None] % 256
    proposals = propose_window(SEGMENTER, pixels, valid, window=window, scene_px=scene_px, chunk_px=128)
    labels = label_window(
        SEGMENTER, proposals, valid[window.slices_in(read)], window=window, classes=3, every_pixel=True
    )
    maps = [getattr(proposals, name) for name in ("embeddings", "index", "weight", "features")]
    segmented = sum(array.nbytes for array in (labels.mask, labels.score, labels.margin, *maps))
    assert segmented <= window_bytes(settings, LAYOUT, CONTENTS)
    alone = window_bytes(settings, LAYOUT, replace(CONTENTS, proposals=None))
    assert pixels.nbytes + valid.nbytes <= alone < window_bytes(settings, LAYOUT, CONTENTS)


@pytest.mark.parametrize(
    ("memory", "store", "fits"),
    [(6, 2, True), (4, 2, False), (6, 1.2, False), (float("inf"), float("inf"), True)],
)
def test_memory_and_object_store_must_each_have_room(memory: float, store: float, *, fits: bool) -> None:
    machines = [
        Node(4, 0, memory * GB, store * GB),
        Node(0, 0, 100 * GB, 100 * GB),
    ]  # the head holds no actor
    sizes = {"window_bytes": GB, "weights_bytes": GB // 2}
    if fits:
        assert count_workers(machines, FlowSettings(), **sizes).actors == 4
    else:
        with pytest.raises(ResourceError, match="window"):
            count_workers(machines, FlowSettings(), **sizes)


@pytest.fixture(scope="module")
def small_cluster(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, list[str]]]:
    """Run on a Ray of two CPUs and two GPUs; of each run the windows done, and what its actors saw of GPUs."""
    folder = tmp_path_factory.mktemp("small_cluster")
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "0,1"}  # what a machine with two GPUs may say itself
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, paint(folder / "a.tif"), folder],
        cwd=ROOT,
        env=environment,
        check=True,
        timeout=300,
        stdout=subprocess.PIPE,
        text=True,
    )
    told = [line.split() for line in done.stdout.splitlines() if line.startswith("done ")]
    return {
        name: (int(windows), sorted(path.read_text() for path in (folder / name).iterdir()))
        for _, name, windows in told
    }


@pytest.mark.slow
def test_two_cpus_are_enough_for_one_actor_for_two_and_for_as_many_as_fit(
    small_cluster: dict[str, tuple[int, list[str]]],
) -> None:
    found = {name: (windows, len(seen)) for name, (windows, seen) in small_cluster.items()}
    assert found == {"one": (4, 1), "two": (4, 2), "none": (4, 2), "auto": (4, 2)}


@pytest.mark.slow
def test_actors_see_the_gpus_they_claim_and_no_other(
    small_cluster: dict[str, tuple[int, list[str]]],
) -> None:
    assert [small_cluster[name][1] for name in ("auto", "none")] == [["0", "1"], ["", ""]]
