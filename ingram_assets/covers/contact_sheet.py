"""A run's new covers as one small picture, so that a person sees at a glance what came in."""

import io
import threading
from typing import TYPE_CHECKING

from ingram_assets.covers.pictures import Picture

if TYPE_CHECKING:
    from PIL.Image import Image


_CELL = (96, 144)
_CAPTION = 12
_COLUMNS = 8
MOST = 48
"""Covers on one sheet, so that a large run costs no more memory."""


class ContactSheet:
    """Collects thumbnails as covers are stored, at most `MOST`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cells: dict[str, tuple[Image, bool]] = {}

    def add(self, isbn: str, picture: Picture, *, placeholder: bool) -> None:
        """Add a cover that was stored."""
        with self._lock:
            if isbn not in self._cells and len(self._cells) >= MOST:
                return
            thumbnail = picture.small.copy()
            thumbnail.thumbnail(_CELL)
            self._cells[isbn] = (thumbnail, placeholder)

    def mark_placeholder(self, isbn: str) -> None:
        """A cover that was added turned out to be a placeholder."""
        with self._lock:
            if isbn in self._cells:
                self._cells[isbn] = (self._cells[isbn][0], True)

    def jpeg(self) -> bytes | None:
        """The sheet: an ISBN under each cover, placeholders in a grey frame. None if nothing was added."""
        from PIL import Image, ImageDraw, ImageFont

        with self._lock:
            cells = sorted(self._cells.items())
        if not cells:
            return None
        pad = 4
        wide, high = _CELL[0] + 2 * pad, _CELL[1] + _CAPTION + 2 * pad
        columns = min(_COLUMNS, len(cells))
        rows = -(-len(cells) // columns)
        sheet = Image.new("RGB", (columns * wide, rows * high), "white")
        draw = ImageDraw.Draw(sheet)
        font = ImageFont.load_default(size=10)
        for place, (isbn, (thumb, placeholder)) in enumerate(cells):
            left, top = place % columns * wide, place // columns * high
            sheet.paste(
                thumb, (left + pad + (_CELL[0] - thumb.width) // 2, top + pad + _CELL[1] - thumb.height)
            )
            if placeholder:
                draw.rectangle((left + 1, top + 1, left + wide - 2, top + high - 2), outline="grey", width=2)
            draw.text((left + wide // 2, top + high - pad), isbn, fill="black", font=font, anchor="mb")
        out = io.BytesIO()
        sheet.save(out, "JPEG", quality=75, optimize=True)
        return out.getvalue()
