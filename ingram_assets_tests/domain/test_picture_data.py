"""Half a picture with an end put behind it is told from a whole one, however gray the whole one is."""

import io
import struct
import zlib
from collections.abc import Callable

import pytest
from PIL import Image, ImageFilter

from ingram_assets.domain.picture_data import is_all_there, jpeg_ends

END = b"\xff\xd9"
SIZE = WIDTH, HEIGHT = 160, 240
ART = Image.effect_noise(SIZE, 90).filter(ImageFilter.GaussianBlur(2)).convert("RGB")
ART.paste((200, 30, 40), (20, 20, 120, 60))


def with_bottom(color: str | tuple[int, int, int], share: float) -> Image.Image:
    image = ART.copy()
    image.paste(color, (0, int(HEIGHT * (1 - share)), WIDTH, HEIGHT))
    return image


COVERS = {
    "art": ART,
    "half of it libjpeg's gray": with_bottom((128, 128, 128), 0.5),
    "most of it libjpeg's gray": with_bottom((128, 128, 128), 0.9),
    "white below": with_bottom("white", 0.6),
    "black below": with_bottom("black", 0.75),
    "all gray": with_bottom((128, 128, 128), 1.0),
    "odd sides": ART.crop((0, 0, 157, 233)),
    "gray alone": with_bottom((128, 128, 128), 0.5).convert("L"),
    "CMYK": with_bottom((128, 128, 128), 0.5).convert("CMYK"),
}
WAYS: dict[str, dict[str, object]] = {
    "plain": {},
    "progressive": {"progressive": True},
    "restarts": {"restart_marker_blocks": 3},
    "progressive with restarts": {"progressive": True, "restart_marker_blocks": 7},
    "full colors": {"subsampling": 0, "quality": 95},
    "own tables": {"optimize": True, "quality": 30},
}


def jpeg(image: Image.Image, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", **options)
    return out.getvalue()


def is_whole(data: bytes, draft: tuple[int, int] | None = None) -> bool:
    def pixels(data: bytes) -> bytes:
        with Image.open(io.BytesIO(data)) as image:
            if draft is not None:
                image.draft(None, draft)
            return image.tobytes()

    return is_all_there(data, pixels)


@pytest.mark.parametrize("options", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("cover", COVERS.values(), ids=COVERS)
def test_a_whole_jpeg_is_all_there(cover: Image.Image, options: dict[str, object]) -> None:
    data = jpeg(cover, **options)
    assert is_whole(data)
    assert is_whole(data + b"\xff\xff\0behind it: \xff\xd8\xff\xda\xff\xd9")
    assert is_whole(data.removesuffix(END) + b"\xff\xff\xff" + END)  # bytes that fill up


@pytest.mark.parametrize("kept", [0.05, 0.3, 0.5, 0.8, 0.97])
@pytest.mark.parametrize("options", WAYS.values(), ids=WAYS)
def test_a_cut_jpeg_with_an_end_behind_the_cut_is_not(options: dict[str, object], kept: float) -> None:
    data = jpeg(ART, **options)
    start = data.index(b"\xff\xda") + 14
    cut = data[: start + int((len(data) - start) * kept)]
    for tail in (END, END + bytes(100), b"\xff" + END):
        # Cut in a table, the table takes the end for its own.
        assert not jpeg_ends(cut + tail) or not is_whole(cut + tail)


@pytest.mark.parametrize("size", [(3201, 4803), (3203, 4001), (1599, 2400), (4807, 3207), (1601, 2401)])
def test_a_large_jpeg_is_told_by_its_draft(size: tuple[int, int]) -> None:
    data = jpeg(ART.resize(size))
    draft = 1600, 1600 * size[1] // size[0]
    assert is_whole(data, draft)
    assert not is_whole(data[: len(data) // 2] + END, draft)


def test_a_progressive_jpeg_lacks_none_of_its_scans() -> None:
    data = jpeg(ART, progressive=True)
    scans = [at for at in range(len(data)) if data.startswith(b"\xff\xda", at)]
    tables = [at for at in range(len(data)) if data.startswith(b"\xff\xc4", at)]
    assert len(scans) == 10
    for scan in scans[1:]:
        # Between two scans: behind the data of one, before the next one's tables.
        assert not is_whole(data[: max(at for at in (*tables, *scans[:1]) if at < scan)] + END)


@pytest.mark.parametrize("options", [{}, {"progressive": True}])
def test_a_jpeg_is_as_high_as_it_says(options: dict[str, object]) -> None:
    data = bytearray(jpeg(ART, **options))
    frame = data.index(b"\xff\xc2" if options else b"\xff\xc0")
    data[frame + 5 : frame + 7] = struct.pack(">H", 2 * HEIGHT)
    assert not is_whole(bytes(data))


def png(image: Image.Image, change: Callable[[bytes], bytes] = bytes, *, interlaced: bool = False) -> bytes:
    """A PNG with its rows changed, and its checksums right."""
    depths = {"1": (1, 0), "L": (8, 0), "P": (8, 3), "RGB": (8, 2), "RGBA": (8, 6), "LA": (8, 4)}
    depth, kind = depths[image.mode]
    rows = b""
    for left, top, across, down in (
        ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
        if interlaced
        else ((0, 0, 1, 1),)
    ):
        for y in range(top, image.height, down):
            line = Image.new(image.mode, (len(range(left, image.width, across)), 1))
            for place, x in enumerate(range(left, image.width, across)):
                line.putpixel((place, 0), image.getpixel((x, y)))  # type: ignore[arg-type]
            rows += b"\0" + line.tobytes() if line.width else b""
    header = struct.pack(">IIBBBBB", *image.size, depth, kind, 0, 0, interlaced)
    palette = [(b"PLTE", bytes(range(256)) * 3)] if image.mode == "P" else []
    packed = zlib.compress(change(rows))
    half = len(packed) // 2
    chunks = [(b"IHDR", header), *palette, (b"IDAT", packed[:half]), (b"IDAT", packed[half:]), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    )


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA"])
@pytest.mark.parametrize("size", [(61, 47), (3, 90), (1, 5)])
def test_a_png_has_all_its_rows(mode: str, size: tuple[int, int], interlaced: bool) -> None:
    image = ART.crop((0, 0, *size)).convert(mode)
    assert is_whole(png(image, interlaced=interlaced))
    assert is_whole(png(image, lambda rows: rows + b"more", interlaced=interlaced))
    for kept in (0.0, 0.5, 0.9):
        cut = png(image, lambda rows, kept=kept: rows[: int(len(rows) * kept)], interlaced=interlaced)  # type: ignore[misc]
        assert not is_whole(cut)
    assert not is_whole(png(image, lambda rows: rows[:-1], interlaced=interlaced))
