"""A run over scenes that want keys, signatures and passwords: none of them is in anything that it wrote or said."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline.storage import objects
from pipeline.storage.location import Location
from tests.jobs.conftest import PaintScene
from tests.servers.s3_server import BUCKET, SECRET_KEY, S3Server

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import shutil, sys, ray
_, folder, output, first, second, *flags = sys.argv
ray.init(num_cpus=2, include_dashboard=False, _temp_dir=folder, object_store_memory=256 * 1024 * 1024)
from jobs import segment
print("code", segment.main([first, "-o", output, *flags]))
shutil.copytree(output, f"{output}-first")
print("code", segment.main([second, "-o", output, *flags]))
"""
PASSWORD = "hunter2password"  # noqa: S105 - it opens nothing
SAS = "hunter2sas"


@pytest.fixture
def ray_folder() -> Iterator[Path]:
    """A folder for Ray and its logs; a socket's path may have 107 bytes."""
    folder = Path(tempfile.mkdtemp(prefix="k", dir="/tmp"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def signed(server: S3Server, uri: str, *, signature: str) -> str:
    """A uri that anybody may read with for a while."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    client = server.client(signature=signature)
    made: str = client.generate_presigned_url("get_object", {"Bucket": bucket, "Key": key})
    client.close()
    return made


def run(folder: Path, lists: list[Path], output: Path) -> subprocess.CompletedProcess[bytes]:
    """Run over the first list, keep a copy of what that wrote, and run over the second list, by one Ray."""
    flags = ["--classes", "road; water", "--window-px", "512", "--chunk-px", "512", "--actors", "1"]
    command = [sys.executable, "-c", PROGRAM, str(folder), str(output), *map(str, lists), *flags]
    return subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, timeout=500, check=False)


def written(*folders: Path) -> Iterator[tuple[Path, bytes]]:
    """Every file below the folders, Parquet as its text too: its pages are compressed."""
    for path in (path for folder in folders for path in folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield path, path.read_bytes()
            if path.suffix == ".parquet":
                yield path, str(pq.read_table(path).to_pylist()).encode()


@pytest.mark.slow
@pytest.mark.timeout(600)  # two runs and their Ray, on a busy machine
def test_no_secret_is_in_any_output_or_log_and_a_new_signature_is_the_same_scene(
    paint_scene: PaintScene, tmp_path: Path, ray_folder: Path, s3_server: S3Server, s3: str
) -> None:
    data = paint_scene("a.tif", height=100, width=100).read_bytes()
    for name in ("keyed.tif", "signed.tif"):
        objects.put_bytes(Location(f"{s3}/{name}"), data)
    host = s3_server.endpoint.removeprefix("http://")
    good, again = (signed(s3_server, f"{s3}/signed.tif", signature=version) for version in ("s3", "s3v4"))
    forged = again.replace("X-Amz-Signature=", "X-Amz-Signature=0badc0de")
    entries = [
        f"{s3}/keyed.tif",
        good,
        forged.replace("signed.tif", "forged.tif"),
        f"http://me:{PASSWORD}@{host}/{BUCKET}/password.tif",
        f"http://{host}/{BUCKET}/sas.tif?sv=2024&se=2030&sig={SAS}",
    ]
    output, before = tmp_path / "out", tmp_path / "out-first"
    lists = [tmp_path / "list.txt", tmp_path / "again.txt"]
    lists[0].write_text("\n".join(entries))
    lists[1].write_text("\n".join([f"{s3}/keyed.tif", again]))
    done = run(ray_folder, lists, output)
    assert re.findall(rb"^code (\d+)$", done.stdout, re.MULTILINE) == [b"3", b"0"], done.stderr.decode()
    assert done.stdout.index(b"2 done, 0 done before") < done.stdout.index(b"0 done, 2 done before")
    failures = pq.read_table(before / "failures.parquet").to_pylist()
    assert {row["uri"].rsplit("/", 1)[1] for row in failures} == {"forged.tif", "password.tif", "sas.tif"}

    secrets = [SECRET_KEY, PASSWORD, SAS, "0badc0de", *re.findall(r"Signature=([\w%]+)", good + again)]
    files = [
        *written(output, before, ray_folder),
        *((Path(n), t) for n, t in (("stdout", done.stdout), ("stderr", done.stderr))),
    ]
    assert len(files) > 30
    found = [(str(path), secret) for path, text in files for secret in secrets if secret.encode() in text]
    assert found == []
