"""The covers' bucket: the one client of R2 (or any S3), where each of its failures is classified."""

import base64
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic import AwareDatetime, TypeAdapter, ValidationError

from ingram_assets.covers.pictures import MAX_BYTES, Picture, web_sizes
from ingram_assets.domain.cover_addresses import SIZES, WIDTHS, cover_address, processed_key, raw_key
from ingram_assets.domain.failures import IngramError, NeedsPerson, Permanent, Transient

if TYPE_CHECKING:
    from botocore.config import Config
    from botocore.exceptions import ClientError


CACHE_CONTROL = "public, max-age=31536000, immutable"
"""A year: an address carries the picture's version (`?v=`), so what is behind it never changes."""

PROBES = "covers/.check/"
"""Below which nothing stays."""

_WRONG_KEYS = {
    *("AccessDenied", "AllAccessDisabled", "ExpiredToken", "Forbidden", "InvalidAccessKeyId"),
    *("InvalidToken", "SignatureDoesNotMatch", "TokenRefreshRequired", "Unauthorized"),
}
_WRONG_CLOCK = {"RequestTimeTooSkewed", "RequestExpired"}
_WRONG_PLACE = {"AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "PermanentRedirect"}
_TRY_AGAIN = {
    *("BadDigest", "IncompleteBody", "InternalError", "OperationAborted", "RequestTimeout"),
    *("ServiceUnavailable", "SlowDown", "Throttling", "TooManyRequests", "XAmzContentSHA256Mismatch"),
}


def client_config() -> "Config":
    """How the boto3 client is to be made: bounded waits and retries, and requests that R2 understands.

    boto3's newer default adds checksum trailers to uploads, which R2 and other S3 servers have refused; ours
    carry a `Content-MD5`. Path addressing needs no wildcard DNS.
    """
    from botocore.config import Config

    return Config(
        connect_timeout=5,
        read_timeout=20,
        retries={"mode": "standard", "total_max_attempts": 3},
        max_pool_connections=16,
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3={"addressing_style": "path"},
    )


@dataclass(frozen=True, slots=True)
class StoredCover:
    """A cover as the bucket holds it: what stands in the metadata of `covers/raw/<isbn>.jpg`."""

    sha256: str
    origin_sha256: str
    size: int
    """Bytes."""
    width: int
    height: int
    source: str
    placeholder: bool
    phash: str
    stored_at: AwareDatetime
    sizes: str = ""
    """The widths of its web sizes, as `SIZES`. None of a cover that an earlier version stored: its sizes have
    other names (`earlier_key`)."""

    def metadata(self) -> dict[str, str]:
        """As object metadata: lower-case ASCII names, text values."""
        return {
            **{name.replace("_", "-"): str(value) for name, value in asdict(self).items() if value != ""},
            "placeholder": "yes" if self.placeholder else "no",
            "stored-at": self.stored_at.astimezone(UTC).isoformat(timespec="seconds"),
        }


_STORED = TypeAdapter(StoredCover)
_OF_PICTURE = ("sha256", "origin_sha256", "width", "height", "phash")


class Unmarked:
    """An object without our metadata: others put it there, or the server lost them."""


class Bucket:
    """One bucket of covers. Safe to use from several threads.

    Every method raises `Transient` (the bucket is out of reach, or overloaded: try again), `NeedsPerson`
    (wrong keys, a missing bucket, a wrong endpoint or clock) or `Permanent` (it refuses this one request).
    """

    def __init__(self, s3_client: Any, name: str, public_url: str) -> None:
        """`s3_client` is a boto3 client made with `client_config()`; readers get objects at `public_url`."""
        self._s3 = s3_client
        self.name = name
        self.public_url = public_url.rstrip("/")

    @property
    def identity(self) -> str:
        """Which bucket this is, so that what is remembered of one is never believed of another.

        Host and name, no port: a local server gets another port each time it starts, and R2 has none.
        """
        return f"{urlsplit(self._s3.meta.endpoint_url).hostname}/{self.name}"

    def url(self, isbn: str, sha256: str, sizes: str) -> str:
        """The public address of a title's cover, with its version and its sizes."""
        return cover_address(self.public_url, isbn, sha256, sizes)

    def check(self) -> None:
        """Fail now, with the right reason, rather than at each title.

        Lists nothing much: a HEAD of a bucket answers without saying why, and a token that may only read and
        write objects may not send one.
        """
        with self._classified("list its objects"):
            self._s3.list_objects_v2(Bucket=self.name, Prefix=PROBES, MaxKeys=1)

    def head(self, isbn: str) -> StoredCover | Unmarked | None:
        """What the bucket holds for a title, from one HEAD; None if nothing."""
        try:
            with self._classified(f"tell what it holds for {isbn}"):
                answer = self._s3.head_object(Bucket=self.name, Key=raw_key(isbn))
        except _NoSuchKey:
            return None
        return _stored(answer.get("Metadata", {})) or Unmarked()

    def get(self, isbn: str) -> bytes:
        """The raw cover's bytes, at most one more than `MAX_BYTES`."""
        with self._classified(f"give the cover of {isbn}"):
            body = self._s3.get_object(Bucket=self.name, Key=raw_key(isbn))["Body"]
            with body:
                return bytes(body.read(MAX_BYTES + 1))

    def put(
        self, isbn: str, picture: Picture, *, source: str, placeholder: bool, now: datetime
    ) -> StoredCover:
        """Store a picture and its web sizes. The raw cover goes last.

        Whoever is killed in between leaves the old raw cover in place, so the next look finds it differing
        from the source and stores all of it again.
        """
        seen = {name: getattr(picture, name) for name in _OF_PICTURE}
        size = len(picture.jpeg)
        stored = StoredCover(
            **seen, size=size, source=source, placeholder=placeholder, stored_at=now, sizes=SIZES
        )
        for width, webp in web_sizes(picture).items():
            self._put(processed_key(isbn, width), webp, "image/webp", {"sha256-of-raw": picture.sha256})
        self._put(raw_key(isbn), picture.jpeg, "image/jpeg", stored.metadata())
        return stored

    def mark_placeholder(self, isbn: str, stored: StoredCover) -> StoredCover:
        """Say of a stored picture that it is a placeholder after all: new metadata, no bytes sent."""
        marked = replace(stored, placeholder=True)
        with self._classified(f"mark the cover of {isbn} as a placeholder"):
            self._s3.copy_object(
                Bucket=self.name,
                Key=raw_key(isbn),
                CopySource={"Bucket": self.name, "Key": raw_key(isbn)},
                MetadataDirective="REPLACE",
                Metadata=marked.metadata(),
                ContentType="image/jpeg",
                CacheControl=CACHE_CONTROL,
            )
        return marked

    def remove_earlier_sizes(self, isbn: str) -> None:
        """Removes the web sizes that an earlier version stored, once they lie under their names of now."""
        for width in WIDTHS:
            with self._classified(f"remove an earlier size of the cover of {isbn}"):
                self._s3.delete_object(Bucket=self.name, Key=earlier_key(isbn, width))

    def put_probe(self, name: str, body: bytes) -> str:
        """Store a picture that is no title's, to see whether that can be done; the key that it has."""
        key = f"{PROBES}{name}.jpg"
        self._put(key, body, "image/jpeg", {}, cache_control="no-store")
        return key

    def read_probe(self, key: str) -> tuple[bytes, str]:
        """What was stored there, and its content type."""
        with self._classified(f"give {key}"):
            answer = self._s3.get_object(Bucket=self.name, Key=key)
            with answer["Body"] as body:
                return bytes(body.read(MAX_BYTES + 1)), str(answer.get("ContentType", ""))

    def remove_probe(self, key: str) -> None:
        """Delete it again."""
        with self._classified(f"delete {key}"):
            self._s3.delete_object(Bucket=self.name, Key=key)

    def clock(self) -> datetime | None:
        """What time it is at the bucket's server, whatever else it says; `None`: it does not tell."""
        from botocore import exceptions as boto

        with self._classified("tell the time"):
            try:
                answer = self._s3.list_objects_v2(Bucket=self.name, Prefix=PROBES, MaxKeys=1)
            except boto.ClientError as error:
                answer = error.response
        return _date(answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date"))

    def _put(
        self,
        key: str,
        body: bytes,
        content_type: str,
        metadata: dict[str, str],
        cache_control: str = CACHE_CONTROL,
    ) -> None:
        with self._classified(f"store {key}"):
            self._s3.put_object(
                Bucket=self.name,
                Key=key,
                Body=body,
                ContentType=content_type,
                CacheControl=cache_control,
                Metadata=metadata,
                # The server refuses a body that arrived damaged or short, instead of keeping it.
                ContentMD5=base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode(),
            )

    @contextmanager
    def _classified(self, what: str) -> Iterator[None]:
        # botocore takes a fifth of a second to import; whoever has a client has it already.
        from botocore import exceptions as boto

        where = f"The bucket {self.name!r}"
        try:
            yield
        except boto.ClientError as error:
            raise self._of_answer(error, f"{where} did not {what}") from error
        except (
            boto.NoCredentialsError,
            boto.PartialCredentialsError,
            boto.CredentialRetrievalError,
        ) as error:
            raise NeedsPerson(
                f"There are no keys for the bucket {self.name!r}: set R2_ACCESS_KEY_ID and "
                "R2_SECRET_ACCESS_KEY."
            ) from error
        except boto.SSLError as error:
            if "CERTIFICATE_VERIFY_FAILED" in str(error):
                raise NeedsPerson(
                    f"{where} shows a certificate that is not trusted: check R2_ENDPOINT and the machine's "
                    "clock."
                ) from error
            raise Transient(
                f"{where} did not {what}: the encrypted connection broke. Try again later."
            ) from error
        except (boto.HTTPClientError, boto.ReadTimeoutError, boto.ConnectionError) as error:
            reason = "the connection was cut"
            if isinstance(error, (boto.ReadTimeoutError, boto.ConnectTimeoutError)):
                reason = "it did not answer in time"
            elif isinstance(error, boto.EndpointConnectionError):
                reason = "it cannot be reached"
            raise Transient(
                f"{where} did not {what}: {reason}. It is tried again next time; if it goes on, check "
                "R2_ENDPOINT."
            ) from error
        except (boto.ResponseStreamingError, boto.IncompleteReadError, OSError) as error:
            raise Transient(
                f"{where} did not {what}: the connection broke. It is tried again next time."
            ) from error
        except boto.BotoCoreError as error:
            # Anything else botocore refuses before it sends: an endpoint or bucket name that cannot be.
            raise NeedsPerson(
                f"{where} cannot be asked ({type(error).__name__}): check R2_ENDPOINT and R2_BUCKET_NAME."
            ) from error

    def _of_answer(self, error: "ClientError", said: str) -> IngramError:
        details = error.response.get("Error", {})
        code = str(details.get("Code", ""))
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        # A HEAD has no body to say more: `check` tells a missing bucket apart.
        if code in ("NoSuchKey", "404"):
            return _NoSuchKey(f"{said}: there is no such object.")
        if code == "NoSuchBucket":
            return NeedsPerson(
                f"There is no bucket {self.name!r} at {self._s3.meta.endpoint_url}: create it, or set "
                "R2_BUCKET_NAME."
            )
        if code in _WRONG_CLOCK:
            return NeedsPerson(f"{said}: this machine's clock is wrong. Set it, then run again.")
        if code in _WRONG_PLACE or status in (301, 307, 308):
            return NeedsPerson(
                f"{said}: it is at another address or region ({code or status}). Check R2_ENDPOINT."
            )
        if code in _TRY_AGAIN or status == 429 or status >= 500:
            return Transient(
                f"{said}: it answered {status} {code}. It is tried again next time.".replace("  ", " ")
            )
        if code == "SignatureDoesNotMatch":
            return NeedsPerson(
                f"{said}: it does not take our signature ({code}): check R2_SECRET_ACCESS_KEY."
            )
        # R2 answers a key of the wrong length with InvalidArgument, and one that it does not know with 401.
        if code == "InvalidAccessKeyId" or status == 401 or "access key" in str(details.get("Message", "")):
            return NeedsPerson(
                f"{said}: it does not know our key ({code or status}): check R2_ACCESS_KEY_ID."
            )
        if code in _WRONG_KEYS or status == 403:
            return NeedsPerson(
                f"{said}: it refuses our keys ({code or status}). Check R2_ACCESS_KEY_ID and "
                "R2_SECRET_ACCESS_KEY, and that their token may read and write this bucket."
            )
        return Permanent(f"{said}: it refused with {status} {code}.")


def earlier_key(isbn: str, width: int) -> str:
    """Where an earlier version put a web size."""
    return f"covers/web/{isbn}-{width}.webp"


class _NoSuchKey(Transient):
    """Nothing is stored there (or no longer: then the next look finds that out)."""


def _date(header: str | None) -> datetime | None:
    try:
        return parsedate_to_datetime(header or "").astimezone(UTC)
    except ValueError:
        return None


def _stored(metadata: dict[str, str]) -> StoredCover | None:
    # Some servers hand the names back in another case.
    said = {name.lower().replace("-", "_"): value for name, value in metadata.items()}
    try:
        return _STORED.validate_python(said)
    except ValidationError:
        return None
