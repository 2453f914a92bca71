"""Which assets of a STAC item make a scene.

Of an item five things are read, and they have kept their names from 0.8 to 1.1: id, assets with href, type
and roles, and the common names of bands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pipeline.errors import PipelineError
from pipeline.geometry.scene import Band, Scene
from pipeline.sources.files import SUFFIXES, has_suffix
from pipeline.sources.naming import Refusal, scene_of
from pipeline.sources.stac.bands import RGB as _RGB
from pipeline.sources.stac.bands import colours_of
from pipeline.sources.stac.dates import datetime_of
from pipeline.sources.stac.fields import dict_of, number_of, text_of, texts_of
from pipeline.storage import objects

_NO_DATA_ROLES = {"thumbnail", "overview", "metadata", "mask", "data-mask", "cloud", "snow-ice", "labels"}
_SHOWN = ("visual", "rgb", "true_color", "true-color", "tci")
_SAID_CHARS = 500
_ABOUT = ("thumbnail", "preview", "overview", "rendered_preview", "udm", "udm2")


@dataclass(frozen=True, slots=True)
class Asset:
    """A raster of an item; ``colours`` are the common names of its bands, in their order, as far as known."""

    key: str
    uri: str
    roles: frozenset[str]
    colours: tuple[str | None, ...]
    rank: tuple[bool, float]

    @property
    def shows(self) -> bool:
        """Whether it is made to be viewed: an image in true colour at the item's full resolution."""
        return "visual" in self.roles or self.key.lower().startswith(_SHOWN)

    @property
    def is_data(self) -> bool:
        """Whether it is neither a preview nor about other assets."""
        return not self.roles & _NO_DATA_ROLES and self.key.lower() not in _ABOUT

    def band(self, colour: str) -> Band:
        """Return the band of a colour that ``colours`` has."""
        return Band(self.uri, self.colours.index(colour) + 1)


def scene_of_item(item: Mapping[str, Any], *, origin: str, wanted: Sequence[str] = ()) -> Scene | Refusal:
    """Return the scene of an item that was found at ``origin``.

    It is what ``wanted`` names by asset key or role, else the asset of the role ``visual``, else the one with
    bands red, green and blue, else the three assets of these colours, else the only raster with data.
    """
    name = item.get("id")
    try:
        rasters = _rasters(item, origin)
        chosen = _asked(rasters, wanted) if wanted else _best([asset for asset in rasters if asset.is_data])
        name = str(name) if isinstance(name, int) else text_of(item, "id") or ""
        return replace(_scene(name, chosen), datetime=datetime_of(item))
    except (PipelineError, ValueError) as error:
        assets = item.get("assets")
        keys = ", ".join(map(str, assets if isinstance(assets, dict) else ())) or "none"
        return Refusal(
            origin,
            f"the STAC item {str(name)[:_SAID_CHARS] if name else '(without id)'} at {origin} gives no scene: {error}. "
            f"Its assets are: {keys[:_SAID_CHARS]}; name one by --assets",
        )


def has_data(collection: Mapping[str, Any]) -> bool:
    """Tell whether a collection has assets of its own that are rasters with data, and no mere preview."""
    assets = collection.get("assets")
    return isinstance(assets, dict) and any(
        isinstance(asset, dict) and key.lower() not in _ABOUT and _is_raster(asset) and _may_be_data(asset)
        for key, asset in assets.items()
    )


def _may_be_data(asset: Mapping[str, Any]) -> bool:
    roles = asset.get("roles")
    return not isinstance(roles, list) or not any(
        role in _NO_DATA_ROLES for role in roles if isinstance(role, str)
    )


def _scene(name: str, chosen: Sequence[Asset]) -> Scene:
    """Make a scene of one asset, or of three: red, green and blue."""
    if len(chosen) == len(_RGB):
        red, green, blue = (_only_band(asset, colour) for asset, colour in zip(chosen, _RGB, strict=True))
        return scene_of(red.uri, name=name, bands=(red, green, blue))
    (asset,) = chosen
    if not _in_colour(asset):
        return scene_of(asset.uri, name=name)
    return scene_of(asset.uri, name=name, bands=(asset.band("red"), asset.band("green"), asset.band("blue")))


def _only_band(asset: Asset, colour: str) -> Band:
    return asset.band(colour) if colour in asset.colours else Band(asset.uri, 1)


def _asked(rasters: Sequence[Asset], wanted: Sequence[str]) -> Sequence[Asset]:
    """Return the asset, or the three in their order, that ``wanted`` names."""
    by_key = {asset.key: asset for asset in rasters}
    if all(name in by_key for name in wanted):
        chosen = [by_key[name] for name in wanted]
        if len(chosen) in (1, len(_RGB)):
            return chosen
        raise ValueError(f"one asset makes a scene, or three: red, green and blue; asked for {len(chosen)}")
    found = [asset for asset in rasters if asset.key in wanted or asset.roles & set(wanted)]
    if not found:
        raise ValueError(f"no raster of it has the key or the role {' or '.join(wanted)}")
    return _best(found)


def _best(rasters: Sequence[Asset]) -> Sequence[Asset]:
    """Return the one asset or the three, in the order that ``scene_of_item`` states; of equals the finest."""
    ranked = sorted(rasters, key=lambda asset: asset.rank)
    shown = [asset for asset in ranked if asset.shows] or [asset for asset in ranked if _in_colour(asset)]
    if shown:
        return shown[:1]
    across = [next((each for each in ranked if colour in each.colours), None) for colour in _RGB]
    if all(across):
        return [asset for asset in across if asset]
    data = [asset for asset in ranked if "data" in asset.roles] or ranked
    if len(data) == 1:
        return data
    if not data:
        raise ValueError("none of its assets is a raster with data")
    keys = ", ".join(asset.key for asset in data)
    raise ValueError(f"of its rasters none is known to be in colour, and there are several ({keys})")


def _in_colour(asset: Asset) -> bool:
    return all(asset.colours.count(colour) == 1 for colour in _RGB)


def _rasters(item: Mapping[str, Any], origin: str) -> list[Asset]:
    """Return the assets that are rasters by media type, or by suffix."""
    assets = dict_of(item, "assets")
    if not all(isinstance(asset, dict) for asset in assets.values()):
        raise ValueError("the assets of an item are objects by key")
    return [_asset(key, asset, item, origin) for key, asset in assets.items() if _is_raster(asset)]


def _is_raster(asset: Mapping[str, Any]) -> bool:
    kind = str(asset.get("type") or "").lower()
    href = asset.get("href")
    return isinstance(href, str) and (
        (kind.startswith("image/") and "svg" not in kind) or has_suffix(href, SUFFIXES)
    )


def _asset(key: str, asset: Mapping[str, Any], item: Mapping[str, Any], origin: str) -> Asset:
    try:
        tiff = "tif" in (text_of(asset, "type") or asset["href"]).lower()
        return Asset(
            key,
            objects.resolve(asset["href"], origin=origin),
            texts_of(asset, "roles"),
            colours_of(key, asset, item),
            # A ground size that is not stated is the item's own, the finest.
            (not tiff, number_of(asset, "gsd") or 0.0),
        )
    except ValueError as error:
        raise ValueError(f"of the asset {key[:_SAID_CHARS]} {error}") from error
