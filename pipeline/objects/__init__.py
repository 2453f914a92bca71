"""Small whole objects at a local path, a ``file://``, an ``s3://`` or another uri that fsspec knows: its door.

Storage is reached as the environment says, see ``storage``. Credentials are never put into a message. Nothing
here is cached: a listing is as true as the storage's own.
"""

from pipeline.objects.content import (
    ObjectInfo,
    exists,
    get_bytes,
    info,
    is_folder,
    opened,
    put_bytes,
    sweep,
)
from pipeline.objects.creating import create_bytes
from pipeline.objects.flat import Listed, folder_info, list_all, written_s
from pipeline.objects.listing import glob, list_entries, list_folders, list_names, walk
from pipeline.objects.place import is_remote, is_web, join, link_between, resolve, writing
from pipeline.objects.removing import linked_folders, remove, remove_made

__all__ = [
    "Listed",
    "ObjectInfo",
    "create_bytes",
    "exists",
    "folder_info",
    "get_bytes",
    "glob",
    "info",
    "is_folder",
    "is_remote",
    "is_web",
    "join",
    "link_between",
    "linked_folders",
    "list_all",
    "list_entries",
    "list_folders",
    "list_names",
    "opened",
    "put_bytes",
    "remove",
    "remove_made",
    "resolve",
    "sweep",
    "walk",
    "writing",
    "written_s",
]
