"""Bindings: a file is known by name, a thing beside it outweighs it, and what nobody knows is counted."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingram_assets.domain.availability import availability
from ingram_assets.domain.bindings import BindingKind, is_digital, kind
from ingram_assets.domain.stock import DcStock

NONE_LEFT = {"TN": DcStock(0, 0, "primary"), "PA": DcStock(0, 0, "secondary")}

FILES = [
    *("E-Book", "eBook", "EBOOK", "E‑Book", "E Book", "e.Book", "Electronic Book"),
    *("Electronic book text", "E-Audio", "eAudio", "E AUDIO", "eAudiobook", "E-Audiobook (MP3)"),
    *("Downloadable Audio File", "Audio file", "Downloadable and online audio file"),
    *("Online audio file", "Streaming Audio", "Digital Audio Download", "Audiobook (Digital)"),
    *("Digital Audiobook - Unabridged", "MP3 Download", "Audible Audio Edition", "NOOK"),
    *("Barnes & Noble NOOK Book", "Kindle Edition", "Kindle Format 8", "Kobo eBook", "Apple iBooks"),
    *("EPUB", "ePub3", "EPUB 3.0", "E-Pub, fixed layout", "Adobe PDF", "Web PDF", "PDF/EPUB"),
    *("Mobipocket", "Adobe Digital Editions", "E-Book (Microsoft Reader)", "eText"),
    *("Electronic resource", "Digital online", "Digital download", "Digital (delivered electronically)"),
    *("Digital download and online", "Digital product license", "E-Book (180 Day Rental)"),
    *("eBook Library Edition", "Enhanced E-Book with audio"),
]
THINGS = [
    *("Preloaded Digital Audio Player", "Pre-Recorded Digital Audio Player", "Audiobook Player"),
    *("Playaway", "Digital Video Player", "E-Book Reader", "Tablet with E-Books"),
    *("Pre-recorded SD card", "USB Digital Edition", "Digital Audio Tape", "Digital Compact Cassette"),
    *("Digital Video Disc", "MP3 CD", "MP3-CD", "PDF on CD-ROM", "Digital (on physical carrier)"),
    *("Electronic Game Cartridge", "DVD-ROM + Download", "Book with digital access code"),
    *("Digital download card", "Online Access Code", "E-Book Gift Card", "Kit with download card"),
    *("Mixed Media Product with online resource", "Loose-leaf with ebook", "Looseleaf/PDF"),
    *("Book Plus Digital", "Book/Online Audio", "Book (Online Audio Included)", "Picture Book (PDF)"),
    *("Book & eBook", "Hardback with eBook", "Textbook with eText", "Digital Print on Demand paperback"),
    *("Digitally Printed", "Print + Digital", "Digital Notebook", "Digital Calendar"),
    *("Sheet Music with Online Audio", "Boxed Set, digital", "Paperback", "Hardcover", "Board Books"),
    *("Compact Disc", "Book", "Library", "Calendar", "Merchandise"),
]
NOBODY_KNOWS = [
    *("Digital Photo Frob", "Electronic Keyboard", "Kindle Fire", "Digital Watch", "Online Access"),
    *("Interactive Pad", "Audiobook", "MP3", "Gebunden", "Other", "E-Book Zeppelin"),
]


@pytest.mark.parametrize("binding", FILES)
def test_a_file_is_sold_without_end(binding):
    assert kind(binding) is BindingKind.FILE
    assert availability(NONE_LEFT, binding=binding, today=date(2026, 11, 20)).status == "digital"


@pytest.mark.parametrize("binding", [*THINGS, *NOBODY_KNOWS])
def test_a_thing_and_what_nobody_knows_are_counted(binding):
    assert kind(binding) is (BindingKind.THING if binding in THINGS else BindingKind.UNKNOWN)
    assert availability(NONE_LEFT, binding=binding, today=date(2026, 11, 20)).status == "out_of_stock"


@given(st.sampled_from(FILES), st.sampled_from(["paperback", "CD", "player", "kit", "card", "Frobnicate"]))
def test_a_word_for_a_thing_or_an_unknown_one_makes_a_file_none(binding, word):
    for both in (f"{binding} {word}", f"{word} with {binding}", f"{binding} ({word.upper()})"):
        assert not is_digital(both)


@given(st.text(max_size=400))
def test_any_text_is_of_some_kind(text):
    assert kind(text) in BindingKind
