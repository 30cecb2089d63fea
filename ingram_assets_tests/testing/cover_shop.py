"""A bucket on the real S3 server, a ledger, and what iPage shows by ISBN."""

import hashlib
import itertools
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import httpx
from botocore.config import Config

from ingram_assets.coordination.connection import Coordinator
from ingram_assets.coordination.cover_looks import CoverLooks
from ingram_assets.covers import Bucket, CoverOutcome, Ledger, Source, client_config, keep_covers
from ingram_assets.covers.bucket import earlier_key
from ingram_assets.domain.cover_addresses import WIDTHS, processed_key, raw_key
from ingram_assets_tests.testing.queue import Queue
from ingram_assets_tests.testing.s3_proxy import Proxy
from ingram_demo.embedded.s3 import S3

_numbers = itertools.count(1)

FORGET_COVERS = (
    "TRUNCATE scraper.cover_looks, scraper.cover_sightings, scraper.cover_placeholders, "
    "scraper.open_library_lookups"
)


class CoverShop:
    """A bucket, a ledger, and what iPage shows by ISBN: enough to look at covers."""

    def __init__(self, s3: S3, proxy: Proxy, folder: Path, queue: Queue) -> None:
        self.s3 = s3
        self.queue = queue
        self.proxy = proxy
        self.folder = folder
        self.name = f"covers-{next(_numbers)}"
        s3.create_bucket(self.name)
        self.public_url = f"{s3.public_url.rsplit('/', 1)[0]}/{self.name}"
        self.bucket = self.bucket_with()
        self._coordinators: list[Coordinator] = []
        self.ledger = self.open_ledger()
        self.ipage: dict[str, bytes | Exception] = {}
        self.asked: list[str] = []
        """ISBNs that iPage was asked for."""

    def client(self, *, key: str | None = None, secret: str | None = None, **config: Any) -> Any:
        # One attempt: a test that is about retries asks for more, the others need not wait for them. And time
        # for it: a busy machine is no fault of the bucket's.
        once = {"retries": {"mode": "standard", "total_max_attempts": 1}}
        patient = Config(**{**once, "connect_timeout": 60, "read_timeout": 120, **config})
        return boto3.client(
            "s3",
            endpoint_url=self.proxy.endpoint,
            aws_access_key_id=key or self.s3.key,
            aws_secret_access_key=secret or self.s3.secret,
            region_name="auto",
            config=client_config().merge(patient),
        )

    def bucket_with(self, name: str | None = None, **client: Any) -> Bucket:
        return Bucket(self.client(**client), name or self.name, self.public_url)

    def open_ledger(self, url: str | None = None, **options: Any) -> Ledger:
        """As another run would: with a connection of its own, closed with the shop."""
        self._coordinators.append(Coordinator(url or self.queue.writer))
        return Ledger(CoverLooks(self._coordinators[-1], self.bucket.identity), **options)

    def forget(self) -> None:
        """All that is remembered of covers is lost."""
        self.queue.sql(FORGET_COVERS)

    def close(self) -> None:
        for each in self._coordinators:
            each.close()

    def fetch(self, isbn: str) -> bytes | None:
        self.asked.append(isbn)
        found = self.ipage.get(isbn)
        if isinstance(found, Exception):
            raise found
        return found

    @property
    def source(self) -> Source:
        return Source("ipage", self.fetch)

    def keep(self, *titles: Any, sources: list[Source] | None = None, **options: Any) -> list[CoverOutcome]:
        """One run, to its end."""
        return list(self.iterate(*titles, sources=sources, **options))

    def iterate(self, *titles: Any, **options: Any) -> Iterator[CoverOutcome]:
        chosen = {"bucket": self.bucket, "ledger": self.ledger, **options}
        chosen["sources"] = chosen.get("sources") or [self.source]
        return keep_covers(titles or tuple(self.ipage), **chosen)

    def one(self, title: Any, **options: Any) -> CoverOutcome:
        """One run over one title."""
        (outcome,) = self.keep(title, **options)
        return outcome

    def raw(self, isbn: str) -> dict[str, Any]:
        """The stored raw cover, straight from the S3 server: its headers, metadata and bytes."""
        found = self._direct().get_object(Bucket=self.name, Key=raw_key(isbn))
        # rclone gives the names back capitalised.
        metadata = {name.lower(): value for name, value in found["Metadata"].items()}
        return {**found, "Metadata": metadata, "bytes": found["Body"].read()}

    def settled(self, isbn: str, seconds: float = 120) -> None:
        """Waits until the S3 server is done with an upload that was cut: its raw cover is there again."""
        end = time.monotonic() + seconds
        while raw_key(isbn) not in self.keys():
            assert time.monotonic() < end, f"the raw cover of {isbn} is gone"
            time.sleep(0.1)

    def is_whole(self, isbn: str) -> None:
        """The raw cover is the picture that its metadata tell of, and all web sizes are of that one."""
        raw = self.raw(isbn)
        sha256 = hashlib.sha256(raw["bytes"]).hexdigest()
        assert raw["Metadata"]["sha256"] == sha256
        for width in WIDTHS:
            size = self._direct().head_object(Bucket=self.name, Key=processed_key(isbn, width))
            metadata = {name.lower(): value for name, value in size["Metadata"].items()}
            assert metadata["sha256-of-raw"] == sha256, f"the web size {width} is of another picture"

    def web(self, isbn: str, width: int) -> bytes:
        return self._direct().get_object(Bucket=self.name, Key=processed_key(isbn, width))["Body"].read()

    def put_foreign(self, isbn: str, data: bytes) -> None:
        """As another program would: no metadata."""
        self._direct().put_object(Bucket=self.name, Key=raw_key(isbn), Body=data)

    def as_an_earlier_version_left_it(self, isbn: str) -> None:
        """A stored cover's web sizes under their earlier names, and nothing that tells of them."""
        s3 = self._direct()
        for width in WIDTHS:
            now = {"Bucket": self.name, "Key": processed_key(isbn, width)}
            s3.copy_object(Bucket=self.name, Key=earlier_key(isbn, width), CopySource=now)
            s3.delete_object(**now)
        raw = self.raw(isbn)
        del raw["Metadata"]["sizes"]
        s3.put_object(Bucket=self.name, Key=raw_key(isbn), Body=raw["bytes"], Metadata=raw["Metadata"])
        look = self.ledger.look(isbn)
        assert look is not None
        self.ledger.record(isbn, replace(look, sizes=""))

    def keys(self) -> list[str]:
        found = self._direct().list_objects_v2(Bucket=self.name).get("Contents", [])
        return sorted(one["Key"] for one in found)

    def public(self, url: str) -> httpx.Response:
        """What everybody gets there, without keys."""
        return httpx.get(url, timeout=60)

    def _direct(self) -> Any:
        return boto3.client(
            "s3",
            endpoint_url=self.s3.endpoint,
            aws_access_key_id=self.s3.key,
            aws_secret_access_key=self.s3.secret,
            region_name="auto",
            config=client_config(),
        )
