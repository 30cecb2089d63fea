"""Covers drawn from the title: real JPEGs, different for each ISBN, the same on each start."""

import colorsys
import io
import math
import random
import textwrap
import unicodedata
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

_WIDTH, _HEIGHT = 400, 600


@lru_cache(maxsize=2048)
def cover(isbn: str, title: str, author: str, edition: str = "") -> bytes:
    """A book cover of 400 x 600. Another `edition` is another picture of the same book."""
    rng = random.Random(f"{isbn} {edition}")
    hue = rng.random()
    sky, ground, ink = _color(hue, 0.55, 0.22), _color(hue + 0.08, 0.6, 0.5), _color(hue + 0.5, 0.35, 0.95)
    image = _gradient(sky, ground)
    draw = ImageDraw.Draw(image)
    rng.choice((_moon, _towers, _rings, _mountains, _stars))(draw, rng, ink)
    _write(draw, title, 40, 44, 14, ink, rng.choice((40, 60)))
    _write(draw, author.upper(), 20, 24, 26, ink, _HEIGHT - 80)
    return _jpeg(image)


@lru_cache(maxsize=1)
def placeholder() -> bytes:
    """The picture of every title whose art has not come: the same bytes for all."""
    image = Image.new("RGB", (_WIDTH, _HEIGHT), (236, 236, 236))
    draw = ImageDraw.Draw(image)
    draw.rectangle((20, 20, _WIDTH - 20, _HEIGHT - 20), outline=(170, 170, 170), width=3)
    _write(draw, "Image Coming Soon", 40, 48, 12, (120, 120, 120), 230)
    return _jpeg(image)


@lru_cache(maxsize=1)
def blank() -> bytes:
    """The one-pixel picture that some sites send for none."""
    out = io.BytesIO()
    Image.new("P", (1, 1)).save(out, "GIF")
    return out.getvalue()


def _color(hue: float, saturation: float, value: float) -> tuple[int, int, int]:
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, saturation, value)
    return round(red * 255), round(green * 255), round(blue * 255)


def _gradient(top: tuple[int, int, int], bottom: tuple[int, int, int]) -> Image.Image:
    column = Image.new("RGB", (1, 2))
    column.putpixel((0, 0), top)
    column.putpixel((0, 1), bottom)
    return column.resize((_WIDTH, _HEIGHT), Image.Resampling.BILINEAR)


def _moon(draw: ImageDraw.ImageDraw, rng: random.Random, ink: tuple[int, int, int]) -> None:
    x, y, r = rng.randrange(110, 290), rng.randrange(290, 380), rng.randrange(50, 105)
    draw.ellipse((x - r, y - r, x + r, y + r), fill=ink)
    for _ in range(rng.randrange(3, 9)):
        a, d, s = rng.random() * 6.28, rng.random() * r * 0.7, rng.randrange(4, 16)
        cx, cy = x + d * math.cos(a), y + d * math.sin(a)
        draw.ellipse((cx - s, cy - s, cx + s, cy + s), fill=_shade(ink))


def _towers(draw: ImageDraw.ImageDraw, rng: random.Random, ink: tuple[int, int, int]) -> None:
    x = rng.randrange(-20, 10)
    while x < _WIDTH:
        width, top = rng.randrange(24, 70), rng.randrange(260, 470)
        draw.rectangle((x, top, x + width, _HEIGHT - 110), fill=_shade(ink, rng.uniform(0.3, 0.9)))
        draw.polygon([(x, top), (x + width, top), (x + width / 2, top - width)], fill=_shade(ink, 0.8))
        x += width + rng.randrange(0, 24)


def _rings(draw: ImageDraw.ImageDraw, rng: random.Random, ink: tuple[int, int, int]) -> None:
    x, y = rng.randrange(120, 280), rng.randrange(320, 390)
    for r in range(rng.randrange(14, 30), 190, rng.randrange(18, 34)):
        draw.ellipse((x - r, y - r * 0.6, x + r, y + r * 0.6), outline=ink, width=rng.randrange(2, 8))


def _mountains(draw: ImageDraw.ImageDraw, rng: random.Random, ink: tuple[int, int, int]) -> None:
    for layer in range(rng.randrange(2, 5)):
        base, points = 330 + layer * 50, [(0, _HEIGHT - 110)]
        points += [(x, base + rng.randrange(-70, 60)) for x in range(0, _WIDTH + 60, rng.randrange(40, 90))]
        points += [(_WIDTH, points[-1][1]), (_WIDTH, _HEIGHT - 110)]
        draw.polygon(points, fill=_shade(ink, 0.9 - layer * 0.2))


def _stars(draw: ImageDraw.ImageDraw, rng: random.Random, ink: tuple[int, int, int]) -> None:
    for _ in range(rng.randrange(12, 40)):
        x, y, r = rng.randrange(_WIDTH), rng.randrange(230, 490), rng.randrange(2, 22)
        points = []
        for corner in range(10):
            reach, angle = r if corner % 2 == 0 else r * 0.4, corner * math.pi / 5
            points.append((x + reach * math.sin(angle), y - reach * math.cos(angle)))
        draw.polygon(points, fill=ink)


def _shade(ink: tuple[int, int, int], by: float = 0.75) -> tuple[int, int, int]:
    return round(ink[0] * by), round(ink[1] * by), round(ink[2] * by)


def _write(
    draw: ImageDraw.ImageDraw, text: str, size: int, line: int, wide: int, ink: tuple[int, int, int], top: int
) -> None:
    """Centerd, in at most four lines. Pillow's own font has Latin letters only: accents are dropped."""
    font = ImageFont.load_default(size)
    plain = unicodedata.normalize("NFKD", text[:200]).encode("ascii", "ignore").decode()
    for number, words in enumerate(textwrap.wrap(plain, wide)[:4]):
        left = (_WIDTH - draw.textlength(words, font)) / 2
        draw.text((left, top + number * line), words, ink, font)


def _jpeg(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=62)
    return out.getvalue()
