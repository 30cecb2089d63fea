"""Cover pictures, and Open Library's stand-in."""

import io

import pytest
from PIL import Image

from ingram_assets_tests.testing import simulator_pages as reading

ROUTES = ("/ipage/hoverImage.jsp", "/ipage/servlet/ibg.common.titledetail.imageloader")


def cover(client, isbn, route=ROUTES[0]):
    return client.get(route, params={"ean": isbn, "size": 640, "howerType": "Y"})


def test_covers_are_complete_jpegs_and_all_different(sim, shop):
    pictures = {}
    for isbn, entry in sim.book().items():
        if entry["cover"] == "art":
            response = cover(shop, isbn)
            assert response.headers["content-type"] == "image/jpeg"
            image = Image.open(io.BytesIO(response.content))
            image.load()
            assert (image.format, image.size) == ("JPEG", (400, 600))
            assert 3_000 < len(response.content) < 60_000
            pictures[isbn] = response.content
    assert len(set(pictures.values())) == len(pictures) > 15
    again = next(iter(pictures))
    assert cover(shop, again, ROUTES[1]).content == pictures[again]


def test_placeholders_are_the_same_picture_until_the_art_comes(sim, shop):
    waiting = [isbn for isbn, entry in sim.book().items() if entry["cover"] == "placeholder"]
    assert len(waiting) >= 2
    placeholder = {cover(shop, isbn).content for isbn in waiting}
    assert len(placeholder) == 1
    sim.edit(waiting[0], cover="art")
    assert cover(shop, waiting[0]).content not in placeholder
    assert cover(shop, waiting[1]).content in placeholder


@pytest.mark.parametrize(("shown", "status"), [("404", 404), ("empty", 200), ("gif", 200), ("html", 200)])
def test_no_picture(sim, shop, shown, status):
    sim.set(no_cover_as=shown)
    response = cover(shop, sim.isbns("no_cover")[0])
    assert response.status_code == status
    assert not response.headers["content-type"].startswith("image/jpeg") or response.content == b""
    assert cover(shop, "9780306406157").status_code == status


def test_another_titles_cover(sim, shop):
    isbn = sim.isbns()[0]
    right = cover(shop, isbn).content
    sim.fault("wrong_title", kinds=["cover"])
    assert cover(shop, isbn).content != right


def test_open_library(sim, stranger):
    base = sim.open_library_url.removeprefix(sim.url)
    book = sim.book()
    has = next(isbn for isbn, entry in book.items() if entry["open_library"])
    lacks = next(isbn for isbn, entry in book.items() if not entry["open_library"])
    response = stranger.get(f"{base}/b/isbn/{has}-L.jpg?default=false")
    assert response.status_code == 302
    picture = stranger.get(response.headers["location"])
    assert Image.open(io.BytesIO(picture.content)).format == "JPEG"
    assert stranger.get(f"{base}/b/isbn/{lacks}-L.jpg?default=false").status_code == 404
    blank = stranger.get(f"{base}/b/isbn/{lacks}-L.jpg")
    assert (blank.status_code, blank.headers["content-type"]) == (200, "image/gif")
    assert len(blank.content) < 100
    counted = sim.requests()["by_kind"]
    assert (counted["open_library"], counted["open_library_picture"]) == (3, 1)


def test_open_library_takes_100_look_ups_in_5_minutes(sim, stranger):
    base = sim.open_library_url.removeprefix(sim.url)
    address = f"{base}/b/isbn/{sim.isbns()[0]}-L.jpg?default=false"
    statuses = [stranger.get(address).status_code for _ in range(101)]
    assert statuses == [302] * 100 + [403]
    sim.advance_clock(301)
    assert stranger.get(address).status_code == 302


def test_a_cover_without_a_session_is_a_login_page(sim, stranger):
    response = cover(stranger, sim.isbns()[0])
    assert response.status_code == 200
    assert reading.is_login_form(response)
