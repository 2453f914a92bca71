"""What a file may ask of a worker, and what a virtual raster may name."""

import http.server
import struct
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from pipeline import raster
from pipeline.config import Reading
from pipeline.errors import RasterError
from pipeline.geometry.window import Window
from pipeline.raster.deadline import within
from pipeline.sources.naming import scene_of
from pipeline.storage import objects
from pipeline.storage.location import Location
from tests.pipeline.rasters import assert_refused, assert_unreadable, read_whole, write

# ---------------------------------------------------------------------------------------- virtual rasters

BAND = '<VRTRasterBand dataType="Byte" band="1"{kind}>{inside}</VRTRasterBand>'
SOURCE = '<SimpleSource><SourceFilename relativeToVRT="{relative}">{name}</SourceFilename></SimpleSource>'


def vrt(path: Path, inside: str, *, kind: str = "", head: str = "") -> Path:
    band = BAND.format(kind=kind, inside=inside)
    path.write_text(f'{head}<VRTDataset rasterXSize="20" rasterYSize="10">{band}</VRTDataset>')
    return path


def named(name: object, *, relative: int = 0) -> str:
    return SOURCE.format(name=name, relative=relative)


@contextmanager
def asked_server(files: Mapping[str, bytes] | None = None) -> Iterator[tuple[str, list[str]]]:
    """A web server of these files by path; yields its root and what it was asked for."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            data = (files or {}).get(self.path)
            self.send_response(404 if data is None else 200)
            self.send_header("Content-Length", str(len(data or b"")))
            self.end_headers()
            self.wfile.write(data or b"")

        def do_HEAD(self) -> None:
            asked.append(self.path)
            self.send_response(404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A folder with a raster, beside a secret that no scene list names."""
    folder = tmp_path / "archive"
    folder.mkdir()
    write(tmp_path / "secret.tif", np.full((1, 10, 20), 77, np.uint8))
    write(folder / "a.tif", np.full((1, 10, 20), 5, np.uint8))
    (tmp_path / "passwd").write_text("root:x:0:0:root:/root:/bin/sh\n" * 40)
    return folder


@pytest.mark.parametrize("relative", [0, 1])
def test_a_mosaic_of_files_in_its_folder_is_read(archive: Path, relative: int) -> None:
    inner = vrt(archive / "inner.vrt", named("a.tif" if relative else archive / "a.tif", relative=relative))
    outer = vrt(archive / "outer.vrt", named(inner))
    assert (read_whole(str(outer))[0] == 5).all()


@pytest.mark.parametrize(
    "name",
    ["../secret.tif", "{root}/secret.tif", "{root}/passwd", "/etc/passwd", "{root}/archive/../secret.tif"],
)
@pytest.mark.parametrize("relative", [0, 1])
def test_a_file_outside_is_refused_by_name(archive: Path, name: str, relative: int) -> None:
    name = name.format(root=archive.parent)
    assert_refused(
        vrt(archive / "a.vrt", named(name, relative=relative)), "not below its own folder.*vrt: anywhere"
    )


@pytest.mark.parametrize(
    "name",
    [
        "http://127.0.0.1:9/a.tif",
        "/vsicurl/http://127.0.0.1:9/a.tif",
        "/vsis3/bucket/a.tif",
        "s3://bucket/a.tif",
        "/vsizip//etc/a.zip/a.tif",
        "NETCDF:/etc/passwd:a",
        "&lt;VRTDataset/&gt;",
    ],
)
@pytest.mark.parametrize("relative", [0, 1])
def test_what_is_no_local_file_is_refused_and_never_asked_for(
    archive: Path, name: str, relative: int
) -> None:
    assert_refused(
        vrt(archive / "a.vrt", named(name, relative=relative)), "not below its own folder|does not exist"
    )


def test_a_link_that_leads_outside_is_refused(archive: Path) -> None:
    (archive / "link.tif").symlink_to(archive.parent / "secret.tif")
    assert_refused(vrt(archive / "a.vrt", named("link.tif", relative=1)), "not below its own folder")


@pytest.mark.parametrize(
    ("inside", "kind", "head"),
    [
        ("<SourceFilename>/etc/passwd</SourceFilename>", ' subClass="VRTRawRasterBand"', ""),
        (named("a.tif", relative=1), ' subClass="VRTDerivedRasterBand"', ""),
        ("<PixelFunctionCode>import os</PixelFunctionCode>", "", ""),
        ("<GDALWarpOptions><SourceDataset>/etc/passwd</SourceDataset></GDALWarpOptions>", "", ""),
        (named("&x;", relative=1), "", '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>'),
        (named("a.tif", relative=2), "", ""),
        ("<sourcefilename>/etc/passwd</sourcefilename>", "", ""),
    ],
)
def test_what_is_more_than_a_mosaic_is_refused(archive: Path, inside: str, kind: str, head: str) -> None:
    assert_refused(vrt(archive / "a.vrt", inside, kind=kind, head=head), "virtual raster that.*vrt: anywhere")


