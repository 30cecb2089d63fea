"""Whether these bytes are a cover: a complete picture of plausible size, or a page in its place."""

import io
import warnings

from ingram_assets.domain import picture_data
from ingram_assets.domain.failures import Incomplete, Permanent
from ingram_assets.sources.ipage.pages import charsets, recognize
from ingram_assets.sources.ipage.profile.site_profile import SiteProfile

MAX_BYTES = 20_000_000
MIN_SIDE = 40
"""Pixels. Smaller is a spacer, or the dot that stands for "no picture"."""
MAX_PIXELS = 50_000_000

DECODED_PIXELS = 8_000_000
"""Up to this a picture is decoded to see that it is whole. A larger one takes hundreds of MB, eight times at
once: whoever keeps it decodes it, one at a time."""

_STARTS = {b"\xff\xd8\xff": "jpeg", b"\x89PNG\r\n\x1a\n": "png", b"GIF87a": "gif", b"GIF89a": "gif"}


class PictureIncomplete(Incomplete):
    """The bytes end before the picture does. Fetch it again."""


class NotAPicture(Permanent):
    """Something else came: a page, or the dot that stands for no picture."""


class UnfitPicture(NotAPicture):
    """Bytes that are meant as a picture and can be no cover: damaged, of another format, too large."""


def check_picture(data: bytes, profile: SiteProfile | None = None) -> None:
    """Passes a complete picture, having read all of it. Bytes behind its end are no fault of it.

    Raises:
        SessionExpired, Blocked, NotFound: that page of the site came in its place.
        PictureIncomplete: cut short.
        NotAPicture: a page, or a picture too small to be a cover.
        UnfitPicture: another format, damaged, or too large to be a cover.
    """
    if not data:
        raise PictureIncomplete("The site sent no bytes for this cover: fetch it again.")
    if (format_ := _format(data)) is None:
        if recognize.looks_like_html(data):
            recognize.raise_unless_page(recognize.recognize(data, profile=profile))
            if (root := recognize.other_root(charsets.decode(data[:40_000]))) is not None:
                raise UnfitPicture(
                    f"The cover is markup (<{root[:40]}>), no JPEG, PNG, WebP or GIF: open it in a browser."
                )
            raise NotAPicture("A web page came in place of the cover: open the title's page in a browser.")
        raise UnfitPicture(
            f"The cover is no JPEG, PNG, WebP or GIF (it starts {data[:8]!r}): look at it in a browser."
        )
    if len(data) > MAX_BYTES:
        raise UnfitPicture(f"The cover has {len(data):,} bytes: more than {MAX_BYTES:,} is no cover.")
    if not _ends(data, format_):
        raise PictureIncomplete(f"The cover is cut short after {len(data):,} bytes: fetch it again.")
    _read(data, format_)


def _format(data: bytes) -> str | None:
    is_webp = data[:4] == b"RIFF" and data[8:12] == b"WEBP"
    return (
        "webp" if is_webp else next((name for start, name in _STARTS.items() if data.startswith(start)), None)
    )


def _ends(data: bytes, format_: str) -> bool:
    """Whether the format's own end is there, wherever it stands: caches put bytes behind it.

    Decoders paint a picture without it gray and say nothing.
    """
    if format_ == "jpeg":
        return picture_data.jpeg_ends(data)
    if format_ == "png":
        return _png_ends(data)
    if format_ == "webp":
        return len(data) >= 8 + int.from_bytes(data[4:8], "little")
    # The dot that stands for no picture is often sent without its end.
    is_dot = min(data[6:10:2], default=0) < MIN_SIDE and not any(data[7:10:2])
    return is_dot or _gif_ends(data)


def _png_ends(data: bytes) -> bool:
    at = 8
    while at + 8 <= len(data):
        kind = data[at + 4 : at + 8]
        if not kind.isalpha():
            return True  # damaged, not cut: the decoder says so
        at += 12 + int.from_bytes(data[at : at + 4], "big")
        if kind == b"IEND":
            return at <= len(data)
    return False


def _gif_ends(data: bytes) -> bool:
    at = 13 + _colors(data[10:11])
    while at < len(data) and (block := data[at]) != 0x3B:
        if block == 0x2C:  # a frame: its place, its colors, how it is packed
            at += 11 + _colors(data[at + 9 : at + 10])
        elif block == 0x21:
            at += 2
        else:
            at += 1
            continue
        while at < len(data) and data[at]:
            at += 1 + data[at]
        at += 1
    return at < len(data)


def _colors(flags: bytes) -> int:
    """The bytes of the table of colors that a GIF's flags announce."""
    return 3 << ((flags[0] & 7) + 1) if flags and flags[0] & 0x80 else 0


def _pixels(data: bytes) -> bytes:
    from PIL import Image

    with Image.open(io.BytesIO(data), formats=["jpeg"]) as image:
        return image.tobytes()


def _read(data: bytes, format_: str) -> None:
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=[format_]) as image:
                width, height = image.size
                if min(width, height) < MIN_SIDE:
                    raise NotAPicture(f"The cover is {width} × {height} pixels: a placeholder, not a cover.")
                if width * height > MAX_PIXELS:
                    raise UnfitPicture(f"The cover is {width} × {height} pixels: too large to be a cover.")
                if width * height > DECODED_PIXELS:
                    return
                image.load()
                if not picture_data.is_all_there(data, _pixels):
                    raise PictureIncomplete(
                        "The cover is cut short, with an end put behind the cut: fetch it again."
                    )
    except (NotAPicture, PictureIncomplete):
        raise
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise UnfitPicture(f"The cover is too large to be one ({error}).") from None
    except Exception as error:
        # Decoders raise whatever their format's library does: OSError, SyntaxError, struct.error, …
        if "truncated" in str(error):
            raise PictureIncomplete("The cover is cut short: fetch it again.") from error
        raise UnfitPicture(f"The cover can't be decoded ({error}): look at it in a browser.") from error
