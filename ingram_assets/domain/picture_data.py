"""Whether a picture's bytes hold all of what it shows, where decoders fill the rest in and say nothing.

A cache or a proxy that lost half of a file may still put the format's end behind it. Libjpeg then paints gray
what is missing, and a packer of PNGs that broke off leaves it black. A designed cover may be gray or black
there as well, so what the picture looks like says nothing.
"""

import hashlib
import re
import zlib
from collections.abc import Callable, Iterator

# Not those that stand inside a scan: a stuffed zero, and restarts.
_JPEG_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_ALONE = (0x01, 0xD8)
"""Markers without a length behind them."""
_END, _SCAN = 0xD9, 0xDA
_HUFFMAN_FRAMES = (0xC0, 0xC1, 0xC2)
_COEFFICIENTS = 64

_NOISE = hashlib.shake_128(b"what no scan has").digest(64).replace(b"\xff", b"\x5a")
_SURPLUS = b"".join(_NOISE + bytes((0xFF, 0xD0 + number)) for number in range(8))
"""Data of a scan, with every restart marker in it."""

_PNG_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_WHOLE = ((0, 0, 1, 1),)
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""The passes of an interlaced PNG: first column and row, and the steps from one to the next."""
_STEP = 65_536


def jpeg_ends(data: bytes) -> bool:
    """Whether the end of the JPEG is there, wherever it stands; not that of a thumbnail within it."""
    return any(kind == _END for kind, _, _ in _segments(data))


def is_all_there(data: bytes, pixels: Callable[[bytes], bytes]) -> bool:
    """Whether the bytes hold every part of a JPEG or PNG that has its end; of other formats, True.

    Their decoders say so themselves.

    Args:
        pixels: decodes a picture.
    """
    if data.startswith(b"\xff\xd8"):
        # Where more data in each scan changes nothing, the decoder did not miss any.
        return _has_all_scans(data) and pixels(data) == pixels(_with_surplus(data))
    if data.startswith(b"\x89PNG"):
        return _has_all_rows(data)
    return True


def _has_all_scans(data: bytes) -> bool:
    """Whether every coefficient of every component is told to its last bit.

    A progressive JPEG may be cut between two scans, and is a blurred picture then.
    """
    told: dict[int, set[int]] = {}
    for kind, segment, _ in _segments(data):
        if kind in _HUFFMAN_FRAMES:
            for component in segment[6 : 6 + 3 * segment[5] : 3]:
                told[component] = set()
        elif kind == _SCAN and told:
            count = segment[0]
            first, last, bits = segment[1 + 2 * count : 4 + 2 * count]
            for component in segment[1 : 1 + 2 * count : 2]:
                if component in told and bits & 15 == 0:
                    told[component].update(range(first, last + 1))
    return all(len(coefficients) >= _COEFFICIENTS for coefficients in told.values())


def _with_surplus(data: bytes) -> bytes:
    pieces, at = [], 0
    is_huffman = False
    for kind, _, end in _segments(data):
        is_huffman = is_huffman or kind in _HUFFMAN_FRAMES
        marker = _JPEG_MARKER.search(data, end) if kind == _SCAN and is_huffman else None
        if marker is not None:
            # Before the bytes that fill up to the marker.
            place = len(data[: marker.start()].rstrip(b"\xff"))
            pieces += [data[at:place], _SURPLUS]
            at = place
    return b"".join((*pieces, data[at:]))


def _segments(data: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Each marker of the JPEG, its end the last, with what belongs to it, and where that ends."""
    at = 2
    while (marker := _JPEG_MARKER.search(data, at)) is not None:
        start, kind = marker.end(), data[marker.end() - 1]
        at = start
        if kind not in _ALONE and kind != _END:
            at += int.from_bytes(data[start : start + 2], "big")
            yield kind, data[start + 2 : at], at
        elif kind == _END:
            yield kind, b"", at
            return


def _has_all_rows(data: bytes) -> bool:
    """Whether as much comes out of the PNG as its size takes. Damage is for the decoder to name."""
    at, left = 8, 0
    inflate = zlib.decompressobj()
    while at + 8 <= len(data):
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + int.from_bytes(data[at : at + 4], "big")]
        at += 12 + len(body)
        if kind == b"IHDR" and len(body) == 13:
            left = _unpacked_size(body)
        elif kind == b"IEND":
            break
        elif kind == b"IDAT":
            try:
                while body and left > 0:
                    left -= len(inflate.decompress(body, _STEP))
                    body = inflate.unconsumed_tail
            except zlib.error:
                return True
    while left > 0 and (more := inflate.decompress(inflate.unconsumed_tail, _STEP)):
        left -= len(more)
    return left <= 0


def _unpacked_size(header: bytes) -> int:
    """The bytes of all rows, each with one before it that names its filter."""
    width, height = int.from_bytes(header[:4], "big"), int.from_bytes(header[4:8], "big")
    bits = header[8] * _PNG_CHANNELS.get(header[9], 0)
    size = 0
    for left, top, across, down in _ADAM7 if header[12] else _WHOLE:
        columns, rows = (width - left + across - 1) // across, (height - top + down - 1) // down
        if columns > 0 and rows > 0:
            size += rows * (1 + (columns * bits + 7) // 8)
    return size
