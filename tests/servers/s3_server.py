"""A real S3 server for the tests: SeaweedFS in one process, on free ports of 127.0.0.1."""

import base64
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import botocore.config
import botocore.exceptions
import botocore.session

BUCKET = "tests"
OPEN_BUCKET = "open"
"""What everybody may read."""

ACCESS_KEY = "testkey"
SECRET_KEY = "testsecret"  # noqa: S105 - the key of a server that lives as long as the tests
REGION = "us-east-1"
READY_WITHIN_S = 60.0

_ROLE = "arn:aws:iam::000000000000:role/reader"
_POLICY_VERSION = "2012-10-17"
_SESSIONS = {
    "sts": {
        "tokenDuration": "1h",
        "maxSessionLength": "12h",
        "issuer": "tests",
        "signingKey": base64.b64encode(b"the tests' own signing key").decode(),
    },
    "policy": {"defaultEffect": "Deny", "storeType": "memory"},
    "policies": [
        {
            "name": "Read",
            "document": {
                "Version": _POLICY_VERSION,
                "Statement": [{"Effect": "Allow", "Action": ["s3:Get*", "s3:List*"], "Resource": ["*"]}],
            },
        }
    ],
    "roles": [
        {
            "roleName": "reader",
            "roleArn": _ROLE,
            "trustPolicy": {
                "Version": _POLICY_VERSION,
                "Statement": [{"Effect": "Allow", "Principal": "*", "Action": ["sts:AssumeRole"]}],
            },
            "attachedPolicies": ["Read"],
        }
    ],
}


@dataclass(frozen=True, slots=True)
class S3Server:
    """Where a running server listens, and the key that it knows."""

    endpoint: str
    access_key: str = ACCESS_KEY
    secret_key: str = SECRET_KEY

    @property
    def environment(self) -> dict[str, str]:
        """What a client, or a process that is to become one, needs in its environment."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
        }

    def client(self, kind: str = "s3", *, signature: str | None = None) -> Any:  # noqa: ANN401 - botocore makes its classes as it goes
        """Return botocore's client of the tests' key, which tries once."""
        return botocore.session.get_session().create_client(
            kind,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            config=botocore.config.Config(
                signature_version=signature,
                retries={"total_max_attempts": 1},
                connect_timeout=2,
                read_timeout=5,
            ),
        )

    def session(self) -> dict[str, str]:
        """Return the variables of a session that may read, as the server's own STS hands it out."""
        client = self.client("sts")
        given = client.assume_role(RoleArn=_ROLE, RoleSessionName="tests")["Credentials"]
        client.close()
        return {
            "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
            "AWS_SESSION_TOKEN": given["SessionToken"],
        }


@contextlib.contextmanager
def running_s3_server(access_key: str = ACCESS_KEY, secret_key: str = SECRET_KEY) -> Iterator[S3Server]:
    """Start a server with its buckets and one key, yield it when it takes writes, kill it at the end."""
    folder = Path(tempfile.mkdtemp(prefix="s3-"))
    ports = _free_ports(8)
    server = S3Server(f"http://127.0.0.1:{ports[6]}", access_key, secret_key)
    process = subprocess.Popen(
        _command(folder, ports, server),
        env=_unkeyed(os.environ) | {"GOMEMLIMIT": "400MiB", "GOGC": "50"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_until_ready(server, process)
        yield server
    finally:
        process.send_signal(signal.SIGKILL)  # SIGTERM drains for 15 s
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _command(folder: Path, ports: list[int], server: S3Server) -> list[str]:
    identities = folder / "s3.json"
    identities.write_text(json.dumps(_identities(server)))
    sessions = folder / "iam.json"
    sessions.write_text(json.dumps(_SESSIONS))
    master, master_grpc, volume, volume_grpc, filer, filer_grpc, s3, s3_grpc = ports
    return [
        str(Path(sys.executable).parent / "weed"),
        "-logtostderr=false", f"-logdir={folder}", "-alsologtostderr=false",
        "server", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
        f"-master.port={master}", f"-master.port.grpc={master_grpc}", "-master.telemetry=false",
        "-master.volumeSizeLimitMB=256", "-master.electionTimeout=1s", "-master.heartbeatInterval=100ms",
        f"-volume.port={volume}", f"-volume.port.grpc={volume_grpc}", "-volume.max=1000",
        "-volume.preStopSeconds=0",
        "-filer", f"-filer.port={filer}", f"-filer.port.grpc={filer_grpc}",
        "-s3", f"-s3.port={s3}", f"-s3.port.grpc={s3_grpc}", "-s3.port.iceberg=0", "-s3.port.lance=0",
        "-s3.cacheCapacityMB=64", f"-s3.config={identities}", f"-s3.iam.config={sessions}",
    ]  # fmt: skip


def _unkeyed(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without keys: the server would take one for its own administrator's."""
    return {name: value for name, value in environment.items() if not name.startswith("AWS_")}


def _identities(server: S3Server) -> dict[str, Any]:
    key = {"accessKey": server.access_key, "secretKey": server.secret_key}
    return {
        "identities": [
            {
                "name": "dev",
                "credentials": [key],
                "actions": ["Admin", "Read", "List", "Tagging", "Write"],
            },
            {"name": "anonymous", "actions": [f"Read:{OPEN_BUCKET}", f"List:{OPEN_BUCKET}"]},
        ]
    }


def _free_ports(count: int) -> list[int]:
    """Ports nobody listens on, all held at once so that they differ."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]


def _wait_until_ready(server: S3Server, process: subprocess.Popen[bytes]) -> None:
    """Ready is: healthy, and a bucket and an object can be made."""
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            msg = f"the S3 server ended with code {process.returncode} before it was ready"
            raise RuntimeError(msg)
        if _answers(server):
            return
        time.sleep(0.1)
    msg = f"the S3 server was not ready within {READY_WITHIN_S:.0f} s"
    raise TimeoutError(msg)


def _answers(server: S3Server) -> bool:
    try:
        urllib.request.urlopen(f"{server.endpoint}/healthz", timeout=1).close()  # noqa: S310 - our own server
        _put_first_object(server)
    except (OSError, botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError):
        return False
    return True


def _put_first_object(server: S3Server) -> None:
    client = server.client()
    for bucket in (BUCKET, OPEN_BUCKET):
        with contextlib.suppress(
            client.exceptions.BucketAlreadyOwnedByYou, client.exceptions.BucketAlreadyExists
        ):
            client.create_bucket(Bucket=bucket)
    client.put_object(Bucket=BUCKET, Key="ready", Body=b"yes")
    client.close()
