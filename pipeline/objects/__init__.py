"""Small whole objects at a local path or a uri of a listed scheme: the door to fsspec.

What reads or writes takes a ``Location``: the storage is reached as that says, see ``storage``. Credentials are never
put into a message. Nothing here is cached: a listing is as true as the storage's own.
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
from pipeline.objects.documents import OWN_BYTES, get_document
from pipeline.objects.flat import Listed, folder_info, list_all, written_s
from pipeline.objects.listing import glob, list_entries, list_folders, list_names, walk
from pipeline.objects.place import join, link_between, resolve, with_small_scheme, writing
from pipeline.objects.reading import MOST_REDIRECTS, REDIRECTS, Follow, check_regular, serves_ranges
from pipeline.objects.removing import linked_folders, remove, remove_made
from pipeline.objects.schemes import check_uri, is_remote, is_text, is_web, local, readable, scheme_of
from pipeline.objects.tree import Refused

__all__ = [
    "MOST_REDIRECTS",
    "OWN_BYTES",
    "REDIRECTS",
    "Follow",
    "Listed",
    "ObjectInfo",
    "Refused",
    "check_regular",
    "check_uri",
    "create_bytes",
    "exists",
    "folder_info",
    "get_bytes",
    "get_document",
    "glob",
    "info",
    "is_folder",
    "is_remote",
    "is_text",
    "is_web",
    "join",
    "link_between",
    "linked_folders",
    "list_all",
    "list_entries",
    "list_folders",
    "list_names",
    "local",
    "opened",
    "put_bytes",
    "readable",
    "remove",
    "remove_made",
    "resolve",
    "scheme_of",
    "serves_ranges",
    "sweep",
    "walk",
    "with_small_scheme",
    "writing",
    "written_s",
]
