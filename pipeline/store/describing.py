"""What a mask store says of itself: its grid, its classes, and the run that made it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pipeline.errors import StoreError
from pipeline.geometry.scene import Header
from pipeline.output import SceneOutput
from pipeline.output.palette import class_colors
from pipeline.store.attributes.georeference import coarser
from pipeline.store.contents import LEVEL, Contents
from pipeline.store.provenance import made_by_of
from pipeline.store.reading import array_at, opened


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreDescription:
    """What a mask store says of itself.

    ``header`` is that of the class ids, with their dtype and no data value; ``classes`` are the names by class id, of
    which 0 is ``other``, and ``colors`` ("#rrggbb") theirs. ``uri`` and ``datetime`` (ISO 8601) are the scene's,
    ``run`` is the digest of all that decided what the masks are, and ``model`` that of the checkpoint; None where they
    are not known.
    """

    header: Header
    classes: tuple[str, ...]
    colors: tuple[str, ...]
    chunk_px: int
    contents: Contents
    uri: str | None
    datetime: str | None
    run: str | None
    model: str | None


def describe(scene: SceneOutput) -> StoreDescription:
    """Return what the mask store of a scene says of itself.

    Raises:
        StoreError: there is no store, or it is damaged.
    """
    root, contents = opened(scene.masks, "class", mode="r")
    try:
        array = array_at(root, f"{LEVEL}/class")
        placed = array_at(root, f"{LEVEL}/spatial_ref").attrs
        made_by = made_by_of(root.attrs)
        return StoreDescription(
            header=_header(array.shape, str(array.dtype), array.attrs, placed),
            classes=_classes(array.attrs),
            colors=_colors(array.attrs),
            chunk_px=array.chunks[0],
            contents=contents,
            uri=made_by["scene"].get("uri"),
            datetime=made_by["scene"].get("datetime"),
            run=made_by.get("run"),
            model=made_by.get("model"),
        )
    except (LookupError, TypeError, ValueError) as error:
        raise StoreError(
            f"{scene.masks} does not say what it holds ({error!r}): it is damaged or of an older version. "
            "`mrovseg verify --forget` has it laid out again"
        ) from error


def levels(scene: SceneOutput) -> tuple[Header, ...]:
    """Return the header of the class ids, as ``describe`` does, and of each coarser level that the store has of them.

    Raises:
        StoreError: there is no store, or it is damaged.
    """
    header = describe(scene).header
    root, _ = opened(scene.masks, "class", mode="r")
    known = root.attrs["multiscales"]["layout"]  # type: ignore[call-overload,index]  # what JSON holds
    return tuple(coarser(header, 2**level) for level in range(len(known)))  # type: ignore[arg-type]  # a list


def _header(shape: tuple[int, ...], dtype: str, said: Any, placed: Any) -> Header:  # noqa: ANN401 - attributes are JSON
    height, width = shape
    a, b, c, d, e, f = map(float, said["spatial:transform"])
    return Header(
        height=height,
        width=width,
        bands=1,
        dtype=dtype,
        crs_wkt=placed.get("crs_wkt"),
        transform=(a, b, c, d, e, f),
        nodata=float(said["nodata"]),
    )


def _classes(said: Any) -> tuple[str, ...]:  # noqa: ANN401 - attributes are JSON
    return tuple(str(each) for each in said["class_names"])


def _colors(said: Any) -> tuple[str, ...]:  # noqa: ANN401 - attributes are JSON
    """Return the colours that a store says; those of an older version say none."""
    found = said.get("flag_colors")
    return class_colors(_classes(said)[1:]) if found is None else tuple(str(found).split())
