"""An output and its scenes know every path, and name none that a run would not write."""

import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import output
from pipeline.errors import ConfigError, PipelineError
from pipeline.output import (
    Output,
    Plan,
    SceneOutput,
    entry_name,
    is_made,
    is_note,
    offsets_of,
    part_of,
    plan_note_name,
    plan_of,
    refusal_note_name,
)
from pipeline.output.names import FILES, FOLDERS
from pipeline.sources.naming import scene_of
from pipeline.storage import objects
from pipeline.storage.access import Storage
from pipeline.storage.location import Location

STORAGE = Storage(endpoint="https://host:9000", anonymous=True)
NUMBERS = st.integers(0, 10**12)
ROOTS = st.sampled_from(["out", "/data/out", "/data/out/", "s3://bucket/out", "gs://bucket", "az://c/a/b/"])


def places(scene: SceneOutput, row_off: int, col_off: int, plan: Plan) -> list[Location]:
    """Return the places of all objects that are of one scene."""
    return [
        scene.entry(row_off, col_off),
        scene.plan(plan),
        scene.failure_note(entry_name(row_off, col_off)),
        scene.failure_note(plan_note_name(0)),
        scene.failure_note(plan_note_name(row_off)),
        scene.failure_note(refusal_note_name(f"line {col_off}")),
        scene.inputs,
        scene.overviews,
        scene.statistics,
        scene.masks.join("zarr.json"),
        scene.masks.join("0", "class", "c", "0", "1"),
    ]


@given(ROOTS, NUMBERS, NUMBERS, st.binary(min_size=16, max_size=16))
def test_every_path_is_below_its_output_in_its_storage_and_one_that_a_run_makes(
    root: str, row_off: int, col_off: int, digest: bytes
) -> None:
    out = Output(root, STORAGE)
    scene = out.scene(scene_of("s3://bucket/a.tif").scene_id)
    of_scene = places(scene, row_off, col_off, Plan(row_off, digest.hex()))
    for location in (*of_scene, out.scenes_group):
        path = out.path_of(location)
        assert is_made(path)
        assert out.at(path) == location
        assert location.uri == objects.join(root, path)
        assert location.storage == STORAGE
    assert [is_made(out.path_of(location), scene.scene_id) for location in of_scene] == [True] * len(of_scene)
    others = {out.path_of(location) for location in of_scene if is_made(out.path_of(location), "another")}
    assert others == {out.path_of(scene.statistics)}  # where another's rows may be too
    files = (out.run, out.lease, out.summary, out.items, out.failures)
    assert {out.path_of(each) for each in files} == set(FILES)
    folders = (out.ledger, out.failure_notes, out.statistics, out.overviews, out.inputs, out.scenes)
    assert {*map(out.path_of, folders)} == {*FOLDERS}


@given(NUMBERS, NUMBERS, st.binary(min_size=16, max_size=16))
def test_names_in_a_ledger_say_what_they_were_made_of(row_off: int, col_off: int, digest: bytes) -> None:
    assert offsets_of(entry_name(row_off, col_off)) == (row_off, col_off)
    plan = Plan(row_off, digest.hex())
    assert plan_of(plan.name) == plan
    assert offsets_of(plan.name) is None
    assert plan_of(entry_name(row_off, col_off)) is None


@given(NUMBERS, st.text())
def test_names_of_failures_say_what_they_were_made_of(number: int, reason: str) -> None:
    of_window, of_part, of_list = entry_name(number, 0), plan_note_name(number), refusal_note_name(reason)
    assert [part_of(name) for name in (of_window, of_part, of_list)] == [None, number, None]
    assert all(map(is_note, (of_window, of_part, of_list)))
    assert not any(map(is_note, (f"{of_part}.json", f"scene-0{number}.json", Plan(number, "0" * 32).name)))


def test_an_output_is_opened_by_its_uri_and_read_by_its_own_words(tmp_path: Path) -> None:
    made = Output(str(tmp_path / "out 1"))
    objects.put_bytes(made.scene("a").statistics, b"x")
    opened = output.open((tmp_path / "out 1").as_uri())
    assert opened == made
    assert objects.get_bytes(opened.scene("a").statistics) == b"x"
    assert [path.read_bytes() for path in (tmp_path / "out 1/statistics").iterdir()] == [b"x"]
    assert str(output.open("s3://bucket/out", storage=STORAGE)) == "s3://bucket/out"
    assert output.open("s3://bucket/out", storage=STORAGE).run == Location(
        "s3://bucket/out/run.json", STORAGE
    )


def test_it_travels_between_processes() -> None:
    scene = Output("s3://bucket/out", STORAGE).scene("a")
    assert pickle.loads(pickle.dumps(scene)) == scene  # noqa: S301 - made here


def test_what_is_no_output_is_refused_at_birth() -> None:
    with pytest.raises(ConfigError, match="empty"):
        Output("")
    for make in (Output, output.open):
        with pytest.raises(PipelineError, match="ftp://host/out cannot be reached"):
            make("ftp://host/out")
    for scene_id in ("", "a/b"):
        with pytest.raises(ValueError, match="folder's name"):
            Output("out").scene(scene_id)