OUTSIDE = "{root}/secret.tif"
RECTANGLES = (
    '<SrcRect xOff="0" yOff="0" xSize="20" ySize="10"/><DstRect xOff="0" yOff="0" xSize="20" ySize="10"/>'
)
RAW = (
    '<{file} relativeToVRT="0">{root}/passwd</{file}><ImageOffset>0</ImageOffset><PixelOffset>1</PixelOffset>'
    "<LineOffset>20</LineOffset>"
)


@pytest.mark.parametrize(
    ("inside", "kind"),
    [
        (f'<SimpleSource SourceFilename="{OUTSIDE}"/>', ""),
        (f'<SimpleSource sourcefilename="{OUTSIDE}" SourceBand="1">{RECTANGLES}</SimpleSource>', ""),
        (f"<simplesource><sourcefilename>{OUTSIDE}</sourcefilename></simplesource>", ""),
        (f"<COMPLEXSOURCE><SOURCEFILENAME>{OUTSIDE}</SOURCEFILENAME></COMPLEXSOURCE>", ""),
        ('<SimpleSource><SourceFilename relativetovrt="1">../secret.tif</SourceFilename></SimpleSource>', ""),
        (f"<SimpleSource><SourceFilename>{OUTSIDE}</SourceFilename>{named('a.tif')}</SimpleSource>", ""),
        (
            "<SimpleSource><SourceFilename><relativeToVRT>1</relativeToVRT>../x</SourceFilename></SimpleSource>",
            "",
        ),
        (
            '<SimpleSource SourceFilename="/vsicurl/http://127.0.0.1:9/a.tif"/>',
            "",
        ),
        (
            f"<MaskBand><VRTRasterBand dataType='Byte' MaskBand=''>{named(OUTSIDE)}</VRTRasterBand></MaskBand>",
            "",
        ),
        (f"<Overview><SourceFilename>{OUTSIDE}</SourceFilename><SourceBand>1</SourceBand></Overview>", ""),
        (f"<KernelFilteredSource><SourceFilename>{OUTSIDE}</SourceFilename></KernelFilteredSource>", ""),
        (f"<SimpleSource><SourceFilename>{OUTSIDE}</SourceFilename><OpenOptions/></SimpleSource>", ""),
        (RAW.format(file="SourceFilename", root="{root}"), ' subclass="VRTRawRasterBand"'),
        (RAW.format(file="sourcefilename", root="{root}"), ' SUBCLASS="vrtrawrasterband"'),
        ("<subClass>VRTRawRasterBand</subClass>" + RAW.format(file="SourceFilename", root="{root}"), ""),
        ("", ' subclass="VRTRawRasterBand" SourceFilename="{root}/passwd" ImageOffset="0" LineOffset="20"'),
        ("<SubClass>VRTDerivedRasterBand</SubClass><PixelFunctionType>inv</PixelFunctionType>", ""),
    ],
)
def test_however_a_name_is_spelled_nothing_outside_is_read(archive: Path, inside: str, kind: str) -> None:
    inside, kind = (text.replace("{root}", str(archive.parent)) for text in (inside, kind))
    path = vrt(archive / "a.vrt", inside, kind=kind)
    assert_unreadable(path, "virtual raster that.*vrt: anywhere|does not exist, or is no file")


@pytest.mark.parametrize(
    "head",
    [
        '<VRTDataset rasterXSize="20" rasterYSize="10" subClass="VRTWarpedDataset">',
        '<VRTDataset rasterXSize="20" rasterYSize="10" subclass="VRTPansharpenedDataset">',
        '<VRTDataset rasterXSize="20" rasterYSize="10"><SUBCLASS>VRTProcessedDataset</SUBCLASS>',
        '<VRTDataset rasterXSize="20" rasterYSize="10" GDALWarpOptions="">',
        '<VRTDataset rasterXSize="20" rasterYSize="10"><Group name="/"/>',
        '<a/><VRTDataset rasterXSize="20" rasterYSize="10">',
        '<a><VRTDataset rasterXSize="20" rasterYSize="10"></a>',
    ],
)
def test_what_is_no_mosaic_is_refused(archive: Path, head: str) -> None:
    (archive / "a.vrt").write_text(
        f"{head}{BAND.format(kind='', inside=named('a.tif', relative=1))}</VRTDataset>"
    )
    assert_unreadable(archive / "a.vrt", "virtual raster that")


