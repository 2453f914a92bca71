import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.geometry.scene import Header, Scene
from pipeline.sources.naming import scene_of


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1))
def test_an_id_can_always_name_a_folder(name: str) -> None:
    scene_id = scene_of(f"s3://bucket/{name}.tif").scene_id
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,73}", scene_id)


def test_files_of_one_name_in_two_folders_stay_apart() -> None:
    assert scene_of("/north/a.tif").scene_id != scene_of("/south/a.tif").scene_id


def test_one_file_has_one_id_however_its_path_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    absolute = scene_of(str(tmp_path / "a.tif"))
    assert scene_of("a.tif") == absolute
    assert scene_of(f"file://{tmp_path}/a.tif") == absolute
    assert scene_of("../" + tmp_path.name + "/below/../a.tif") == absolute
    assert scene_of(f"{tmp_path}/./below//../../{tmp_path.name}/a.tif") == absolute


def test_the_folder_above_a_link_is_where_it_leads(tmp_path: Path) -> None:
    (tmp_path / "far" / "off").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "far" / "off")
    (tmp_path / "far" / "a.tif").touch()
    found = scene_of(f"{tmp_path}/link/../a.tif")
    assert found == scene_of(f"{tmp_path}/far/a.tif")
    assert Path(found.uri).exists()
    through = scene_of(f"{tmp_path}/link/below/../a.tif")
    assert through == scene_of(f"{tmp_path}/link/a.tif")


def test_a_zarr_is_one_scene_with_and_without_a_slash() -> None:
    assert scene_of("s3://bucket/a.zarr/") == scene_of("s3://bucket/a.zarr")
    assert scene_of("a.ome.zarr/") == scene_of("a.ome.zarr")


def test_an_id_that_leaves_its_folder_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\.\./up"):
        Scene("../up", "a.tif")


def test_a_header_without_a_band_is_refused() -> None:
    header = Header(
        height=1,
        width=1,
        bands=1,
        dtype="uint8",
        crs_wkt=None,
        transform=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0),
        nodata=None,
    )
    with pytest.raises(ValueError, match="bands=0"):
        replace(header, bands=0)
