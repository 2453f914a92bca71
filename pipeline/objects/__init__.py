"""Small whole objects at a local path, a ``file://``, an ``s3://`` or another uri that fsspec knows: its door.

Storage is reached as the environment says, see ``storage``. Credentials are never put into a message. Nothing
here is cached: a listing is as true as the storage's own.
"""

from pipeline.objects.content import ObjectInfo, exists, get_bytes, info, is_folder, opened, put_bytes
from pipeline.objects.listing import glob, list_folders, list_names, walk
from pipeline.objects.measuring import folder_info, measured
from pipeline.objects.place import is_remote, is_web, join, resolve

__all__ = [
    "ObjectInfo",
    "exists",
    "folder_info",
    "get_bytes",
    "glob",
    "info",
    "is_folder",
    "is_remote",
    "is_web",
    "join",
    "list_folders",
    "list_names",
    "measured",
    "opened",
    "put_bytes",
    "resolve",
    "walk",
]
