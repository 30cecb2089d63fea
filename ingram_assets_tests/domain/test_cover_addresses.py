"""Where covers lie, and which address shows one in which size."""

import pytest

from ingram_assets.domain.cover_addresses import (
    BOARD,
    GALLERY,
    SIZES,
    THUMBNAIL,
    cover_address,
    in_width,
    raw_path,
)

ISBN = "9780451496454"
PUBLIC = "https://covers.example/shop"
STORED = cover_address(PUBLIC, ISBN, "0a1b2c3d" * 8, SIZES)


def test_a_stored_cover_is_shown_in_its_sizes():
    assert f"{PUBLIC}/covers/raw/{ISBN}.jpg?v=0a1b2c3d&sizes=200,400,800" == STORED
    shown = [in_width(STORED, width) for width in (BOARD, THUMBNAIL, GALLERY)]
    assert shown == [f"{PUBLIC}/covers/processed/{ISBN}-{n}.webp?v=0a1b2c3d" for n in (200, 400, 800)]
    assert [in_width(shown[2], width) for width in (BOARD, THUMBNAIL, GALLERY)] == shown


@pytest.mark.parametrize(
    "address",
    [
        cover_address(PUBLIC, ISBN, "0a1b2c3d", ""),
        cover_address(PUBLIC, ISBN, "0a1b2c3d", "200,800"),
        "https://covers.openlibrary.org/b/isbn/9780451496454-L.jpg?default=false",
        f"https://elsewhere.example/raw/{ISBN}.jpg?v=0a1b2c3d&sizes=200,400,800",
        "",
    ],
    ids=["of an earlier version", "not in this size", "Open Library", "another program's", "nothing"],
)
def test_what_is_not_there_in_a_size_is_shown_as_it_is(address: str):
    assert in_width(address, THUMBNAIL) == address


def test_the_sizes_of_a_cover_are_the_same_cover():
    assert raw_path(f"/shop/covers/processed/{ISBN}-400.webp") == f"/shop/covers/raw/{ISBN}.jpg"
    for path in (f"/shop/covers/raw/{ISBN}.jpg", f"/shop/covers/processed/{ISBN}.webp", "/", ""):
        assert raw_path(path) == path
