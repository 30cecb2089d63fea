"""What makes a picture a placeholder."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from ingram_assets.coordination.connection import Coordinator
from ingram_assets.coordination.cover_looks import CoverLooks
from ingram_assets.covers.memory import Ledger, Sighting
from ingram_assets.covers.pictures import examine
from ingram_assets.covers.placeholders import (
    MANY_TITLES,
    SAME_HASH,
    distance,
    load_seeds,
    near,
    same_tiles,
    work_of,
)
from ingram_assets_tests.testing.drawn import art, isbn, placeholder
from ingram_assets_tests.testing.queue import Queue
from ingram_demo.simulator import art as demo


@pytest.mark.parametrize(
    "again",
    [
        placeholder(quality=40),
        placeholder(kind="PNG"),
        placeholder(kind="WEBP", quality=40),
        placeholder(size=(640, 960)),
        placeholder(size=(480, 720)),
        placeholder(size=(300, 452)),
    ],
    ids=["q40", "png", "webp", "640", "480", "other aspect"],
)
def test_the_same_tiles_in_another_size_or_quality_is_the_same(again: bytes) -> None:
    one, other = examine(placeholder()), examine(again)
    assert near(one.phash, [other.phash])
    assert same_tiles(one.tiles, other.tiles)


def test_other_covers_are_far() -> None:
    hashes = [examine(art(seed)).phash for seed in range(6)]
    assert min(distance(a, b) for a in hashes for b in hashes if a != b) > 3 * SAME_HASH


def test_volumes_in_one_design_are_different_pictures() -> None:
    volumes = [examine(art(8, text=f"Volume {number}", size=(640, 960))) for number in (1, 2, 3, 7, 10)]
    assert near(volumes[0].phash, [volumes[3].phash])  # The hash alone could not say so.
    for one in volumes:
        for other in volumes:
            if one is not other:
                assert not same_tiles(one.tiles, other.tiles)


def test_the_list_that_comes_with_the_code_knows_the_demos_placeholder() -> None:
    assert near(examine(demo.placeholder()).phash, load_seeds())


def test_a_person_adds_placeholders_as_pictures_or_hashes(tmp_path: Path) -> None:
    picture, hashed = placeholder(), art(1)
    (tmp_path / "coming-soon.jpg").write_bytes(picture)
    (tmp_path / "more.txt").write_text(
        f"# seen in May\n{examine(hashed).phash}  # a publisher's\n\nnot a hash\n"
    )
    (tmp_path / "notes.doc").write_bytes(b"no picture")
    seeds = load_seeds(tmp_path)
    assert near(examine(picture).phash, seeds)
    assert near(examine(hashed).phash, seeds)
    assert not near(examine(art(2)).phash, seeds)
    assert load_seeds(tmp_path / "not there") == load_seeds()


NAMES = ["Dune", "Emma", "Kim", "Ulysses", "Beowulf"]


@pytest.fixture
def ledger(queue: Queue) -> Iterator[Ledger]:
    with closing(Coordinator(queue.writer)) as coordinator:
        yield Ledger(CoverLooks(coordinator, "here/covers"))


def test_the_fourth_title_with_one_picture_makes_it_a_placeholder(ledger: Ledger) -> None:
    picture = examine(placeholder())
    first, second, third, fourth, fifth = (
        ledger.sight(isbn(n), work_of(isbn(n), NAMES[n]), picture) for n in range(5)
    )
    assert [one.placeholder for one in (first, second, third, fourth, fifth)] == [False] * 3 + [True] * 2
    assert [one.shared for one in (first, second)] == [False, True]
    assert fourth.marked == {isbn(0), isbn(1), isbn(2)}
    assert fifth.marked == frozenset()


def test_editions_of_one_book_share_their_cover_rightly(ledger: Ledger) -> None:
    picture = examine(art(1))
    for number, title in enumerate(
        ["Dune", "DUNE (Deluxe Edition)", "Dune: Book One", "Dune, Large Print", "Dune 4", "Dune Vol. 2"]
    ):
        assert not ledger.sight(isbn(number), work_of(isbn(number), title), picture).placeholder


def test_volumes_in_one_design_are_no_placeholder_even_without_titles(ledger: Ledger) -> None:
    for number in range(6):
        picture = examine(art(8, text=f"Volume {number}", size=(640, 960)))
        assert not ledger.sight(isbn(number), work_of(isbn(number), None), picture).placeholder


def test_the_same_title_seen_again_counts_once(ledger: Ledger) -> None:
    picture = examine(art(1))
    assert not any(ledger.sight(isbn(1), "one", picture).placeholder for _ in range(6))


def test_runs_that_see_one_picture_at_once_see_that_it_is_one(queue: Queue) -> None:
    """Whoever looks before the others' are noted takes it for art, and so may all of them."""
    picture, together = examine(placeholder()), threading.Barrier(MANY_TITLES)

    def sight(number: int) -> Sighting:
        with closing(Coordinator(queue.writer)) as coordinator:
            ledger = Ledger(CoverLooks(coordinator, "here/covers"))
            ledger.look(isbn(number))  # it is connected
            together.wait(60)
            return ledger.sight(isbn(number), NAMES[number], picture)

    with ThreadPoolExecutor(MANY_TITLES) as pool:
        seen = list(pool.map(sight, range(MANY_TITLES)))
    assert any(one.placeholder for one in seen)
    marked = max((one.marked for one in seen if one.placeholder), key=len)
    assert len(marked) == MANY_TITLES - 1


def test_without_a_title_each_isbn_counts() -> None:
    assert work_of(isbn(1), None) == work_of(isbn(1), "  ") == isbn(1)
    assert work_of(isbn(1), "The Left Hand of Darkness: 50th") == "the left hand of darkness"
