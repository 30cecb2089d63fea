"""A packed body unpacked only as far as it may grow: 640 bytes can stand for hundreds of megabytes."""

import io
import re
import zlib
from collections.abc import Iterable, Iterator
from itertools import chain

_STEP = 65_536
"""Bytes unpacked at a time: all that is held beyond what is kept."""

_MEMBERS = 1_000
"""That a packed body may have. Honest ones have one; a million of them keep the processor busy."""

_GZIP, _ZLIB, _RAW = 31, 15, -15  # as zlib calls them

_PACKINGS = {"gzip": _GZIP, "x-gzip": _GZIP, "deflate": _ZLIB}
_NO_PACKING = re.compile(
    r"identity|none|null|plain|raw|binary|[78]bit|(?:charset=)?(?:utf-?(?:8|16|32)(?:-?[lb]e)?|iso-?8859-?\d{1,2}"
    r"|windows-?\d{3,4}|cp\d{3,4}|(?:us-)?ascii|latin-?1)|(?:text|image)/[a-z0-9.+-]{1,40}"
)
"""What badly configured servers write there of a body that is not packed: its charset, its type, "none"."""


class NotUnpacked(ValueError):
    """The message is the end of a sentence that begins with the body: "it is packed as …"."""


class TooLong(NotUnpacked):
    """More than is allowed, packed or unpacked."""


class UnknownPacking(NotUnpacked):
    """Packed in a way that was not asked for, or packed twice."""


class Damaged(NotUnpacked):
    """Not packed as it says, or cut short."""


def unpacked(parts: Iterable[bytes], encoding: str | None, most: int) -> bytes:
    """The body whose bytes come in these parts.

    Args:
        parts: as they come over the line. No more of them are taken than are needed.
        encoding: the `Content-Encoding`; several headers of that name joined with commas.
        most: bytes. Never is more than this and a little held.

    Raises:
        TooLong, UnknownPacking, Damaged.
    """
    packing = _packing(encoding)
    body = io.BytesIO()  # hands out what it holds without a second copy
    pieces = _counted(parts, most)
    for piece in pieces if packing is None else _inflated(pieces, packing):
        if body.tell() + len(piece) > most:
            raise TooLong(f"it is longer than {most:,} bytes")
        body.write(piece)
    return body.getvalue()


def _packing(encoding: str | None) -> int | None:
    names = [name.strip().lower() for name in (encoding or "").split(",")]
    names = [name for name in names if name and not _NO_PACKING.fullmatch(name)]
    if not names:
        return None
    if len(names) > 1:
        raise UnknownPacking(f"it is packed {len(names)} times over ({', '.join(names)[:60]!r})")
    if names[0] not in _PACKINGS:
        raise UnknownPacking(f"it is packed as {names[0][:40]!r}, which was not asked for")
    return _PACKINGS[names[0]]


def _counted(parts: Iterable[bytes], most: int) -> Iterator[bytes]:
    """The parts, as long as they are no more than is allowed unpacked: what is packed is not longer."""
    size = 0
    for part in parts:
        size += len(part)
        if size > most + 1_000:
            raise TooLong(f"it is longer than {most:,} bytes")
        yield part


def _inflated(parts: Iterator[bytes], packing: int) -> Iterator[bytes]:
    head = b""
    while len(head) < 2 and (part := next(parts, None)) is not None:
        head += part
    if not head:
        return
    if packing == _ZLIB and (head[0] & 15 != 8 or int.from_bytes(head[:2], "big") % 31):
        packing = _RAW  # what some servers call deflate, and browsers take
    inflate, members = zlib.decompressobj(packing), 1
    try:
        for rest in chain((head,), parts):
            while rest:
                if inflate.eof:
                    # A second member of the same file; browsers pass over anything else.
                    if packing != _GZIP or not rest.startswith(b"\x1f"):
                        return
                    inflate, members = zlib.decompressobj(packing), members + 1
                    if members > _MEMBERS:
                        raise TooLong(f"it is packed in more than {_MEMBERS:,} pieces")
                yield inflate.decompress(rest, _STEP)
                rest = inflate.unused_data if inflate.eof else inflate.unconsumed_tail
        yield from _rest(inflate)
    except zlib.error as error:
        raise Damaged(f"it is not packed as it says ({error})") from None


def _rest(inflate: "zlib._Decompress") -> Iterator[bytes]:
    """What is still in it when all parts are there."""
    while not inflate.eof and (piece := inflate.decompress(b"", _STEP)):
        yield piece
    if not inflate.eof:
        raise Damaged("it ends before it is whole")