@pytest.mark.parametrize(
    "beginning",
    [b"\x89PNG\r\n", b"\x89PNG", b"\xff\xd8\xff\xfe\x7f\x7f", b"\xff\xd8\xff\xe0 "],
)
@pytest.mark.parametrize("name", ["b.png", "b.jpg", "b.vrt"])
def test_a_text_that_begins_as_a_picture_is_no_picture(archive: Path, beginning: bytes, name: str) -> None:
    text = vrt(archive / "b.vrt", named(archive.parent / "secret.tif")).read_bytes()
    (archive / "b.vrt").unlink()
    (archive / name).write_bytes(beginning + text)
    assert_unreadable(vrt(archive / "a.vrt", named(name, relative=1)), "virtual raster that")
    assert_unreadable(archive / name, "virtual raster that|begins as a JPEG does")


def test_what_lies_behind_a_link_to_nothing_is_not_asked_for(archive: Path) -> None:
    with asked_server() as (root, asked):
        for name in (f"/vsicurl/{root}/a.tif", f"vrt:///vsicurl/{root}/a.tif", f"{root}/a.tif"):
            (archive / "link.tif").unlink(missing_ok=True)
            (archive / "link.tif").symlink_to(name)
            assert_unreadable(archive / "link.tif", "does not exist")
            assert_unreadable(vrt(archive / "a.vrt", named("link.tif", relative=1)), "virtual raster")
    assert asked == []


def test_a_remote_one_names_nothing_on_this_machine_or_above_it(archive: Path) -> None:
    """By HTTP, where whoever serves it writes it anew each time."""
    mosaics = [
        named(archive.parent / "secret.tif"),
        f'<SimpleSource SourceFilename="{archive.parent}/secret.tif"/>',
        named("../secret.tif", relative=1),
        named("%2e%2e/secret.tif", relative=1),
        named("..%5csecret.tif", relative=1),
        named("//127.0.0.1/secret.tif", relative=1),
    ]
    for mosaic in mosaics:
        text = vrt(archive / "a.vrt", mosaic).read_bytes()
        with asked_server({"/b/a.vrt": text}) as (root, asked):
            assert_unreadable(f"{root}/b/a.vrt", "not below its own folder|virtual raster that")
        assert {path for path in asked if "secret" in path} == set()


def test_a_mosaic_as_others_write_them_is_read_as_gdal_reads_it(archive: Path) -> None:
    """Attributes as elements, names in capitals, comments, and what says nothing of pixels."""
    write(archive / "b.tif", np.arange(200, dtype=np.uint16).reshape(1, 10, 20), nodata=7)
    text = f"""<?xml version="1.0"?><!-- by hand -->
<VRTDataset rasterXSize="30" rasterYSize="10">
  <SRS dataAxisToSRSAxisMapping="1,2">EPSG:32633</SRS><GeoTransform>5, 2, 0, 9, 0, -2</GeoTransform>
  <Metadata domain="xml:XMP" format="xml"><x><SourceFilename>{archive}/../secret.tif</SourceFilename></x></Metadata>
  <Metadata domain="OVERVIEWS"><MDI key="OVERVIEW_FILE">{archive.parent}/secret.tif</MDI></Metadata>
  <Metadata><MDI key="AREA_OR_POINT">Area</MDI></Metadata>
  <VRTRasterBand dataType="UInt16" NoDataValue="9"><BAND>1</BAND>
    <Histograms><HistItem><HistMin>0</HistMin></HistItem></Histograms>
    <ComplexSource resampling="nearest"><sourcefilename relativeToVRT="1" shared="0">b.tif</sourcefilename>
      <SourceBand>1</SourceBand><NODATA>7</NODATA><ScaleOffset>3</ScaleOffset><ScaleRatio>2</ScaleRatio>
      <SrcRect xOff="0" yOff="0" xSize="20" ySize="10"/><DstRect xOff="10" yOff="0" xSize="20" ySize="10"/>
    </ComplexSource>
  </VRTRasterBand>
</VRTDataset>"""
    (archive / "a.vrt").write_text(text)
    reading = Reading(value_range=(0, 255))
    view = raster.view_of(scene_of(str(archive / "a.vrt")), reading)
    found, valid = raster.read_view(view, Window(0, 0, 10, 30), reading)
    with rasterio.open(archive / "a.vrt") as source:
        stored, mask = source.read(1), source.read_masks(1) > 0
        assert view.header.crs_wkt == source.crs.to_wkt()
        assert view.header.transform == tuple(source.transform)[:6]
    assert valid.sum() == mask.sum() == 200 - 1 - 1  # b's own no data; what becomes 9 by the scale
    np.testing.assert_array_equal(valid, mask)
    np.testing.assert_array_equal(found[..., 0][valid], np.minimum(stored, 255)[valid])


