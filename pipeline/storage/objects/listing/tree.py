"""Local folders as they are walked: each file once, whatever links lead to it, and what cannot be read is told."""

from __future__ import annotations

import errno
import os
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.errors import PipelineError

Refused = Callable[[str, PipelineError], None]
"""Told of a folder that cannot be listed, and why."""

_DANGLING = (errno.ENOENT, errno.ELOOP, errno.ENOTDIR)


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder to list; ``linked`` where a link led to it, or to one above."""

    path: str
    level: int
    linked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """What is below ``root``: to a ``depth`` (1 is the folder itself), folders named as ``whole`` not listed.

    Of its files those are taken whose path ``matches``; ``by_name`` says that a folder's own name decides too.
    """

    root: str
    refused: Refused
    depth: int | None = None
    whole: tuple[str, ...] = ()
    matches: Callable[[str], object] = bool
    by_name: bool = False
    _folders: set[tuple[object, ...]] = field(default_factory=set, init=False)
    _aliases: set[str] = field(default_factory=set, init=False)

    def files(self) -> Iterator[str]:
        """Yield the paths of files, folder by folder, sorted; what is hidden is left out.

        Folders that links lead to come last, so that a file is called by where it is, if it is below ``root`` at all.
        """
        ahead, links = [_Folder(self.root, 1)], deque[_Folder]()
        while ahead or links:
            folder = ahead.pop() if ahead else links.popleft()
            if not self._enter(folder):
                continue
            files, below, linked = self._listed(folder)
            yield from (path for path, link in files if self._take(path, aliased=link or folder.linked))
            if self.depth is None or folder.level < self.depth:
                ahead += [_Folder(path, folder.level + 1, folder.linked) for path in reversed(below)]
                links += [_Folder(path, folder.level + 1, linked=True) for path in linked]

    def _enter(self, folder: _Folder) -> bool:
        """Tell whether to list a folder: once, or once by each name where names decide."""
        try:
            state = Path(folder.path).stat()
        except OSError:
            return True  # the reason is told when it is listed
        name = (Path(folder.path).name, self.depth and folder.level) if self.by_name else ()
        key = (state.st_dev, state.st_ino, *name)
        if key in self._folders:
            return False
        self._folders.add(key)
        return True

    def _listed(self, folder: _Folder) -> tuple[list[tuple[str, bool]], list[str], list[str]]:
        """Return the files of a folder, each with whether it is a link, its folders, and those that are links."""
        files: list[tuple[str, bool]] = []
        below: list[str] = []
        linked: list[str] = []
        for entry in self._entries(folder):
            path = f"{folder.path.rstrip('/')}/{entry.name}"
            try:
                is_folder = entry.is_dir() and not entry.name.lower().endswith(self.whole or ("/",))
            except OSError as error:
                if error.errno not in _DANGLING:
                    self._tell(path, error)
                    continue
                is_folder = False
            if is_folder:
                (linked if entry.is_symlink() else below).append(path)
            else:
                files.append((path, entry.is_symlink()))
        return files, below, linked

    def _entries(self, folder: _Folder) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(folder.path) as found:
                return sorted(
                    (each for each in found if not each.name.startswith(".")), key=lambda each: each.name
                )
        except OSError as error:
            if error.errno in _DANGLING:
                return []  # gone since it was listed
            if folder.level == 1:
                raise
            self._tell(folder.path, error)
            return []

    def _tell(self, path: str, error: OSError) -> None:
        self.refused(path, PipelineError(f"cannot list {path}: {type(error).__name__}: {error}"))

    def _take(self, path: str, *, aliased: bool) -> bool:
        """Tell whether a file is taken: by another name only what is not taken by its own, and once."""
        if not self.matches(path):
            return False
        if not aliased:
            return True
        real = os.path.realpath(path)
        if real in self._aliases or self._comes_itself(path, real):
            return False
        self._aliases.add(real)
        return True

    def _comes_itself(self, path: str, real: str) -> bool:
        """Tell whether the file that a link at ``path`` leads to is taken by its own name."""
        root = os.path.realpath(self.root)
        if not real.startswith(f"{root.rstrip('/')}/") or not Path(real).exists():
            return False
        parts = real[len(root.rstrip("/")) + 1 :].split("/")
        own = "/".join([self.root.rstrip("/"), *parts])
        inside = any(part.lower().endswith(self.whole or ("/",)) for part in parts[:-1])
        deep = self.depth is not None and len(parts) > self.depth
        hidden = any(part.startswith(".") for part in parts)
        alike = Path(own).suffix.lower() == Path(path).suffix.lower()
        return not inside and not deep and not hidden and alike and bool(self.matches(own))
