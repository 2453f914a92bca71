from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline import export, store
from pipeline.errors import ConfigError, StoreError
from pipeline.export import Exported, ExportScene, NotExported, Selection, staged
from pipeline.geometry.window import Window
from pipeline.output import Output
from pipeline.output.palette import class_colors
from pipeline.storage import objects
from pipeline.storage.location import Location
from pipeline.store.overviews.halving import halved_values
from tests.pipeline.made_outputs import header_of, make_scene, output_at

NAMES = ("water", "road")
SELECTION = Selection(window_px=64)


@dataclass(frozen=True)
class Raw:
    """Class ids as they are in memory."""

    suffix: str = "raw"
    format: str = "raw"

    def files(self, scene: ExportScene) -> tuple[str, ...]:
        return (f"{scene.scene_id}.{self.suffix}",)

    def export(self, scene: ExportScene, folder: Location) -> Mapping[str, Any]:
        (name,) = self.files(scene)
        with staged(folder.join(name)) as path:
            path.write_bytes(b"".join(scene.read_classes(window).tobytes() for window in scene.windows()))
        return {"pixels": scene.header.height * scene.header.width}

    def finish(self, exported: Sequence[Exported], folder: Location) -> tuple[str, ...]:
        text = "\n".join(each.scene_id for each in exported)
        objects.put_bytes(folder.join("all.txt"), text.encode())
        return ("all.txt",)


def _ids(seed: int = 0, *, height: int = 70, width: int = 90) -> np.ndarray:
    return np.random.default_rng(seed).choice(np.array([0, 1, 2, 255], np.uint8), (height, width))


def _export(
    output: Output, folder: Path, exporter: Raw | None = None, selection: Selection = SELECTION
) -> Exported | NotExported:
    return export.export_scene(
        "a", output=output, selection=selection, exporter=exporter or Raw(), folder=Location(str(folder))
    )


def test_pixels_of_windows_that_are_not_committed_are_no_data(tmp_path: Path) -> None:
    output = output_at(tmp_path / "out")
    ids = _ids()
    make_scene(output.scene("a"), ids, names=NAMES, done={(0, 0), (64, 64)})

    scene = export.open_scene(output.scene("a"), SELECTION)

    expected = np.full_like(ids, 255)
    expected[:64, :64], expected[64:, 64:] = ids[:64, :64], ids[64:, 64:]
    for window in (Window(0, 0, 70, 90), Window(10, 60, 58, 20)):
        np.testing.assert_array_equal(
            scene.read_classes(window), expected[window.slices_in(Window(0, 0, 70, 90))]
        )
    scores = scene.read_scores(Window(0, 0, 70, 90))
    np.testing.assert_array_equal(scores == 255, expected == 255)
    assert (len(scene.done), scene.windows_missing) == (2, 2)
    assert scene.colors == class_colors(NAMES)
    assert [*scene.windows()] == [
        Window(0, 0, 64, 64),
        Window(0, 64, 64, 26),
        Window(64, 0, 6, 64),
        Window(64, 64, 6, 26),
    ]


def test_classes_that_are_not_chosen_are_other(tmp_path: Path) -> None:
    output = output_at(tmp_path / "out")
    ids = _ids()
    make_scene(output.scene("a"), ids, names=NAMES)

    scene = export.open_scene(output.scene("a"), Selection(window_px=64, classes=("road",)))

    assert scene.chosen == (2,)
    np.testing.assert_array_equal(scene.read_classes(Window(0, 0, 70, 90)), np.where(ids == 1, 0, ids))
    with pytest.raises(ConfigError, match="no class 'rail': choose of other, water, road"):
        export.open_scene(output.scene("a"), Selection(window_px=64, classes=("rail",))).chosen  # noqa: B018


def test_what_is_made_of_the_same_state_is_not_made_again(tmp_path: Path) -> None:
    output, folder = output_at(tmp_path / "out"), tmp_path / "exported"
    make_scene(output.scene("a"), _ids(), names=NAMES, done={(0, 0)})
    first = _export(output, folder)
    assert isinstance(first, Exported)
    assert (first.windows_done, first.windows_missing, first.facts) == (1, 3, {"pixels": 6300})
    made = folder / "a.raw"
    before = made.stat().st_mtime_ns

    assert _export(output, folder) == first
    assert made.stat().st_mtime_ns == before

    make_scene(output.scene("a"), _ids(), names=NAMES)  # the rest is done meanwhile
    second = _export(output, folder)
    assert isinstance(second, Exported)
    assert (second.windows_missing, second.source != first.source) == (0, True)
    assert made.read_bytes() != b""
    whole = made.read_bytes()

    made.write_bytes(b"cut short")
    assert _export(output, folder) == second
    assert made.read_bytes() == whole

    other = _export(output, folder, selection=Selection(window_px=64, classes=("water",)))
    assert isinstance(other, Exported)
    assert made.read_bytes() != whole


def test_a_scene_without_a_store_costs_the_others_nothing(tmp_path: Path) -> None:
    output = output_at(tmp_path / "out")

    found = _export(output, tmp_path / "exported")

    assert isinstance(found, NotExported)
    assert "holds no array 0/class" in found.reason


