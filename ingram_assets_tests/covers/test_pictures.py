"""What is refused, what is converted, what stays byte for byte, and the web sizes."""

import io
import struct
import subprocess
import sys
import textwrap
import warnings
import zlib

import pytest
from PIL import Image, ImageCms

from ingram_assets.covers.pictures import MAX_BYTES, PictureRefused, examine, web_sizes
from ingram_assets_tests.testing.drawn import art, draw, encoded, opened


def png_claiming(width: int, height: int) -> bytes:
    """A tiny PNG whose head claims a huge picture: a decompression bomb."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 100_000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "empty"),
        (b"<!DOCTYPE html><html><body>Sign in</body></html>", "web page"),
        (b"\xff\xd8\xff\xe0 and then nothing of the kind", "no picture"),
        (png_claiming(300, 450), "broken or cut short"),
        (png_claiming(8_000, 7_000), "56 megapixels"),
        (png_claiming(60_000, 60_000), "50 megapixels"),
        (b"\xff\xd8\xff" + b"\0" * MAX_BYTES, "20.0 MB, above"),
        (encoded(Image.new("RGB", (1, 1), "white"), "GIF"), "1 x 1: too small"),
        (encoded(draw(1, size=(30, 45))), "30 x 45: too small"),
        (encoded(draw(1, size=(100, 1000))), "no book has that shape"),
        (encoded(Image.new("RGB", (320, 480), "white")), "blank"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "markup"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_cover_is_refused_with_the_reason(data: bytes, why: str) -> None:
    with pytest.raises(PictureRefused, match=why):
        examine(data)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "TIFF"])
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9, 0.995])
def test_a_picture_cut_short_is_refused(kind: str, kept: float) -> None:
    whole = art(1, kind=kind)
    with pytest.raises(PictureRefused):
        examine(whole[: int(len(whole) * kept)])


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_without_its_very_end_is_refused(progressive: bool) -> None:
    whole = art(1, progressive=progressive)
    for missing in (1, 2, 3, 100):
        with pytest.raises(PictureRefused):
            examine(whole[:-missing])


@pytest.mark.parametrize("kept", [0.3, 0.5, 0.7, 0.9, 0.97])
@pytest.mark.parametrize(
    "options",
    [{}, {"progressive": True}, {"restart_marker_blocks": 4}, {"quality": 30}, {"size": (3001, 4501)}],
)
def test_a_cut_jpeg_with_an_end_behind_the_cut_is_refused(options: dict[str, object], kept: float) -> None:
    whole = art(1, **options)
    examine(whole)
    with pytest.raises(PictureRefused, match="cut short"):
        examine(whole[: int(len(whole) * kept)] + b"\xff\xd9")


@pytest.mark.parametrize("color", ["white", "black", (128, 128, 128), (127, 128, 129), "navy"])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "TIFF"])
def test_a_cover_that_is_plain_below_is_taken(kind: str, color: str | tuple[int, int, int]) -> None:
    image = draw(1)
    image.paste(color, (0, image.height // 3, *image.size))
    assert examine(encoded(image, kind)).height == image.height


def test_a_png_with_half_its_rows_is_refused() -> None:
    whole = encoded(draw(1), "PNG")
    width, height = struct.unpack(">II", whole[16:24])
    half = encoded(draw(1).crop((0, 0, width, height // 2)), "PNG")
    head = b"IHDR" + struct.pack(">II", width, height) + half[24:29]
    claims = half[:12] + head + struct.pack(">I", zlib.crc32(head)) + half[33:]
    with pytest.raises(PictureRefused, match="cut short"):
        examine(claims)


def test_a_jpeg_stays_byte_for_byte() -> None:
    data = art(2, quality=77)
    picture = examine(data)
    assert picture.jpeg == data
    assert picture.sha256 == picture.origin_sha256
    assert (picture.width, picture.height) == (320, 480)


def test_bytes_after_a_jpeg_do_no_harm() -> None:
    assert examine(art(2) + b"\r\n<!-- served by -->").width == 320


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF", "TIFF", "BMP"])
def test_other_formats_become_jpeg(kind: str) -> None:
    picture = examine(art(3, kind=kind))
    stored = opened(picture.jpeg)
    assert stored.format == "JPEG"
    assert stored.mode == "RGB"
    assert stored.size == (320, 480) == (picture.width, picture.height)
    assert picture.sha256 != picture.origin_sha256


def test_transparency_lies_on_white() -> None:
    image = draw(4).convert("RGBA")
    image.paste((255, 0, 0, 0), (0, 0, 320, 100))
    red, green, blue = opened(examine(encoded(image, "PNG")).jpeg).getpixel((10, 10))
    assert min(red, green, blue) > 245


def test_a_palette_with_transparency_lies_on_white() -> None:
    image = draw(4).quantize(32)
    image.paste(0, (0, 0, 320, 100))
    data = encoded(image, "PNG", transparency=0)
    assert min(opened(examine(data).jpeg).getpixel((10, 10))) > 245


def test_sixteen_bit_grey_does_not_turn_white() -> None:
    grey = draw(5).convert("L")
    deep = Image.frombytes(
        "I;16", grey.size, b"".join(struct.pack("<H", value * 257) for value in grey.tobytes())
    )
    stored = opened(examine(encoded(deep, "PNG")).jpeg).convert("L")
    assert abs(stored.getpixel((160, 240)) - grey.getpixel((160, 240))) < 12


def test_an_exif_rotation_is_applied_where_pixels_are_written_anew() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    sideways = draw(6).transpose(Image.Transpose.ROTATE_90)
    for kind in ("JPEG", "PNG"):
        picture = examine(encoded(sideways, kind, exif=exif))
        assert (picture.width, picture.height) == (320, 480), kind
        assert opened(web_sizes(picture)[200]).size == (200, 300), kind


def test_cmyk_comes_out_in_its_colors() -> None:
    reddish = Image.new("RGB", (320, 480), (200, 30, 40))
    reddish.paste((20, 30, 200), (0, 0, 320, 200))
    picture = examine(encoded(reddish.convert("CMYK"), "JPEG", quality=95))
    assert opened(picture.jpeg).mode == "CMYK"  # byte for byte
    red, green, blue = opened(web_sizes(picture)[200]).convert("RGB").getpixel((100, 250))
    assert red > 150 > 90 > max(green, blue)


def test_a_broken_color_profile_loses_no_cover() -> None:
    assert examine(encoded(draw(7), "JPEG", icc_profile=b"nothing of the kind")).width == 320
    good = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert examine(encoded(draw(7), "PNG", icc_profile=good)).width == 320


@pytest.mark.parametrize(
    ("width", "expected"),
    [
        (1600, {200: 200, 400: 400, 800: 800}),
        (500, {200: 200, 400: 400, 800: 500}),
        (150, dict.fromkeys((200, 400, 800), 150)),
    ],
)
def test_web_sizes_are_never_enlarged(width: int, expected: dict[int, int]) -> None:
    made = web_sizes(examine(art(8, size=(width, width * 3 // 2))))
    assert {name: opened(data).width for name, data in made.items()} == expected
    assert {opened(data).format for data in made.values()} == {"WEBP"}
    for data in made.values():
        image = opened(data)
        assert image.height == pytest.approx(image.width * 1.5, abs=1)


def test_a_large_jpeg_is_seen_whole() -> None:
    """It is shrunk while it is decoded: its size and its cut must be told all the same."""
    data = art(9, size=(3000, 4500))
    assert (examine(data).width, examine(data).height) == (3000, 4500)
    with pytest.raises(PictureRefused):
        examine(data[:-2000])


def test_nothing_of_the_original_file_is_in_the_web_sizes() -> None:
    data = encoded(draw(1), "JPEG", exif=_with_camera("secret-camera"), comment=b"secret-comment")
    for webp in web_sizes(examine(data)).values():
        assert b"secret" not in webp


def _with_camera(name: str) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0110] = name
    return exif


@pytest.mark.parametrize("action", ["ignore", "error"])
def test_pillows_own_bomb_warning_is_no_crash(action: str) -> None:
    data = encoded_huge()
    with warnings.catch_warnings():
        warnings.simplefilter(action, Image.DecompressionBombWarning)  # type: ignore[arg-type]
        with pytest.raises(PictureRefused, match="megapixels"):
            examine(data)


def encoded_huge() -> bytes:
    out = io.BytesIO()
    Image.new("1", (9_000, 11_000)).save(out, "PNG")
    return out.getvalue()


# Linux's ru_maxrss counts what the process that started this one held, VmHWM this one alone.
EIGHT_AT_ONCE = """
    import re
    import resource
    import sys
    from concurrent.futures import ThreadPoolExecutor
    from pathlib import Path
    from ingram_assets.covers.pictures import examine

    data = sys.stdin.buffer.read()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: examine(data).width, range(8)))
    if sys.platform == "darwin":
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    else:
        print(1024 * int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]))
"""


def test_eight_large_pictures_at_once_take_the_memory_of_one() -> None:
    """Decoded it has 64 MB, and a few copies are made of it: eight at once took 1.6 GB."""
    large = encoded(draw(1, size=(3200, 5000)).convert("RGBA"), "PNG", compress_level=1)
    command = [sys.executable, "-c", textwrap.dedent(EIGHT_AT_ONCE)]
    done = subprocess.run(command, input=large, capture_output=True, timeout=280, check=True)
    assert int(done.stdout) < 600_000_000
