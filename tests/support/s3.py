"""A real S3 server on loopback, in a process of its own, with one bucket as a Pulumi backend."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import httpx

from lab.processes import Process, free_port, start

START_SECONDS = 60.0
REGION = "us-east-1"
KEY, SECRET = "AKIASTATEOFTHEFLEET0", "seeded-secret-access-key"


class Bucket:
    """A bucket that several machines share, and its server.

    Attributes:
        endpoint: the server's URL.
        name: the bucket's name.
    """

    def __init__(self, folder: Path, name: str = "fleet-state") -> None:
        """Nothing is started yet; ``folder`` takes the server's log."""
        self.name, self._folder = name, folder
        port = free_port()
        self.endpoint = f"http://127.0.0.1:{port}"
        self._command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        self._process: Process | None = None

    def __enter__(self) -> Bucket:
        self._process = start("s3", self._command, self._folder)
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            self._process.require()
            assert time.monotonic() < deadline, f"the S3 server does not answer after {START_SECONDS:.0f} s"
            time.sleep(0.2)
        self.client = boto3.client(
            "s3", endpoint_url=self.endpoint, region_name=REGION, aws_access_key_id=KEY, aws_secret_access_key=SECRET
        )
        self.client.create_bucket(Bucket=self.name)
        return self

    def _answers(self) -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(f"{self.endpoint}/moto-api/", trust_env=False, timeout=5).is_success
        return False

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        self._process.stop()

    @property
    def url(self) -> str:
        """The backend, as Pulumi takes it.

        ``s3ForcePathStyle``: the bucket's name in the path, not in the host's name. ``response_checksum_validation``: not
        every server sends the checksums of which the AWS SDK otherwise warns at each read.
        """
        query = {
            "endpoint": self.endpoint,
            "region": REGION,
            "s3ForcePathStyle": "true",
            "response_checksum_validation": "when_required",
        }
        return f"s3://{self.name}?" + "&".join(f"{key}={value}" for key, value in query.items())

    @property
    def variables(self) -> Mapping[str, str]:
        """What an engine needs in its environment to use it."""
        return {
            "PULUMI_BACKEND_URL": self.url,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def objects(self, prefix: str = "") -> dict[str, bytes]:
        """Everything in it, by key."""
        return {key: self.client.get_object(Bucket=self.name, Key=key)["Body"].read() for key in self.keys(prefix)}

    def keys(self, prefix: str = "") -> Iterator[str]:
        """The keys of its objects."""
        for page in self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix):
            yield from (item["Key"] for item in page.get("Contents", []))

    def locks(self, project: str, stack: str) -> dict[str, dict[str, Any]]:
        """The locks on a stack, by key."""
        keys = self.objects(f".pulumi/locks/organization/{project}/{stack}/")
        return {key: json.loads(content) for key, content in keys.items()}

    def put_lock(self, project: str, stack: str, **content: Any) -> str:
        """Place a lock as another engine would write it; its key."""
        key = f".pulumi/locks/organization/{project}/{stack}/7d1f9a52-5d6c-4f83-a5a6-0d1f2f3c4b5a.json"
        self.client.put_object(Bucket=self.name, Key=key, Body=json.dumps(content).encode())
        return key
