"""Whether these bytes are a cover: a complete picture of plausible size, or a page in its place."""

import io
import warnings
from typing import Literal, NamedTuple

from PIL import Image

from ingram_assets.domain.failures import Permanent, Transient
from ingram_assets.ipage import recognise

MAX_BYTES = 20_000_000
MIN_SIDE = 40
"""Pixels. Smaller is a spacer, or the dot that stands for "no picture"."""
MAX_PIXELS = 50_000_000

DECODED_PIXELS = 8_000_000
"""Up to this a picture is decoded to see that it is whole. A larger one takes hundreds of MB, eight times at
once: whoever keeps it decodes it, one at a time."""

Format = Literal["jpeg", "png", "webp", "gif"]


class PictureIncomplete(Transient):
    """The bytes end before the picture does. Fetch it again."""


class NotAPicture(Permanent):
    """Something else came: a page, or the dot that stands for no picture."""


class UnfitPicture(NotAPicture):
    """Bytes that are meant as a picture and can be no cover: damaged, of another format, too large."""


class Picture(NamedTuple):
    """A complete picture. Sides in pixels."""

    format: Format
    width: int
    height: int


def check_picture(data: bytes) -> Picture:
    """What picture it is, having read all of it.

    Raises:
        SessionExpired, Blocked, NotFound: that page of the site came in its place.
        PictureIncomplete: cut short.
        NotAPicture: a page, or a picture too small to be a cover.
        UnfitPicture: another format, damaged, or too large to be a cover.
    """
    if not data:
        raise PictureIncomplete("The site sent no bytes for this cover: fetch it again.")
    format_ = _format(data)
    if format_ is None:
        if recognise.looks_like_html(data):
            recognise.raise_unless_page(recognise.recognise(data))
            raise NotAPicture("A web page came in place of the cover: open the title's page in a browser.")
        raise UnfitPicture(
            f"The cover is no JPEG, PNG, WebP or GIF (it starts {data[:8]!r}): look at it in a browser."
        )
    if len(data) > MAX_BYTES:
        raise UnfitPicture(f"The cover has {len(data):,} bytes: more than {MAX_BYTES:,} is no cover.")
    if not _ends(data, format_):
        raise PictureIncomplete(f"The cover is cut short after {len(data):,} bytes: fetch it again.")
    width, height = _read(data, format_)
    return Picture(format_, width, height)


def _format(data: bytes) -> Format | None:
    if data.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    return None


def _ends(data: bytes, format_: Format) -> bool:
    """Whether the format's own end is there. Decoders paint a picture without it grey and say nothing."""
    match format_:
        case "jpeg":
            return b"\xff\xd9" in data[-64:]
        case "png":
            return b"IEND\xaeB`\x82" in data[-64:]
        case "webp":
            return len(data) >= 8 + int.from_bytes(data[4:8], "little")
        case "gif":
            # The dot that stands for no picture is often sent without its end.
            dot = min(data[6:10:2], default=0) < MIN_SIDE and not any(data[7:10:2])
            return dot or data.rstrip(b"\0").endswith(b"\x3b")


def _read(data: bytes, format_: Format) -> tuple[int, int]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=[format_]) as image:
                width, height = image.size
                if min(width, height) < MIN_SIDE:
                    raise NotAPicture(f"The cover is {width} × {height} pixels: a placeholder, not a cover.")
                if width * height > MAX_PIXELS:
                    raise UnfitPicture(f"The cover is {width} × {height} pixels: too large to be a cover.")
                if width * height <= DECODED_PIXELS:
                    image.load()
                return width, height
    except NotAPicture:
        raise
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise UnfitPicture(f"The cover is too large to be one ({error}).") from None
    except Exception as error:
        # Decoders raise whatever their format's library does: OSError, SyntaxError, struct.error, …
        if "truncated" in str(error):
            raise PictureIncomplete("The cover is cut short: fetch it again.") from error
        raise UnfitPicture(f"The cover can't be decoded ({error}): look at it in a browser.") from error
