"""Pictures for the tests, drawn as they are needed."""

import io
import random
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from ingram_assets.domain.isbn import check_digit_13


def isbn(number: int) -> str:
    """A valid ISBN for each number."""
    twelve = f"978{number:09d}"
    return twelve + check_digit_13(twelve)


def art(seed: int, *, size: tuple[int, int] = (320, 480), text: str = "", **options: Any) -> bytes:
    """A cover unlike those of other seeds."""
    return encoded(draw(seed, size=size, text=text), **options)


def placeholder(*, size: tuple[int, int] = (320, 480), **options: Any) -> bytes:
    """Art of "Image coming soon" that no seed list knows."""
    width, height = 640, 960
    image = Image.new("RGB", (width, height), "#d8d8d8")
    draw = ImageDraw.Draw(image)
    draw.rectangle(
        (width * 0.1, height * 0.1, width * 0.9, height * 0.55), outline="#707070", width=width // 40
    )
    draw.line((width * 0.1, height * 0.1, width * 0.9, height * 0.55), fill="#707070", width=width // 40)
    font = ImageFont.load_default(size=width // 10)
    draw.text((width / 2, height * 0.75), "Cover to come", fill="#303030", font=font, anchor="mm")
    return encoded(image.resize(size, Image.Resampling.LANCZOS), **options)


def draw(seed: int, *, size: tuple[int, int] = (320, 480), text: str = "") -> Image.Image:
    width, height = size
    chance = random.Random(seed)
    image = Image.new("RGB", size, tuple(chance.randrange(60, 200) for _ in range(3)))
    pen = ImageDraw.Draw(image)
    for _ in range(10):
        left, top, wide = chance.random(), chance.random(), 0.1 + chance.random() / 2
        box = (width * left, height * top, width * (left + wide), height * (top + wide))
        pen.ellipse(box, fill=tuple(chance.randrange(256) for _ in range(3)))
    font = ImageFont.load_default(size=width // 10)
    pen.text((width / 2, height * 0.8), text or f"Book {seed}", fill="white", font=font, anchor="mm")
    return image


def encoded(image: Image.Image, kind: str = "JPEG", **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image
