"""titiler: its server of Zarr stores on this machine, asked over HTTP."""

from __future__ import annotations

import base64
import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator

import httpx2 as httpx
import uvicorn
from titiler.xarray.main import app

from tests.clients.readers.answering import Answer, Asked


@contextlib.contextmanager
def running() -> Iterator[str]:
    """Serve tiles on a free port of 127.0.0.1; yield the address."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


def read(asked: Asked) -> Answer:
    with running() as address:
        return _read(asked, address)


def _read(asked: Asked, address: str) -> Answer:
    def get(path: str, **more: str) -> httpx.Response:
        of_store = {"url": asked.store, "group": "0", "variable": "class"}
        return httpx.get(address + path, params=of_store | more, trust_env=False, timeout=60)

    info = get("/info")
    if info.is_error:
        return {"refused": f"{info.status_code}: {info.text}"}
    said = info.json()
    colors = said["attrs"]["flag_colors"].split()
    return {
        "crs": "EPSG:" + said["crs"].rpartition("/")[2],
        "bounds": said["bounds"],
        "dtype": said["dtype"],
        "shape": [said["height"], said["width"]],
        "nodata": said["attrs"]["nodata"],
        "names": said["attrs"]["class_names"],
        "colors": colors,
        "at places": [_value(get(f"/point/{lon},{lat}")) for lon, lat in asked.places],
        "tile": asked.tile and _tile(get, asked.tile, colors),
    }


def _value(found: httpx.Response) -> int | str | None:
    """Return a class id, None for no data, or why there is neither."""
    if found.is_error:
        return f"{found.status_code}: {found.text}"
    [value] = found.json()["values"]
    return None if value is None else int(value)


def _tile(get: Callable[..., httpx.Response], tile: tuple[int, int, int], colors: list[str]) -> str | None:
    """Return a tile as a PNG in base64, in the store's own colours; None where the server has none."""
    colormap = json.dumps({id_: [*bytes.fromhex(color[1:]), 255] for id_, color in enumerate(colors)})
    found = get("/tiles/WebMercatorQuad/{}/{}/{}.png".format(*tile), colormap=colormap)
    return None if found.is_error else base64.b64encode(found.content).decode()
