"""OpenLayers in Chromium without a window: the page beside this, made into one script, and what it posts."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.clients.environment import installed
from tests.clients.served import served

PAGE = Path(__file__).parent / "openlayers" / "page.js"
FLAGS = (
    "--headless",
    "--no-sandbox",  # root may have none
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--use-gl=angle",  # WebGL by the processor
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
)


def ask(asked: Mapping[str, Mapping[str, Any]], stores: Mapping[str, Path], folder: Path) -> dict[str, Any]:
    """Return what the page tells of each store, of whose levels the pixels at ``asked[kind]`` are wanted.

    ``folder`` is a place for the page, and for what a browser leaves behind.
    """
    site_folder = folder / "site"
    site_folder.mkdir()
    _bundle(site_folder / "page.js")
    (site_folder / "index.html").write_text('<!doctype html><body><script src="page.js"></script>')
    for kind, store in stores.items():
        shutil.copytree(store, site_folder / kind)
    with served(site_folder) as site:
        wanted = {kind: {"url": f"{site.address}/{kind}", "pixels": each} for kind, each in asked.items()}
        (site_folder / "asked.json").write_text(json.dumps(wanted))
        with _chromium(f"{site.address}/index.html", folder / "profile"):
            answers: dict[str, Any] = site.answer(within_s=120)
    return answers


def _bundle(script: Path) -> None:
    modules = installed() / "openlayers" / "node_modules"
    subprocess.run(
        [modules / ".bin" / "esbuild", PAGE, "--bundle", f"--outfile={script}", "--log-level=error"],
        env={**os.environ, "NODE_PATH": str(modules)},
        check=True,
    )


@contextlib.contextmanager
def _chromium(address: str, profile: Path) -> Iterator[None]:
    """Have a browser open a page until the end of the block."""
    home = installed() / "openlayers" / "chromium"
    with (profile.parent / "chromium.log").open("wb") as log:
        browser = subprocess.Popen(
            [home / "chromium", *FLAGS, f"--user-data-dir={profile}", address],
            env={**os.environ, "LD_LIBRARY_PATH": str(home / "al2023" / "lib"), "NO_PROXY": "127.0.0.1"},
            stdout=log,
            stderr=log,
        )
        try:
            yield
        finally:
            browser.terminate()
            browser.wait(30)