def test_a_folder_holds_the_exports_of_one_output(tmp_path: Path) -> None:
    output, folder = output_at(tmp_path / "out"), tmp_path / "exported"
    export.begin(Location(str(folder)), output)
    half_written = folder / "records" / "cog" / f".a.json.{'0' * 32}"
    half_written.parent.mkdir()
    half_written.touch()
    export.begin(Location(str(folder)), output)
    assert not half_written.exists()

    with pytest.raises(ConfigError, match=r"holds exports of .*out, not of .*another"):
        export.begin(Location(str(folder)), output_at(tmp_path / "another"))
    with pytest.raises(ConfigError, match="is inside of"):
        export.begin(Location(str(tmp_path / "out" / "cogs")), output)
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work")
    with pytest.raises(ConfigError, match=r"holds thesis.txt, which no export made"):
        export.begin(Location(str(mine)), output)


def test_a_staged_file_appears_whole_with_what_is_written_beside_it(tmp_path: Path) -> None:
    target = tmp_path / "made" / "a.tif"
    (tmp_path / "made" / ".a.tif.partial").mkdir(parents=True)
    (tmp_path / "made" / ".a.tif.partial" / "left.by.a.killed.writer").touch()

    with staged(Location(str(target))) as path:
        path.write_bytes(b"pixels")
        Path(f"{path}.aux.xml").write_bytes(b"names")
        assert not target.exists()
    assert sorted(each.name for each in target.parent.iterdir()) == ["a.tif", "a.tif.aux.xml"]

    with pytest.raises(FileNotFoundError), staged(Location(str(target))) as path:
        path.write_bytes((tmp_path / "missing").read_bytes())
    assert target.read_bytes() == b"pixels"
    assert sorted(each.name for each in target.parent.iterdir()) == ["a.tif", "a.tif.aux.xml"]


@pytest.mark.parametrize("stride_px", [1, 4])
def test_a_coarser_level_is_the_stores_own(tmp_path: Path, stride_px: int) -> None:
    output, whole = output_at(tmp_path / "out"), _ids(height=700, width=900)
    contents = store.Contents(score_stride_px=stride_px)
    layout = store.StoreLayout(
        header=header_of(whole),
        name="a",
        classes=NAMES,
        chunk_px=256,
        contents=contents,
        origin={"uri": "scene.tif", "datetime": None},
        made_by={"run": "a" * 64},
    )
    selection = Selection(window_px=256, level=1)
    scene = output.scene("a")
    make_scene(scene, whole, names=NAMES, window_px=256, chunk_px=256, done={(0, 0)}, contents=contents)
    with pytest.raises(
        StoreError, match=r"has levels 0 to 0, not 1: make its overviews by `mrovseg overviews"
    ):
        export.open_scene(scene, selection)

    store.write_overviews(scene, layout, window_px=256)
    found = export.open_scene(scene, selection)
    ids = found.read_classes(Window(0, 0, 350, 450))
    scores = found.read_scores(Window(0, 0, 350, 450))

    assert (found.header.height, found.header.width, found.header.transform[0]) == (350, 450, 20.0)
    np.testing.assert_array_equal(ids, store.read(scene, "class", Window(0, 0, 350, 450), 1))
    assert (ids[:128, :128] != 255).any()
    assert (ids[128:] == 255).all()
    np.testing.assert_array_equal(scores == 255, ids == 255)
    pixels = export.open_scene(scene, Selection(window_px=256)).read_scores(Window(0, 0, 700, 900))
    if stride_px > 1:
        seen = ids != 255
        places = store.read(scene, "score", Window(0, 0, 700, 900)).repeat(2, 0).repeat(2, 1)[:350, :450]
        np.testing.assert_array_equal(scores[seen], places[seen])
    else:
        np.testing.assert_array_equal(scores, halved_values(pixels, nodata=255))
    part = Window(30, 50, 40, 60)
    np.testing.assert_array_equal(found.read_scores(part), scores[30:70, 50:110])

    make_scene(scene, whole, names=NAMES, window_px=256, chunk_px=256, contents=contents)
    with pytest.raises(StoreError, match="are not of what is done now"):
        export.open_scene(scene, selection)


def test_what_scenes_are_together_has_those_of_earlier_exports_by_the_same_options(tmp_path: Path) -> None:
    output, folder = output_at(tmp_path / "out"), Location(str(tmp_path / "exported"))
    for scene_id in "abc":
        make_scene(output.scene(scene_id), _ids(), names=NAMES)

    def exported(scene_id: str, exporter: Raw) -> str:
        made = export.export_scene(
            scene_id, output=output, selection=SELECTION, exporter=exporter, folder=folder
        )
        assert isinstance(made, Exported)
        assert export.finish(exporter, [made], folder) == ("all.txt",)
        return (tmp_path / "exported" / "all.txt").read_text()

    assert exported("b", Raw()) == "b"
    assert exported("a", Raw()) == "a\nb"
    assert exported("b", Raw()) == "a\nb"
    assert exported("c", Raw(suffix="bin")) == "c"
