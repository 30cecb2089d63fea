"""A run's new covers as one small picture."""

import pytest

from ingram_assets.covers import ContactSheet, contact_sheet, examine
from ingram_assets_tests.testing.cover_shop import CoverShop
from ingram_assets_tests.testing.drawn import art, isbn, opened


def test_a_run_without_new_covers_has_no_sheet(shop: CoverShop) -> None:
    sheet = ContactSheet()
    shop.ipage = {isbn(1): art(1)}
    shop.keep()
    shop.keep(sheet=sheet, force=True)
    assert sheet.jpeg() is None


def test_new_and_changed_covers_are_on_it(shop: CoverShop) -> None:
    shop.ipage = {isbn(number): art(number) for number in range(3)}
    shop.keep()
    shop.ipage |= {isbn(1): art(11), isbn(4): art(4)}
    sheet = ContactSheet()
    shop.keep(sheet=sheet, force=True)
    made = opened(sheet.jpeg() or b"")
    assert made.format == "JPEG"
    assert made.size == (2 * 104, 164)
    # The replaced cover's own colors, at the place of its ISBN.
    expected = opened(art(11)).resize((96, 144)).getpixel((3, 3))
    found = made.getpixel((4 + 3, 4 + 3))
    assert max(abs(a - b) for a, b in zip(expected, found, strict=True)) < 40


def test_it_stays_small(shop: CoverShop, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = examine(art(1, size=(800, 1200)))
    monkeypatch.setattr(contact_sheet, "MOST", 10)
    sheet = ContactSheet()
    for number in range(25):
        sheet.add(isbn(number), picture, placeholder=number % 2 == 0)
    made = sheet.jpeg()
    assert made is not None
    assert opened(made).size == (8 * 104, 2 * 164)
    assert len(made) < 100_000
