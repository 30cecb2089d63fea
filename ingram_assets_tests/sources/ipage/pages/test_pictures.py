"""A cover's bytes: a complete picture of plausible size, or a page in its place."""

import contextlib
import io

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ingram_assets.domain.failures import IngramError
from ingram_assets.sources.ipage.access.answers import ExpectedAnswer, Fetched, bears_no_mark, classify
from ingram_assets.sources.ipage.pages import recognize
from ingram_assets.sources.ipage.pages.page_failures import Blocked, NotFound, PerhapsBlocked, SessionExpired
from ingram_assets.sources.ipage.pages.pictures import (
    NotAPicture,
    PictureIncomplete,
    UnfitPicture,
    check_picture,
)
from ingram_assets_tests.testing.page_factory import (
    BLOCK,
    EXPIRED,
    INTERRUPTION,
    LOGIN,
    NO_MATCH,
    product_page,
)


def picture(format_: str, size: tuple[int, int] = (120, 180), mode: str = "RGB") -> bytes:
    image = Image.effect_noise(size, 60).convert(mode)
    out = io.BytesIO()
    image.save(out, format_)
    return out.getvalue()


PICTURES = {format_: picture(format_) for format_ in ("jpeg", "png", "webp", "gif")}


@pytest.mark.parametrize("format_", sorted(PICTURES))
def test_a_complete_picture(format_: str) -> None:
    check_picture(PICTURES[format_])


TAILS = {
    "ten zero bytes": bytes(10),
    "a block of zero bytes": bytes(4096),
    "a line end": b"\r\n",
    "a cache's comment": b"<!-- from a cache " + b"x" * 400 + b" -->",
    "a page": b"<html><body>Thank you</body></html>",
    "an end without a picture": b"\xff\xd9IEND\xaeB`\x82;",
    "the start of another picture": PICTURES["jpeg"][:500],
    "a mail's boundary": b"\r\n------=_Part_1_2.3--\r\n",
    "fill bytes": b"\xff" * 300,
}


@pytest.mark.parametrize("tail", TAILS.values(), ids=TAILS)
@pytest.mark.parametrize("format_", sorted(PICTURES))
def test_bytes_behind_the_end_are_no_fault(format_: str, tail: bytes) -> None:
    check_picture(PICTURES[format_] + tail)


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("format_", sorted(PICTURES))
def test_bytes_behind_a_cut_make_no_picture_of_it(format_: str, kept: float) -> None:
    cut = PICTURES[format_][: int(len(PICTURES[format_]) * kept)]
    for tail in (bytes(10), b"\r\n", b"<!-- from a cache -->"):
        with pytest.raises((PictureIncomplete, UnfitPicture)):
            check_picture(cut + tail)


ENDS = {"jpeg": b"\xff\xd9", "png": bytes(4) + b"IEND\xaeB`\x82", "gif": b"\0;"}


@pytest.mark.parametrize("kept", [0.4, 0.5, 0.7, 0.9, 0.97])
@pytest.mark.parametrize("tail", [b"", bytes(64), b"\r\n"])
@pytest.mark.parametrize("format_", sorted(ENDS))
def test_an_end_put_behind_a_cut_makes_no_picture_of_it(format_: str, tail: bytes, kept: float) -> None:
    cut = PICTURES[format_][: int(len(PICTURES[format_]) * kept)]
    with pytest.raises(PictureIncomplete, match="cut short"):
        check_picture(cut + ENDS[format_] + tail)


@pytest.mark.parametrize("kept", [0.5, 0.7, 0.9])
def test_a_jpegs_every_kind_is_seen_to_be_cut_behind_its_end(kept: float) -> None:
    for data in (
        OTHERS[name] for name in ("progressive", "with restarts", "with a comment", "with a thumbnail")
    ):
        with pytest.raises(PictureIncomplete, match="cut short"):
            check_picture(data[: int(len(data) * kept)] + b"\xff\xd9")


@pytest.mark.parametrize("color", ["white", "black", (128, 128, 128), (127, 127, 127), (200, 30, 40)])
@pytest.mark.parametrize("format_", sorted(PICTURES))
def test_a_cover_that_is_plain_below_is_a_cover(format_: str, color: str | tuple[int, int, int]) -> None:
    image = Image.effect_noise((120, 180), 60).convert("RGB")
    image.paste(color, (0, 60, 120, 180))
    out = io.BytesIO()
    image.save(out, format_)
    check_picture(out.getvalue())


@settings(max_examples=100)
@given(st.sampled_from(sorted(PICTURES)), st.binary(max_size=200))
def test_any_bytes_behind_the_end_are_no_fault(format_: str, tail: bytes) -> None:
    check_picture(PICTURES[format_] + tail)


def saved(format_: str, **options: object) -> bytes:
    out = io.BytesIO()
    Image.effect_noise((200, 300), 60).convert("RGB").save(out, format_, **options)
    return out.getvalue()


def _exif_with_thumbnail() -> bytes:
    exif = Image.Exif()
    exif[0x9286] = "a note with an end in it: \xff\xd9"
    return exif.tobytes() + b"\xff\xd8thumbnail\xff\xd9"


OTHERS = {
    "progressive": saved("jpeg", progressive=True),
    "with restarts": saved("jpeg", restart_marker_blocks=3),
    "with a comment": saved("jpeg", comment=b"an end: \xff\xd9 in a comment"),
    "with a thumbnail": saved("jpeg", exif=_exif_with_thumbnail()),
    "interlaced GIF": saved("gif", interlace=1),
    "GIF of two frames": saved(
        "gif", save_all=True, append_images=[Image.new("RGB", (200, 300), "red")], comment=b"a;b"
    ),
    "gray PNG with a text": saved("png", optimize=True),
    "lossless WebP": saved("webp", lossless=True),
    "WebP of two frames": saved("webp", save_all=True, append_images=[Image.new("RGB", (200, 300), "red")]),
}


