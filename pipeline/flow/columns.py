"""What travels between the steps as tables of Arrow: a row a record, typed columns, and nothing that runs code.

A field becomes one column of its name, or several:

    Scene           scene_id, uri, datetime (text), bands (a list of uri and number)
    Window          row_off, col_off, height, width (int64)
    WindowProposals chunk_px (int64); embeddings, index, weight, features, queries, places, cells (tensors)
    WindowLabels    mask, score, margin (tensors), stride_px (int64)
    numpy array     a tensor of its dtype; of another shape in every row, so that windows at edges have the same schema
    Outline         polygons of rings of points (lists of float64)
    int, str        int64, text
    all others      JSON text, as ``text_of`` writes it

Beside these ``kind`` says which record it is. A record of None in a field has null in its columns.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cache
from types import NoneType, UnionType
from typing import Any, get_args, get_type_hints

import numpy as np
import pyarrow as pa
from jaxtyping import AbstractArray
from pydantic import TypeAdapter
from ray.data.extensions import ArrowVariableShapedTensorArray

from pipeline.geometry.scene import Band, Scene
from pipeline.geometry.window import Window
from pipeline.raster import Outline
from pipeline.segment import WindowLabels, WindowProposals

Cells = Mapping[str, Any]
"""A row: values of Python, and numpy arrays where a column is of tensors."""

KIND = "kind"
_POINTS = pa.list_(pa.list_(pa.list_(pa.list_(pa.float64(), 2))))
_BANDS = pa.list_(pa.struct([("uri", pa.string()), ("number", pa.int64())]))
_PLAIN = {int: pa.int64(), str: pa.string()}


@dataclass(frozen=True, slots=True)
class _Field:
    """How a field is laid out in columns, and read from them."""

    columns: Callable[[Any], dict[str, pa.Array]]
    value: Callable[[Cells], Any]


def table_of(record: Any) -> pa.Table:  # noqa: ANN401 - one of ``records.Record``
    """Return a table of one row that holds ``record``, a dataclass; no array is copied but those of booleans."""
    kind: type = type(record)
    columns: dict[str, pa.Array] = {KIND: pa.array([kind.__name__])}
    for name, field in _fields(kind).items():
        columns |= field.columns(getattr(record, name))
    return pa.table(columns)


def cells_of(table: pa.Table) -> Iterator[Cells]:
    """Yield the rows of a table; arrays share its memory, but for booleans, and are not to be written to."""
    for row in range(table.num_rows):
        yield {name: table.column(name)[row].as_py() for name in table.column_names}


def record_of(kind: type, cells: Cells) -> Any:  # noqa: ANN401 - of this kind
    """Return the record of ``kind`` that is in a row, equal to that of ``table_of``."""
    return kind(**{name: field.value(cells) for name, field in _fields(kind).items()})


def text_of(kind: Any, value: object) -> str:  # noqa: ANN401 - a type
    """Return a value of type ``kind`` as JSON text, in ASCII.

    It is made of dataclasses, named tuples, tuples, mappings and plain values. Numbers that are none and infinite ones
    are written as Python does: NaN, Infinity.

    >>> text_of(Window, Window(0, 512, 256, 256))
    '{"row_off": 0, "col_off": 512, "height": 256, "width": 256}'
    """
    return json.dumps(_adapter(kind).dump_python(value))


def value_of(kind: Any, text: str) -> Any:  # noqa: ANN401 - a type, and a value of it
    """Return the value of type ``kind`` that ``text_of`` wrote.

    >>> value_of(Window, '{"row_off": 0, "col_off": 512, "height": 256, "width": 256}')
    Window(row_off=0, col_off=512, height=256, width=256)
    """
    return _adapter(kind).validate_python(json.loads(text))


@cache
def _adapter(kind: Any) -> Any:  # noqa: ANN401 - a type; that of an adapter cannot be checked at run time
    return TypeAdapter(kind)


def _plain(name: str, kind: pa.DataType) -> _Field:
    return _Field(lambda value: {name: pa.array([value], kind)}, lambda cells: cells[name])


def _tensor(name: str) -> _Field:
    return _Field(
        lambda array: {name: ArrowVariableShapedTensorArray.from_numpy([array])}, lambda cells: cells[name]
    )


def _json(name: str, kind: Any) -> _Field:  # noqa: ANN401 - a type
    return _Field(
        lambda value: {name: pa.array([None if value is None else text_of(kind, value)], pa.string())},
        lambda cells: None if cells[name] is None else value_of(kind, cells[name]),
    )


def _scene_columns(scene: Scene) -> dict[str, pa.Array]:
    bands = (
        None if scene.bands is None else [{"uri": band.uri, "number": band.number} for band in scene.bands]
    )
    texts = {name: pa.array([getattr(scene, name)], pa.string()) for name in ("scene_id", "uri", "datetime")}
    return {**texts, "bands": pa.array([bands], _BANDS)}


def _scene(cells: Cells) -> Scene:
    bands = None if cells["bands"] is None else tuple(Band(**band) for band in cells["bands"])
    return Scene(cells["scene_id"], cells["uri"], bands, cells["datetime"])  # type: ignore[arg-type]  # three


def _outline_columns(outline: Outline | None) -> dict[str, pa.Array]:
    points = outline and [[ring.tolist() for ring in polygon] for polygon in outline.polygons]
    return {"outline": pa.array([points], _POINTS)}


def _outline(cells: Cells) -> Outline | None:
    if cells["outline"] is None:
        return None
    polygons = (tuple(np.array(ring).reshape(-1, 2) for ring in polygon) for polygon in cells["outline"])
    return Outline(tuple(polygons))


def _several(kind: type) -> _Field:
    """Lay out a value of several fields in a column each: whole numbers, and tensors."""
    hints = get_type_hints(kind)
    every = {
        each.name: _plain(each.name, _PLAIN[int]) if hints[each.name] is int else _tensor(each.name)
        for each in fields(kind)
    }
    return _Field(
        lambda value: {
            column: array
            for name, each in every.items()
            for column, array in each.columns(getattr(value, name)).items()
        },
        lambda cells: kind(**{name: each.value(cells) for name, each in every.items()}),
    )


_OWN: Mapping[type, _Field] = {
    Scene: _Field(_scene_columns, _scene),
    Window: _several(Window),
    WindowProposals: _several(WindowProposals),
    WindowLabels: _several(WindowLabels),
    Outline: _Field(_outline_columns, _outline),
}


@cache
def _fields(kind: type) -> Mapping[str, _Field]:
    hints = get_type_hints(kind)
    return {field.name: _field(field.name, hints[field.name]) for field in fields(kind)}


def _field(name: str, hint: Any) -> _Field:  # noqa: ANN401 - a type
    """Choose the layout of a field by its type, and that of ``X | None`` by X."""
    kind = hint
    if (
        isinstance(hint, UnionType)
        and len(kinds := [each for each in get_args(hint) if each is not NoneType]) == 1
    ):
        kind = kinds[0]
    if kind in _OWN:
        return _OWN[kind]
    if kind in _PLAIN:
        return _plain(name, _PLAIN[kind])
    if isinstance(kind, type) and issubclass(kind, AbstractArray):
        return _tensor(name)
    return _json(name, kind)
