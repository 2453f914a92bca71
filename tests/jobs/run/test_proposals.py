"""How chips overlap, and what that makes of a store, is decided and refused before anything starts."""

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs import segment
from jobs.run.exit_codes import ExitCode
from jobs.run.proposals import chip_layout, proposals_layout
from mrovseg.network.config import TINY, ModelConfig
from mrovseg.weights import checkpoint as checkpoints
from pipeline.errors import ConfigError
from tests.jobs.conftest import PaintScene


def of_slices(slices: int, *, side_px: int = 144, patch_px: int = 16) -> ModelConfig:
    vision = {**TINY.clip["vision_cfg"], "image_size": side_px, "patch_size": patch_px}
    return dataclasses.replace(TINY, clip={**TINY.clip, "vision_cfg": vision}, slices=slices)


@pytest.mark.parametrize(
    ("slices", "side_px", "step_px"),
    [(4, 144, 432), (8, 144, 864), (6, 224, 896), (2, 336, 336), (3, 144, 288), (5, 224, 672), (1, 224, 168)],
)
def test_chips_overlap_by_a_quarter_of_their_slices_where_nobody_says(
    slices: int, side_px: int, step_px: int
) -> None:
    layout = chip_layout(of_slices(slices, side_px=side_px))
    assert (layout.side_px, layout.step_px) == (slices * side_px, step_px)


@given(
    slices=st.integers(1, 8), patches=st.integers(1, 24), patch_px=st.sampled_from([8, 14, 16, 20, 28, 32])
)
def test_every_network_has_a_default_of_whole_places(slices: int, patches: int, patch_px: int) -> None:
    config = of_slices(4 * slices, side_px=patches * patch_px, patch_px=patch_px)
    layout = chip_layout(config)
    overlap_px = layout.side_px - layout.step_px
    assert overlap_px <= config.chip_px // 4 < overlap_px + layout.stride_px
    assert chip_layout(config, overlap_px=overlap_px) == layout


@given(overlap_px=st.integers(-600, 1200))
def test_an_overlap_is_a_multiple_of_the_stride_and_leaves_a_step(overlap_px: int) -> None:
    if overlap_px % 4 == 0 and 0 <= overlap_px < 576:
        assert chip_layout(TINY, overlap_px=overlap_px).step_px == 576 - overlap_px
        return
    with pytest.raises(
        ConfigError, match=rf"multiple of 4, .* less than 576, .* got {overlap_px}: try"
    ) as raised:
        chip_layout(TINY, overlap_px=overlap_px)
    tried = int(str(raised.value).rpartition(" ")[2])
    if overlap_px >= 0:
        assert chip_layout(TINY, overlap_px=tried).step_px == 576 - tried


@pytest.mark.parametrize(("overlap_px", "most"), [(288, 36 * 48), (0, 9 * 48), (432, 144 * 48)])
def test_a_chunk_has_room_for_the_queries_of_all_chips_that_cover_it(overlap_px: int, most: int) -> None:
    tiny = checkpoints.load("tiny")
    found = proposals_layout(tiny, chip_layout(TINY, overlap_px=overlap_px), chunk_px=1024)
    assert (found.most_queries, found.chip_px, found.step_px) == (most, 576, 576 - overlap_px)


def test_more_queries_than_an_index_tells_apart_are_refused() -> None:
    tiny = checkpoints.load("tiny")
    with pytest.raises(
        ConfigError, match=r"overlap by 540 px .*more than 65536: give a smaller overlap_px or"
    ):
        proposals_layout(tiny, chip_layout(TINY, overlap_px=540), chunk_px=1024)


@pytest.mark.parametrize(
    ("overlap_px", "said"), [("30", "overlap_px must be a multiple of 4"), ("-4", "at least zero, got -4")]
)
def test_a_run_is_refused_before_anything_starts(
    paint_scene: PaintScene, tmp_path: Path, capsys: pytest.CaptureFixture[str], overlap_px: str, said: str
) -> None:
    scene = paint_scene("a.tif", height=64, width=64)
    arguments = [str(scene), "--classes", "road", "-o", str(tmp_path / "out"), f"--overlap-px={overlap_px}"]
    assert segment.main(arguments) == ExitCode.BAD_USAGE
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