def test_a_text_in_its_folder_is_no_source(archive: Path) -> None:
    (archive / "wms.xml").write_text(
        "<GDAL_WMS><Service><ServerUrl>http://a/</ServerUrl></Service></GDAL_WMS>"
    )
    assert_refused(
        vrt(archive / "a.vrt", named("wms.xml", relative=1)), "is no TIFF, PNG, JPEG, JPEG 2000 or VRT"
    )


def test_a_virtual_raster_of_itself_is_refused(archive: Path) -> None:
    assert_refused(vrt(archive / "a.vrt", named("a.vrt", relative=1)), "more than 4 deep")


def test_another_encoding_hides_nothing(archive: Path) -> None:
    head = '<?xml version="1.0" encoding="cp037"?>'
    assert_refused(vrt(archive / "a.vrt", named("/etc/passwd"), head=head), "not below its own folder")


def test_a_trusted_one_may_name_any_file(archive: Path) -> None:
    path = vrt(archive / "a.vrt", named(archive.parent / "secret.tif"))
    assert (read_whole(str(path), vrt="anywhere")[0] == 77).all()


def test_a_remote_one_may_name_what_lies_beside_it(s3: str, archive: Path) -> None:
    for name in ("a.tif", "secret.tif"):
        content = write(archive / name, np.full((1, 10, 20), 5, np.uint8))
        objects.put_bytes(
            Location(objects.join(s3, "in" if name == "a.tif" else "", name)), Path(content).read_bytes()
        )
    inside, outside = objects.join(s3, "in", "a.vrt"), objects.join(s3, "in", "b.vrt")
    objects.put_bytes(Location(inside), vrt(archive / "a.vrt", named("a.tif", relative=1)).read_bytes())
    assert (read_whole(inside)[0] == 5).all()
    for name, relative in (("../secret.tif", 1), ("/etc/passwd", 1), ("/etc/passwd", 0)):
        objects.put_bytes(
            Location(outside), vrt(archive / "b.vrt", named(name, relative=relative)).read_bytes()
        )
        assert_refused(outside, "not below its own folder")


# -------------------------------------------------------------------------------------------- names, kinds


@pytest.mark.parametrize("uri", ["/vsicurl/http://127.0.0.1:9/a.tif", "/vsizip//tmp/a.zip", "/vsimem/a.tif"])
def test_names_of_gdals_own_file_systems_are_refused(uri: str) -> None:
    assert_refused(uri, "GDAL's own file systems")


def test_only_allowed_kinds_are_opened(tmp_path: Path) -> None:
    uri = write(tmp_path / "a.png", np.zeros((1, 9, 9), np.uint8), driver="PNG", crs=None)
    assert_refused(uri, r"^.*a\.png begins as a PNG does", drivers=("GTiff",))
    assert raster.view_of(scene_of(uri)).header.width == 9
    uri = write(tmp_path / "a.bmp", np.full((1, 9, 9), 3, np.uint8), driver="BMP", crs=None)
    assert (read_whole(uri, drivers=("GTiff", "BMP"))[0] == 3).all()


# -------------------------------------------------------------------------------------------------- limits


def sparse(path: Path, side: int, **options: Any) -> Path:  # noqa: ANN401 - GDAL's
    profile = {"driver": "GTiff", "height": side, "width": side, "count": 1, "dtype": "uint8"}
    layout = {"tiled": True, "blockxsize": 512, "blockysize": 512, "SPARSE_OK": True, "compress": "deflate"}
    with rasterio.open(
        path,
        "w",
        **profile,
        crs="EPSG:3857",
        transform=rasterio.Affine(1, 0, 9, 0, -1, 9),
        **(layout | options),
    ):
        pass
    return path