@pytest.mark.parametrize("data", OTHERS.values(), ids=OTHERS)
def test_the_end_is_found_whatever_stands_before_it(data: bytes) -> None:
    check_picture(data)
    check_picture(data + bytes(512))
    for end in [*range(200, len(data) - 1, len(data) // 40), len(data) - 1]:
        with pytest.raises(PictureIncomplete):
            check_picture(data[:end])


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_other_kinds_of_jpeg(mode: str) -> None:
    check_picture(picture("jpeg", mode=mode))


@pytest.mark.parametrize("format_", sorted(PICTURES))
def test_a_picture_cut_anywhere_is_refused(format_: str) -> None:
    data = PICTURES[format_]
    for end in [*range(12, len(data) - 1, len(data) // 60), len(data) - 1]:
        with pytest.raises(PictureIncomplete):
            check_picture(data[:end])


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (LOGIN, SessionExpired),
        (EXPIRED, SessionExpired),
        (BLOCK, Blocked),
        (INTERRUPTION, Blocked),
        (NO_MATCH, NotFound),
        (product_page(), NotAPicture),
        ("<html></html>", NotAPicture),
    ],
)
def test_a_page_in_place_of_a_picture(body: str, error: type[IngramError]) -> None:
    with pytest.raises(error):
        check_picture(body.encode())


@pytest.mark.parametrize(
    "data",
    [
        b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01",
        b"%PDF-1.7",
        b"no picture",
        picture("png", (1, 1)),
        picture("jpeg", (30, 400)),
        picture("bmp"),
        b"\xff\xd8\xff\xd9",
        b"\x89PNG\r\n\x1a\nIEND\xaeB`\x82",
    ],
)
def test_what_can_be_no_cover(data: bytes) -> None:
    with pytest.raises(NotAPicture):
        check_picture(data)


def test_no_bytes_are_worth_another_try() -> None:
    with pytest.raises(PictureIncomplete):
        check_picture(b"")


@pytest.mark.parametrize("side", [7_200, 10_000, 15_000])
def test_a_picture_bomb_is_not_unpacked(side: int) -> None:
    out = io.BytesIO()
    Image.new("1", (side, side)).save(out, "png", compress_level=1)
    with pytest.raises(NotAPicture, match="large"):
        check_picture(out.getvalue())


@settings(max_examples=150)
@given(st.sampled_from(sorted(PICTURES)), st.data())
def test_a_damaged_picture_ends_in_a_named_error_or_a_picture(format_: str, data: st.DataObject) -> None:
    body = bytearray(PICTURES[format_])
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(IngramError):
        check_picture(bytes(body))


SVG = '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
NO_PAGES = {
    "an SVG with a script": SVG,
    "an SVG behind its heads": f'\ufeff<?xml version="1.0"?>\n<!DOCTYPE svg PUBLIC "a" "b">\n<!--c-->{SVG}',
    "an empty SVG": '<svg xmlns="http://www.w3.org/2000/svg"/>',
    "an SVG with a link": '<svg><a href="/login"><text>Sign in to see more</text></a></svg>',
    "XML of a store": '<?xml version="1.0"?><Error><Code>NoSuchKey</Code></Error>',
    "XML without its head": "<Error><Code>NoSuchKey</Code></Error>",
    "XML with a script": '<?xml version="1.0"?><s:Envelope><s:Body><script/></s:Body></s:Envelope>',
    "XML with a name of HTML": '<?xml version="1.0"?><object><script>x()</script></object>',
    "a feed": "<rss version='2.0'><channel/></rss>",
    "JSON": '{"error": "internal"}',
    "a PDF": "%PDF-1.7",
    "text": "hello",
    "a script": "alert(1)",
}


@pytest.mark.parametrize("body", NO_PAGES.values(), ids=NO_PAGES)
def test_what_is_no_page_in_place_of_a_picture_is_of_this_title_alone(body: str) -> None:
    for data in (body.encode(), body.encode("utf-16")):
        classify(Fetched(200, "https://site.example/", httpx.Headers(), data), ExpectedAnswer.PICTURE)
        with pytest.raises(UnfitPicture) as caught:
            check_picture(data)
        assert not bears_no_mark(caught.value, data, ExpectedAnswer.PICTURE)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ('<svg><script src="/_Incapsula_Resource?CWUDNSAI=1"></script></svg>', Blocked),
        ('<?xml version="1.0"?><a><script src="/_Incapsula_Resource?x"/></a>', Blocked),
        ('<html><head><script src="/xyz-9837.js"></script></head><body></body></html>', PerhapsBlocked),
        ('<script src="/xyz-9837.js"></script>', PerhapsBlocked),
        ('<?xml version="1.0"?><html><head><script src="/a.js"></script></head></html>', PerhapsBlocked),
        (LOGIN, SessionExpired),
    ],
)
def test_a_wall_or_a_sign_in_in_place_of_a_picture_is_what_it_is(body: str, error: type[IngramError]) -> None:
    with pytest.raises(error):
        classify(
            Fetched(200, "https://site.example/", httpx.Headers(), body.encode()), ExpectedAnswer.PICTURE
        )


@pytest.mark.timeout(120)
def test_no_markup_takes_long_to_tell() -> None:
    for piece in ("<!-- -->", "<!--", "<!doctype ", "<!doctype []>", "<? >", "<!doctype ["):
        recognize.other_root(piece * 100_000 + "x")
