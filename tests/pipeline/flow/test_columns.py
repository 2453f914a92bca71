"""Records between steps: through a table of Arrow and back they are equal, and no row holds anything that runs."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pipeline.flow.columns import table_of, text_of, value_of
from pipeline.flow.progress.scene_warnings import Found
from pipeline.flow.records import (
    Done,
    KeptPlan,
    KeptWindow,
    Masks,
    Pixels,
    Plan,
    Planned,
    Record,
    Split,
    each_record,
    records_of,
)
from pipeline.geometry.scene import Band, Header, Scene
from pipeline.geometry.view import Base, View
from pipeline.geometry.window import Window
from pipeline.output.failure import Failure
from pipeline.output.inputs import Inputs
from pipeline.raster import Outline
from pipeline.segment import WEIGHT_MAX, WindowLabels, WindowProposals
from pipeline.sources.naming import Refusal
from pipeline.storage.objects import ObjectInfo


class Parts(NamedTuple):
    """What a value is made of. It is made outside of strategies, as the run-time checks look at random items."""

    kind: Any
    values: dict[str, Any]


def made(parts: Any) -> Any:  # noqa: ANN401 - what it is made of, and what it is
    if isinstance(parts, Parts):
        return parts.kind(**{name: made(each) for name, each in parts.values.items()})
    if isinstance(parts, dict):
        return {name: made(each) for name, each in parts.items()}
    return tuple(map(made, parts)) if isinstance(parts, tuple) else parts


def parts_of(kind: Any, **values: st.SearchStrategy[Any]) -> st.SearchStrategy[Parts]:  # noqa: ANN401 - a type
    return st.fixed_dictionaries(values).map(lambda drawn: Parts(kind, drawn))


def tuples_of(each: st.SearchStrategy[Any], least: int = 0) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(each, min_size=least, max_size=3).map(tuple)


counts = st.integers(0, 2**40)
few = st.integers(1, 9)
numbers = st.floats(allow_nan=False, width=64)
texts = st.text(max_size=8)
names = st.text("aZ0_.-", max_size=6).map("s".__add__)
uris = st.text(st.characters(codec="utf-8"), max_size=8).map("/x/".__add__)
bands = parts_of(Band, uri=uris, number=few)
datetimes = st.none() | st.just("2026-11-29T00:00:00Z")
scenes = parts_of(
    Scene, scene_id=names, uri=uris, bands=st.none() | st.tuples(bands, bands, bands), datetime=datetimes
)
windows = parts_of(
    Window, row_off=st.integers(-99, 2**40), col_off=st.integers(-99, 2**40), height=few, width=few
)
headers = parts_of(
    Header,
    height=few,
    width=few,
    bands=few,
    dtype=st.just("uint8"),
    crs_wkt=st.none() | texts,
    transform=st.tuples(*[numbers] * 6),
    nodata=st.none() | st.floats(),
    pixel_m=st.none() | st.tuples(numbers, numbers),
)
bases = parts_of(
    Base, overview=st.none() | counts, height=few, width=few, step_rows=numbers, step_cols=numbers
)
views = parts_of(
    View,
    header=headers,
    bands=tuples_of(bands),
    colours=st.sampled_from(["grey", "rgb", "palette", "cmyk"]),
    ranges=tuples_of(st.none() | st.tuples(numbers, numbers)),
    unmeasured=tuples_of(counts),
    base=st.none() | bases,
    warnings=tuples_of(texts),
    datetime=datetimes,
)
infos = st.dictionaries(uris, parts_of(ObjectInfo, size_bytes=counts, etag=texts), max_size=3)
inputs = parts_of(Inputs, files=infos, dependencies=infos)
rings = arrays(np.float64, st.tuples(few, st.just(2)), elements=numbers)
outlines = parts_of(Outline, polygons=tuples_of(tuples_of(rings, least=1)))
founds = parts_of(Found, scene_id=names, ground_size_m=st.none() | numbers, warnings=tuples_of(texts))


@st.composite
def window_labels(draw: st.DrawFn) -> Parts:
    shape, stride_px = draw(st.tuples(few, few)), draw(st.integers(1, 3))
    dtype: Any = draw(st.sampled_from([np.uint8, np.uint16]))
    mask = draw(arrays(dtype, shape))
    squares = tuple(-(-length // stride_px) for length in shape)
    nodata = np.ones(squares, bool)
    for row, col in zip(*np.nonzero(mask != np.iinfo(dtype).max), strict=True):
        nodata[row // stride_px, col // stride_px] = False
    score, margin = (draw(arrays(np.uint8, squares, elements=st.integers(0, 254))) for _ in range(2))
    score[nodata] = margin[nodata] = 255
    return Parts(WindowLabels, {"mask": mask, "score": score, "margin": margin, "stride_px": stride_px})


@st.composite
def window_proposals(draw: st.DrawFn) -> Parts:
    chunks, places, length = draw(few), draw(st.tuples(st.integers(0, 4), few)), st.integers(0, 4)
    index = draw(arrays(np.uint16, (chunks, *places, 3), elements=st.integers(0, 3)))
    values = {
        "chunk_px": draw(few),
        "embeddings": draw(arrays(np.int8, (chunks, 4, draw(length)))),
        "index": index,
        "weight": draw(arrays(np.uint8, index.shape, elements=st.integers(0, WEIGHT_MAX))),
        "features": draw(arrays(np.int8, (chunks, draw(length), 3, draw(length)))),
        "queries": np.full(chunks, 4),
        "places": np.tile(places, (chunks, 1)),
        "cells": np.zeros((chunks, 2), np.int64),
    }
    return Parts(WindowProposals, values)


@st.composite
def pixels(draw: st.DrawFn) -> Parts:
    shape = draw(st.tuples(few, few))
    read = {"pixels": draw(arrays(np.uint8, (*shape, 3))), "valid": draw(arrays(np.bool_, shape))}
    about = {"scene": draw(scenes), "header": draw(headers), "window": draw(windows), "inputs": draw(inputs)}
    return Parts(Pixels, about | read)


planned = {
    "scene": scenes,
    "view": views,
    "outline": st.none() | outlines,
    "part": counts,
    "parts": counts,
    "windows": counts,
    "left": arrays(np.uint8, st.integers(0, 20)),
}
maybe = st.none() | counts
KINDS: Mapping[type, st.SearchStrategy[Parts]] = {
    Split: parts_of(
        Split,
        entries=tuples_of(scenes | parts_of(Refusal, uri=uris, reason=texts)),
        part=counts,
        parts=counts,
        number=counts,
    ),
    Plan: parts_of(Plan, **planned, inputs=inputs),
    KeptPlan: parts_of(KeptPlan, **planned, inputs_digest=names),
    KeptWindow: parts_of(KeptWindow, scene=scenes, view=views, window=windows, inputs_digest=names),
    Planned: parts_of(Planned, scene_id=names, windows=counts, skipped=counts, found=st.none() | founds),
    Pixels: pixels(),
    Masks: parts_of(
        Masks,
        scene=scenes,
        header=headers,
        window=windows,
        proposals=window_proposals(),
        labels=window_labels(),
        inputs=inputs,
    ),
    Done: parts_of(Done, scene=scenes, window=windows),
    Failure: parts_of(
        Failure,
        scene_id=names,
        uri=uris,
        row_off=maybe,
        col_off=maybe,
        height=maybe,
        width=maybe,
        error=names,
        message=uris,
        traceback=st.none() | uris,
        stage=st.none() | names,
        run_id=st.none() | names,
        failed_at=datetimes,
    ),
}


def plain(value: object) -> object:
    """What equality is asked of: arrays by their dtype, shape and bytes, floats by their bits, all else as it is."""
    if isinstance(value, np.ndarray):
        return value.dtype.name, value.shape, value.tobytes()
    if isinstance(value, float):
        return "nan" if math.isnan(value) else (value, math.copysign(1, value))
    if dataclasses.is_dataclass(value):
        fields = [(field.name, plain(getattr(value, field.name))) for field in dataclasses.fields(value)]
        return type(value).__name__, fields
    if isinstance(value, Mapping):
        return [(key, plain(each)) for key, each in value.items()]
    return [type(value).__name__, *map(plain, value)] if isinstance(value, tuple) else value


def test_every_kind_of_record_is_tried() -> None:
    assert {*KINDS} == {*Record.__args__}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@settings(max_examples=40)
@given(st.data())
def test_a_record_is_the_same_after_its_table(kind: type, data: st.DataObject) -> None:
    record = made(data.draw(KINDS[kind]))
    (found,) = records_of(table_of(record))
    assert plain(found) == plain(record)


@settings(max_examples=20)
@given(tuples_of(KINDS[Pixels], least=2))
def test_windows_of_any_shape_have_one_schema_and_may_share_a_table(parts: tuple[Parts, ...]) -> None:
    records = made(parts)
    tables = [table_of(record) for record in records]
    assert all(table.schema.equals(tables[0].schema) for table in tables)
    assert [*map(plain, records_of(pa.concat_tables(tables)))] == [*map(plain, records)]


def typed(kind: pa.DataType) -> bool:
    """Whether a column is of numbers, texts, tensors, or lists of these."""
    if isinstance(kind, pa.BaseExtensionType):
        return typed(kind.storage_type)
    if pa.types.is_struct(kind):
        return all(typed(field.type) for field in kind)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return typed(kind.value_type)
    return bool(pa.types.is_primitive(kind) or pa.types.is_string(kind))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@settings(max_examples=10)
@given(st.data())
def test_columns_are_typed_and_have_names_of_their_own(kind: type, data: st.DataObject) -> None:
    table = table_of(made(data.draw(KINDS[kind])))
    assert len({*table.column_names}) == len(table.column_names)
    assert all(typed(each) for each in table.schema.types), table.schema
    assert not typed(pa.binary())


def test_pixels_are_not_copied_on_either_way() -> None:
    image = np.zeros((500, 700, 3), np.uint8)
    header = Header(
        height=9,
        width=9,
        bands=3,
        dtype="uint8",
        crs_wkt=None,
        transform=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0),
        nodata=None,
    )
    record = Pixels(Scene("a", "a"), header, Window(0, 0, 9, 9), image, image[..., 0] > 0, Inputs({}, {}))
    table = table_of(record)
    assert table.nbytes < image.nbytes + image.nbytes / 3 / 8 + 2000  # a bit for each pixel's validity
    (found,) = records_of(table)
    assert isinstance(found, Pixels)
    assert np.shares_memory(found.pixels, image)


def test_a_table_without_rows_has_no_records() -> None:
    def never(record: Record) -> Any:  # noqa: ANN401
        raise AssertionError(record)

    assert list(each_record(pa.table({}), step=never)) == []


@given(st.sampled_from([float("nan"), float("inf"), -float("inf"), -0.0, 5e-324]))
def test_json_text_keeps_every_number(number: float) -> None:
    text = text_of(float | None, number)
    assert text.isascii()
    assert plain(value_of(float | None, text)) == plain(number)
