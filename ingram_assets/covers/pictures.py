"""From a stranger's bytes to a checked picture: what is refused, what is converted, the web sizes."""

import hashlib
import io
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from ingram_assets.domain import picture_data
from ingram_assets.domain.cover_addresses import WIDTHS
from ingram_assets.domain.failures import Permanent

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFile import ImageFile


MAX_BYTES = 20_000_000
MAX_PIXELS = 50_000_000
MIN_SIDE = 40
"""Pixels. Below this it is a blank, a tracking pixel or an icon: Open Library's blank is 1 x 1."""
MAX_ASPECT = 8
"""Longer side to shorter. No book is longer; WebP cannot be either (16,383 pixels)."""

# Pillow opens some forty formats: a cover comes in one of these, every other decoder is only attack surface.
_FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF")
_MARKUP = (b"<!doctype", b"<html", b"<head", b"<?xml", b"<svg")
_JPEG_QUALITY = 92
_WEBP_QUALITY = 80
_TILES = (32, 48)
# Above this a decoded picture takes some 100 MB, several times over while it is converted.
_LARGE_PIXELS = 8_000_000
_EXIF_ORIENTATION = 0x0112
_LYING = (5, 6, 7, 8)
"""EXIF orientations that are shown turned by a quarter."""


class PictureRefused(Permanent):
    """The bytes are no picture that a shop can show; the message says why."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that was decoded whole. Sizes in pixels as shown, so after an EXIF rotation."""

    jpeg: bytes = field(repr=False)
    """What is stored: the source's own bytes if they were a JPEG, otherwise converted."""
    width: int
    height: int
    sha256: str
    """Of `jpeg`."""
    origin_sha256: str
    """Of the bytes as they came. Another Pillow converts differently; the origin stays the same."""
    phash: str
    """Perceptual hash, 256 bits as 64 hex digits: near for the same picture in another size or quality."""
    tiles: bytes = field(repr=False)
    """Mean brightness of 32 x 48 tiles, a byte each: tells two volumes apart, as the hash cannot."""
    small: "Image" = field(repr=False)
    """RGB on white, sRGB, upright, at most 800 wide: what web sizes and thumbnails are made of."""


def examine(data: bytes) -> Picture:
    """Decode `data` whole and prepare what is stored of it.

    A JPEG is kept byte for byte. PNG, WebP, GIF (its first frame), TIFF, BMP and AVIF become JPEGs:
    transparency on white, other color spaces to sRGB, EXIF rotation applied.

    Raises:
        PictureRefused: no picture, broken or cut short, above 20 MB or 50 megapixels, too small or too long
            to be a cover, or a single color.
    """
    # Pillow is slow to import (a tenth of a second): only who has a picture in hand pays.
    from PIL import Image

    width, height = _checked_size(data)
    if width * height > _LARGE_PIXELS:
        converted, small, lying = _one_large_at_a_time().submit(_decode, data).result()
    else:
        converted, small, lying = _decode(data)
    if lying:
        width, height = height, width
    jpeg = converted or data
    gray = small.convert("L")
    darkest, lightest = gray.getextrema()
    if lightest - darkest < 8:  # type: ignore[operator]  # "L" has one band: two ints
        raise PictureRefused(f"The picture is blank: {width} x {height} of a single color.")
    import imagehash  # Brings SciPy, half a second: only here.

    return Picture(
        jpeg=jpeg,
        width=width,
        height=height,
        sha256=hashlib.sha256(jpeg).hexdigest(),
        origin_sha256=hashlib.sha256(data).hexdigest(),
        phash=str(imagehash.phash(small, hash_size=16)),
        tiles=gray.resize(_TILES, Image.Resampling.BOX).tobytes(),
        small=small,
    )


def _checked_size(data: bytes) -> tuple[int, int]:
    """Width and height as the file says, before it is decoded. Raises PictureRefused."""
    from PIL import Image

    if not data:
        raise PictureRefused("The picture is empty (0 bytes).")
    if len(data) > MAX_BYTES:
        raise PictureRefused(
            f"The picture has {len(data) / 1e6:.1f} MB, above the limit of {MAX_BYTES / 1e6:.0f} MB."
        )
    try:
        width, height = _opened(data).size
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise PictureRefused(f"The picture claims more than {MAX_PIXELS / 1e6:.0f} megapixels.") from None
    except Exception as error:  # Decoders raise anything on a stranger's bytes: all of it means "no picture".
        is_markup = data[:512].lstrip().lower().startswith(_MARKUP)
        shown = f"{'a web page or markup, ' if is_markup else ''}{len(data)} bytes"
        raise PictureRefused(f"The bytes are no picture that can be read ({shown}).") from error
    if width * height > MAX_PIXELS:
        raise PictureRefused(
            f"The picture is {width} x {height}, {width * height / 1e6:.0f} megapixels, above the limit of "
            f"{MAX_PIXELS / 1e6:.0f}."
        )
    if min(width, height) < MIN_SIDE:
        raise PictureRefused(f"The picture is {width} x {height}: too small to be a cover.")
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise PictureRefused(f"The picture is {width} x {height}: no book has that shape.")
    return width, height


