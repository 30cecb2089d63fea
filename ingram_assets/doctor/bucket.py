"""The covers' bucket: a picture is written, read back with our keys and by everybody, and deleted."""

import contextlib
import io
import os
import secrets
from collections.abc import Callable, Iterator
from functools import cached_property

from ingram_assets.covers.bucket import Bucket, client_config
from ingram_assets.covers.public_address import read_publicly
from ingram_assets.defs.scraper.from_settings import open_library
from ingram_assets.doctor.given import OF_LOCATION, Given, server_of
from ingram_assets.doctor.model import Check, Observed, Outcome
from ingram_assets.doctor.postgres import WRITER
from ingram_assets.domain.failures import IngramError
from ingram_assets.settings.scraper import ScraperSettings

WRITE, READ, PUBLIC, DELETE = "Bucket: write", "Bucket: read back", "Bucket: public address", "Bucket: delete"
OPEN_LIBRARY = "Open Library"

_WELL_KNOWN = "9780140328721"
"""A title of which Open Library has a cover; that it answers at all is enough."""


class BucketVisit:
    """One visit of the bucket, with a picture that is another one each time: no cache can have it."""

    def __init__(self, given: Given) -> None:
        self._given = given
        self._key = ""

    @cached_property
    def bucket(self) -> Bucket:
        """The client, as runs have it."""
        import boto3

        settings = self._given.scraper
        client = boto3.client(
            "s3",
            endpoint_url=settings.R2_ENDPOINT,
            region_name="auto",
            aws_access_key_id=settings.R2_ACCESS_KEY_ID.get_secret_value(),
            aws_secret_access_key=settings.R2_SECRET_ACCESS_KEY.get_secret_value(),
            config=client_config(),
        )
        return Bucket(client, settings.R2_BUCKET_NAME, settings.R2_PUBLIC_URL)

    @cached_property
    def _picture(self) -> bytes:
        from PIL import Image

        file = io.BytesIO()
        Image.frombytes("RGB", (8, 8), os.urandom(192)).save(file, "JPEG")
        return file.getvalue()

    def write(self) -> Observed:
        """Stores the picture."""
        self.bucket.check()
        self._key = self.bucket.put_probe(secrets.token_hex(8), self._picture)
        return Observed(f"{self._key} was stored in {self.bucket.name!r}.")

    def read_back(self) -> Observed:
        """Reads it with our keys."""
        body, kind = self.bucket.read_probe(self._key)
        if body != self._picture or kind != "image/jpeg":
            words = f"Another picture came back than was stored ({len(body):,} bytes, {kind})."
            return Observed(
                f"{words} See whether the bucket changes what is stored.", Outcome.MISSING, settings=()
            )
        return Observed("The same bytes and type came back.")

    def read_publicly(self) -> Observed:
        """Reads it as everybody does."""
        url = f"{self.bucket.public_url}/{self._key}"
        answer = read_publicly(url)
        said = None
        if answer.status != 200:
            said = f"answers {answer.status} for what was just stored"
        elif answer.body != self._picture or answer.content_type != "image/jpeg":
            said = f"sends something else ({len(answer.body):,} bytes, {answer.content_type or 'of no type'})"
        if said is not None:
            return Observed(
                f"{self.bucket.public_url} {said}: the public address shows another bucket's files, or none. "
                f"Is R2_BUCKET_NAME ({self.bucket.name}) or R2_PUBLIC_URL right? If both are, see whether "
                "this address is connected to that bucket (in R2: Settings, Custom Domains), and whether "
                "something on the way changes pictures.",
                Outcome.MISSING,
            )
        return Observed(f"{self.bucket.public_url} sends the same bytes and type to everybody.")

    def delete(self) -> Observed:
        """Deletes it."""
        self.bucket.remove_probe(self._key)
        self._key = ""
        return Observed("What was stored is deleted again.")

    def leave(self) -> None:
        """Deletes what is still there, since somebody stopped in the middle."""
        if self._key:
            with contextlib.suppress(IngramError):
                self.bucket.remove_probe(self._key)
            self._key = ""

    def open_library(self) -> Observed:
        """Asks for one cover, within the limit that the runs share: in the queue database."""
        url = self._given.scraper.OPEN_LIBRARY_COVERS_URL
        with open_library(self._given.scraper) as library:
            picture = library.fetch(_WELL_KNOWN)
        return Observed(f"{url} answers{'' if picture else ', and has no cover of ' + _WELL_KNOWN}.")


def checks(given: Given, visit: BucketVisit) -> Iterator[Check]:
    """Those of the bucket, if the scraper's settings are here."""
    if "scraper" not in given.here:
        return
    file, of_scraper = ScraperSettings.file, OF_LOCATION["scraper"]

    def check(
        name: str, look: Callable[[], Observed], setting: str, *needs: str, system: str = "bucket"
    ) -> Check:
        def server() -> str:
            return server_of(getattr(given.scraper, setting))

        return Check(system, name, look, file, (setting,), needs, server=server)

    yield check(WRITE, visit.write, "R2_ENDPOINT", of_scraper)
    yield check(READ, visit.read_back, "R2_ENDPOINT", WRITE)
    yield check(PUBLIC, visit.read_publicly, "R2_PUBLIC_URL", WRITE)
    yield check(DELETE, visit.delete, "R2_ENDPOINT", WRITE)
    needs = (of_scraper, WRITER)
    yield check(OPEN_LIBRARY, visit.open_library, "OPEN_LIBRARY_COVERS_URL", *needs, system="open library")
