"""Bodies unpacked within a limit: what comes out, what is refused, and how much is held on the way."""

import gzip
import tracemalloc
import zlib
from collections.abc import Iterator

import pytest

from ingram_assets.domain.unpacking import Damaged, TooLong, UnknownPacking, unpacked

TEXT = b"9780593135204,Project Hail Mary,28.99\r\n" * 500
RAW = zlib.compressobj(wbits=-15)
RAW_DEFLATE = RAW.compress(TEXT) + RAW.flush()


def in_parts(body: bytes, size: int) -> Iterator[bytes]:
    for at in range(0, len(body), size):
        yield body[at : at + size]


@pytest.mark.parametrize("size", [1, 7, 1_000, 100_000])
@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (TEXT, None),
        (TEXT, "identity"),
        *((TEXT, name) for name in ("none", "utf-8", "UTF8", "identity, none", "binary", "text/html")),
        (TEXT, "iso-8859-1"),
        (gzip.compress(TEXT), "gzip, utf-8"),
        (gzip.compress(TEXT), "gzip"),
        (gzip.compress(TEXT), "GZip, identity"),
        (gzip.compress(TEXT), "x-gzip"),
        (gzip.compress(TEXT[:100]) + gzip.compress(TEXT[100:]), "gzip"),
        (gzip.compress(TEXT) + b"\0\0\0", "gzip"),
        (zlib.compress(TEXT), "deflate"),
        (RAW_DEFLATE, "deflate"),
    ],
)
def test_what_was_packed_comes_out(body: bytes, encoding: str | None, size: int) -> None:
    assert unpacked(in_parts(body, size), encoding, len(TEXT)) == TEXT


def test_nothing_is_nothing() -> None:
    for encoding in (None, "gzip", "deflate"):
        assert unpacked([], encoding, 10) == b""


@pytest.mark.parametrize(
    "encoding", ["gzip, gzip", "gzip,br", "deflate, gzip", "br", "zstd", "compress", "x", "zlib"]
)
def test_other_packings_are_refused_by_name_before_a_byte_is_read(encoding: str) -> None:
    def never() -> Iterator[bytes]:
        raise AssertionError("read")
        yield b""

    with pytest.raises(UnknownPacking, match=encoding.split(",")[0]):
        unpacked(never(), encoding, 10)


@pytest.mark.parametrize("body", [b"<html>", gzip.compress(TEXT)[:-1], gzip.compress(TEXT)[:50], b"\x1f"])
def test_damage_is_named(body: bytes) -> None:
    with pytest.raises(Damaged):
        unpacked([body], "gzip", 100_000)


@pytest.mark.parametrize("encoding", [None, "gzip", "deflate"])
def test_the_limit_is_looked_at_while_unpacking(encoding: str | None) -> None:
    def without_end() -> Iterator[bytes]:
        if encoding is None:
            while True:
                yield bytes(10_000)
        press = zlib.compressobj(9, zlib.DEFLATED, 31 if encoding == "gzip" else 15)
        for _ in range(1_000):
            yield press.compress(bytes(1_000_000))
        raise AssertionError("unpacked to its end")

    tracemalloc.start()
    with pytest.raises(TooLong, match="5,000,000"):
        unpacked(without_end(), encoding, 5_000_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5_000_000 * 1.3 + 2_000_000


def test_a_body_as_long_as_its_limit_is_taken() -> None:
    assert len(unpacked([gzip.compress(bytes(1_000))], "gzip", 1_000)) == 1_000
    with pytest.raises(TooLong):
        unpacked([gzip.compress(bytes(1_001))], "gzip", 1_000)


def test_packed_bytes_that_unpack_to_nothing_come_to_an_end() -> None:
    with pytest.raises(TooLong):
        unpacked((gzip.compress(b"") * 100 for _ in range(10_000)), "gzip", 100_000)
    with pytest.raises(TooLong, match="1,000 pieces"):
        unpacked([gzip.compress(b"") * 2_000], "gzip", 100_000)