def web_sizes(picture: Picture) -> dict[int, bytes]:
    """Width -> WebP, for each of `WIDTHS`, never enlarged.

    A narrower original comes at its own width under the wider names too: a storefront can build its three
    addresses from the ISBN alone, and no wider file of an earlier cover is left over.
    """
    return {width: _encode(_at_most(picture.small, width), "WEBP", quality=_WEBP_QUALITY) for width in WIDTHS}


@cache
def _one_large_at_a_time() -> ThreadPoolExecutor:
    """One thread, and not a lock: the C library keeps freed memory for the thread that used it.

    Eight threads that took turns kept eight times the peak: 7 GB were measured for PNGs of 50 megapixels.
    """
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="large-cover")


def _decode(data: bytes) -> tuple[bytes | None, "Image", bool]:
    """The picture as a JPEG if it was none, the small picture, and whether a quarter turn is applied."""
    from PIL import ImageOps

    try:
        image: Image = _opened(data)
        is_jpeg = image.format in ("JPEG", "MPO")
        draft = None
        if is_jpeg:
            # libjpeg shrinks while it decodes: all of the data is still read, so a cut is still seen.
            draft = (2 * WIDTHS[-1], 2 * WIDTHS[-1] * image.height // image.width)
            image.draft(None, draft)
        image.load()
        if not picture_data.is_all_there(data, lambda other: _pixels(other, draft)):
            raise ValueError("Data is missing, and an end was put behind what is left.")
        lying = image.getexif().get(_EXIF_ORIENTATION) in _LYING
        ImageOps.exif_transpose(image, in_place=True)
        image = _srgb_on_white(image)
    except Exception as error:
        raise PictureRefused(f"The picture is broken or cut short ({len(data)} bytes).") from error
    jpeg = None if is_jpeg else _encode(image, "JPEG", quality=_JPEG_QUALITY, optimize=True, progressive=True)
    return jpeg, _at_most(image, WIDTHS[-1]), lying


def _pixels(data: bytes, draft: tuple[int, int] | None) -> bytes:
    with _opened(data) as image:
        if draft is not None:
            image.draft(None, draft)
        return image.tobytes()


def _opened(data: bytes) -> "ImageFile":
    from PIL import Image

    Image.init()
    return Image.open(io.BytesIO(data), formats=[name for name in _FORMATS if name in Image.OPEN])


def _srgb_on_white(image: "Image") -> "Image":
    from PIL import Image, ImageCms

    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        # Pillow's own conversion clips 16 bits at 255, which turns a grey picture white.
        image = image.convert("I").point(lambda value: value / 256).convert("L")
    if "transparency" in image.info or image.mode in ("RGBA", "LA", "PA", "RGBa", "La"):
        profile = image.info.get("icc_profile")
        image = image.convert("RGBA") if image.mode != "RGBA" else image
        alpha, colors = image.getchannel("A"), image.convert("RGB")
        image = Image.new("RGB", image.size, "white")
        image.paste(colors, mask=alpha)
        if profile:
            image.info["icc_profile"] = profile
    profile = image.info.get("icc_profile")
    if profile and image.mode in ("RGB", "CMYK"):
        try:
            converted = ImageCms.profileToProfile(
                image, io.BytesIO(profile), ImageCms.createProfile("sRGB"), outputMode="RGB"
            )
        except (ImageCms.PyCMSError, OSError, ValueError):
            pass  # A broken color profile is no reason to lose the cover.
        else:
            if converted is not None:
                return converted
    return image if image.mode == "RGB" else image.convert("RGB")


def _at_most(image: "Image", width: int) -> "Image":
    from PIL import Image

    if image.width <= width:
        return image
    return image.resize((width, max(1, round(image.height * width / image.width))), Image.Resampling.LANCZOS)


def _encode(image: "Image", picture_format: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.info.clear()  # A profile or comment of the original does not belong to the new file.
    image.save(out, picture_format, **options)
    return out.getvalue()
