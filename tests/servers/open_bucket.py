"""Scenes in a bucket that everybody may read."""

import uuid
from pathlib import Path

from tests.servers.s3_server import OPEN_BUCKET, S3Server


def put_below_a_prefix(server: S3Server, folder: Path) -> str:
    """Put all files of a folder below a prefix of the open bucket that is of this call alone, and return its uri."""
    prefix = f"two-storages-{uuid.uuid4().hex[:8]}"
    client = server.client()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            key = f"{prefix}/{path.relative_to(folder)}"
            client.put_object(Bucket=OPEN_BUCKET, Key=key, Body=path.read_bytes())
    client.close()
    return f"s3://{OPEN_BUCKET}/{prefix}"