def test_a_bomb_of_one_colour_is_refused_unless_it_is_trusted(tmp_path: Path) -> None:
    bomb = sparse(tmp_path / "bomb.tif", 100_000)
    began = time.monotonic()
    assert_refused(
        bomb, r"32,\d\d\d times its bytes when decoded and max_expansion is 200: raise max_expansion"
    )
    assert time.monotonic() - began < 5
    view = raster.view_of(scene_of(str(bomb)), Reading(max_expansion=100_000))
    assert (view.header.height, view.header.width) == (100_000, 100_000)


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ({"max_pixels": 399}, "400 pixels and max_pixels is 399"),
        ({"max_bands": 2}, "3 bands and max_bands is 2"),
        ({"max_block_bytes": 1199}, "1,200 bytes in a block and max_block_bytes is 1,199"),
    ],
)
def test_what_asks_for_more_than_a_limit_is_refused_by_its_key(
    tmp_path: Path, limit: dict[str, Any], message: str
) -> None:
    uri = write(tmp_path / "a.tif", np.ones((3, 20, 20), np.uint8), interleave="pixel", blockysize=20)
    assert_refused(uri, message, **limit)
    ((key, value),) = limit.items()
    assert raster.view_of(scene_of(uri), Reading(**{key: value + 1})).header.bands == 3


def test_one_tile_as_large_as_a_scene_is_refused(tmp_path: Path) -> None:
    tile = sparse(tmp_path / "tile.tif", 24_576, blockxsize=24_576, blockysize=24_576)
    assert_refused(tile, "603,979,776 bytes in a block and max_block_bytes is 536,870,912")


@pytest.mark.parametrize(("directories", "fine"), [(10_000, True), (1_000_000, False)])
def test_a_tiff_of_a_million_pictures_is_refused(tmp_path: Path, directories: int, *, fine: bool) -> None:
    tags = [(256, 1), (257, 1), (258, 8), (259, 1), (262, 1), (273, 8), (278, 1), (279, 1)]
    body = struct.pack("<H", len(tags)) + b"".join(
        struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags
    )
    ends = [16 + (len(body) + 4) * place for place in range(1, directories)] + [0]
    path = tmp_path / "many.tif"
    path.write_bytes(
        struct.pack("<4sI8s", b"II*\0", 16, b"\1" * 8)
        + b"".join(body + struct.pack("<I", end) for end in ends)
    )
    began = time.monotonic()
    if fine:
        assert raster.view_of(scene_of(str(path))).header.width == 1
    else:
        assert_refused(path, "more than 10000 TIFF directories")
    assert time.monotonic() - began < 5


def test_what_a_virtual_raster_names_is_limited_too(archive: Path) -> None:
    bomb = sparse(archive / "bomb.tif", 60_000)
    text = vrt(archive / "a.vrt", named("bomb.tif", relative=1)).read_text()
    large = text.replace('rasterXSize="20" rasterYSize="10"', 'rasterXSize="60000" rasterYSize="60000"')
    (archive / "a.vrt").write_text(large)
    assert_refused(archive / "a.vrt", "times its bytes when decoded and max_expansion is 200")
    assert bomb.stat().st_size < 10**6


def test_a_chain_of_pictures_without_an_end_is_no_hang(tmp_path: Path) -> None:
    path = Path(write(tmp_path / "a.tif", np.ones((1, 9, 9), np.uint8)))
    content = bytearray(path.read_bytes())
    (first,) = struct.unpack_from("<I", content, 4)
    (count,) = struct.unpack_from("<H", content, first)
    struct.pack_into("<I", content, first + 2 + 12 * count, first)
    path.write_bytes(content)
    assert (read_whole(str(path))[0] == 1).all()


# ---------------------------------------------------------------------------------------------------- time


def test_a_call_that_never_comes_back_is_given_up() -> None:
    began = time.monotonic()
    with pytest.raises(RasterError, match=r"reading a took more than 0\.2 s.*read_timeout_s"):
        within(0.2, lambda: time.sleep(3), doing="reading a")
    assert time.monotonic() - began < 2


def test_looking_and_reading_have_an_end(tmp_path: Path) -> None:
    uri, at_once = write(tmp_path / "a.tif", np.ones((3, 900, 900), np.uint8)), Reading(read_timeout_s=1e-5)
    assert_refused(uri, "looking at .*read_timeout_s", read_timeout_s=1e-5)
    with pytest.raises(RasterError, match=r"reading rows 0\.\.900 .*read_timeout_s"):
        raster.read_view(raster.view_of(scene_of(uri)), Window(0, 0, 900, 900), at_once)


def test_calls_share_a_thread_until_one_is_given_up() -> None:
    first, second = (within(5, threading.get_ident, doing="asking") for _ in range(2))
    assert first == second
    with pytest.raises(RasterError, match="given up"):
        within(0.1, lambda: time.sleep(1), doing="sleeping")
    assert within(0.5, threading.get_ident, doing="asking") != first


def test_a_call_in_time_gives_its_result_or_its_error() -> None:
    assert within(5, lambda: 7, doing="adding") == 7
    with pytest.raises(KeyError, match="gone"):
        within(5, lambda: {"here": 1}["gone"], doing="looking")
