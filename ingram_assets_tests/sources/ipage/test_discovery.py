"""Finding a search's titles by its export and its pages of results, on the simulated site and on odd ones."""

from collections.abc import Callable

import pytest

from ingram_assets.domain.failures import NeedsPerson, Transient
from ingram_assets.domain.site_file import parse_site_file
from ingram_assets.sources.ipage import discovery
from ingram_assets.sources.ipage.discovery import EXPORT_LIMIT, Found, discover
from ingram_assets.sources.ipage.pages.page_failures import Blocked, NotFound, PageChanged
from ingram_assets.sources.ipage.pages.results_page import NothingListed, ResultsPage
from ingram_assets.sources.ipage.pages.saved_search import ListedTitle, SavedSearch
from ingram_assets.sources.ipage.profile.site_profile import profile_with
from ingram_assets.sources.ipage.site import Site
from ingram_assets_tests.testing.site import TITLES
from ingram_demo.simulator import Simulator

OpenSite = Callable[..., Site]
PAGE = "/ipage/search/savedSearch.action?searchId={}"
LINK = "/ipage/browseRow/downloadExcel.action?listTypeId=SR&listId={}&totalRecords=7&No=0"
MARKUPS = pytest.mark.parametrize("markup", ["table", "cards"])


def isbns(found: Found) -> set[str]:
    return {title.isbn for title in found.titles}


# On the simulated site.


@MARKUPS
@pytest.mark.parametrize("named", ["{}", PAGE, LINK], ids=["number", "page", "link"])
def test_all_that_a_person_can_copy_leads_to_the_same_titles(
    sim: Simulator, open_site: OpenSite, markup: str, named: str
) -> None:
    sim.set(results_markup=markup)
    found = open_site(sim).discover(named.format(sim.search_id))
    assert isbns(found) == set(sim.isbns())
    assert found.notes == ()
    assert found.rejected == ()


@MARKUPS
@pytest.mark.parametrize("named", ["{}", PAGE], ids=["number", "page"])
@pytest.mark.parametrize(
    ("export_as", "why"),
    [("404", "status 404"), ("popup", "no title stands on it"), ("unlinked", "has no link to it")],
)
def test_without_the_export_the_pages_of_results_serve_to_the_last(
    sim: Simulator, open_site: OpenSite, markup: str, named: str, export_as: str, why: str
) -> None:
    sim.set(results_markup=markup, export_as=export_as)
    found = open_site(sim).discover(named.format(sim.search_id))
    assert isbns(found) == set(sim.isbns())
    book = sim.book()
    for title in found.titles:
        assert title.title
        assert str(title.srp_price) == str(book[title.isbn]["srp_price"])
    if export_as == "unlinked" and named == "{}":
        assert found.notes == ()  # The export is where a number is asked for.
    else:
        (note,) = found.notes
        assert note.startswith("The export could not be had (")
        assert why in note
        assert note.endswith("): 3 pages of results serve.")
    assert sim.requests(log=False)["by_kind"]["search"] == 3


def test_books_beside_the_results_do_not_come_in(sim: Simulator, open_site: OpenSite) -> None:
    for markup in ("table", "cards"):
        for shown in (1, 2, 30):
            sim.set(results_markup=markup, export_as="404", search_shows=shown)
            found = open_site(sim).discover(PAGE.format(sim.search_id))
            assert isbns(found) == set(sim.isbns()[:shown])


@MARKUPS
def test_where_both_differ_all_are_taken_and_it_is_said(
    sim: Simulator, open_site: OpenSite, markup: str
) -> None:
    sim.set(results_markup=markup, search_shows=TITLES - 2)
    found = open_site(sim).discover(sim.search_id)
    assert isbns(found) == set(sim.isbns())
    last = ", ".join(sorted(sim.isbns()[-2:]))
    assert found.notes == (
        f"The export and the page of results differ: 2 are in the export alone ({last}). All {TITLES} are "
        "taken.",
    )


def test_without_the_pages_the_export_serves_and_it_is_said(sim: Simulator, open_site: OpenSite) -> None:
    sim.fault("status", status=404, kinds=["search"])
    found = open_site(sim).discover(sim.search_id)
    assert isbns(found) == set(sim.isbns())
    (note,) = found.notes
    assert "could not be read beside the export (The site lists nothing here (status 404)" in note
    assert "set IPAGE_SAVED_SEARCH_ID to the whole address of that page" in note


@pytest.mark.parametrize(
    ("named", "error"),
    [
        ("999", NotFound),
        (PAGE.format("999"), NotFound),
        ("/ipage/nowhere?searchId=1", NotFound),
        ("/ipage/common/contentdelivery/hm001View.action?x=1", PageChanged),
    ],
    ids=["number", "page", "nowhere", "home"],
)
def test_what_leads_to_no_list_is_an_error_and_no_empty_one(
    sim: Simulator, open_site: OpenSite, named: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        open_site(sim).discover(named)


@MARKUPS
def test_a_search_without_titles_is_told_apart_from_one_that_is_not_there(
    sim: Simulator, open_site: OpenSite, markup: str
) -> None:
    sim.set(results_markup=markup, export_as="404")
    sim.fault("header_only", kinds=["search"])
    with pytest.raises(NothingListed):
        open_site(sim).discover(PAGE.format(sim.search_id))


def test_a_session_that_ends_between_two_pages_is_renewed(
    sim: Simulator, open_site: OpenSite, quick_sign_in: list[str]
) -> None:
    from ingram_assets_tests.testing.site import credentials

    sim.fault("expire", kinds=["search"], at=2, count=1)
    found = open_site(sim, credentials=credentials(sim)).discover(sim.search_id)
    assert isbns(found) == set(sim.isbns())
    assert found.notes == ()
    assert len(quick_sign_in) == 2


# On sites that answer oddly.


class Shelf:
    """A site that answers each path as it is told."""

    def __init__(self, **answers: SavedSearch | ResultsPage | Exception) -> None:
        self.answers = {f"/{name}": answer for name, answer in answers.items()}
        self.asked: list[str] = []

    def __call__(self, path: str, is_all: bool) -> SavedSearch | ResultsPage:
        self.asked.append(path)
        answer = self.answers.get(path, NotFound("not here"))
        if isinstance(answer, Exception):
            raise answer
        return answer


def titles(*names: str) -> tuple[ListedTitle, ...]:
    return tuple(ListedTitle(name, None, None) for name in names)


def page(*names: str, **more: object) -> ResultsPage:
    return ResultsPage(titles(*names), **more)  # type: ignore[arg-type]


def export(*names: str) -> SavedSearch:
    return SavedSearch(titles(*names), (), ())


class Guess(Shelf):
    """A site on which a search that is known by its number has these two."""

    def __init__(self, export: SavedSearch | Exception, results: ResultsPage | Exception) -> None:
        super().__init__()
        self._answers = export, results

    def __call__(self, path: str, is_all: bool) -> SavedSearch | ResultsPage:
        answer = self._answers[0 if "downloadExcel" in path else 1]
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_a_page_at_a_guessed_address_has_to_be_of_this_search() -> None:
    """Else the site's whole catalog could be taken for it."""
    other, ours = page("7", "8", "1", total=90_000), page("1", "2", "7")
    found = discover("1234", Guess(export("1", "2"), other))
    assert isbns(found) == {"1", "2"}
    assert "the address was guessed, and leads to titles of another search" in found.notes[0]
    assert isbns(discover("1234", Guess(export("1", "2"), ours))) == {"1", "2", "7"}
    gone = NotFound("no file")
    for link in (None, "/x?searchId=12345", "/x?id=91234"):
        with pytest.raises(PageChanged, match="the address was guessed"):
            discover("1234", Guess(gone, page("7", "8", next_page=link)))
    assert isbns(discover("1234", Guess(gone, page("1", export="/x?a=b&listId=1234&No=0")))) == {"1"}


def test_pages_that_lead_in_a_circle_end() -> None:
    shelf = Shelf(a=page("1", next_page="/b"), b=page("2", next_page="/a"))
    assert isbns(discover("/a", shelf)) == {"1", "2"}
    assert shelf.asked == ["/a", "/b"]


def test_a_site_that_shows_the_same_page_again_and_again_is_left_and_it_is_said() -> None:
    answers = {f"p{n}": page("1", "2", total=98, next_page=f"/p{n + 1}") for n in range(10)}
    shelf = Shelf(**answers)
    found = discover("/p0", shelf)
    assert len(shelf.asked) == 2
    assert found.notes[-1] == (
        "The page of results says 98 titles; 2 could be read there, as the next page lists the same titles."
    )


def test_no_more_pages_are_read_than_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "MAX_PAGES", 5)
    shelf = Shelf(**{f"p{n}": page(str(n), next_page=f"/p{n + 1}") for n in range(50)})
    found = discover("/p0", shelf)
    assert len(shelf.asked) == len(found.titles) == 5
    assert found.notes[-1] == "Not all pages of results were read: no more than 5 pages are read."


def test_a_page_that_fails_in_the_middle_is_an_error_unless_the_export_was_had() -> None:
    answers = {"a": page("1", next_page="/b", export="/x"), "b": Transient("gone")}
    with pytest.raises(Transient, match="gone"):
        discover("/a", Shelf(**answers))
    found = discover("/a", Shelf(**answers, x=export("1", "2")))
    assert isbns(found) == {"1", "2"}
    assert found.notes == ("Not all pages of results were read: page 2 could not be read (gone).",)


def test_titles_of_the_pages_alone_are_added_with_what_they_say() -> None:
    found = discover("/a", Shelf(a=page("1", "3", export="/x"), x=export("1", "2")))
    assert isbns(found) == {"1", "2", "3"}
    assert found.export == {"1", "2"}
    assert found.notes == (
        "The export and the page of results differ: 1 is on the page of results alone (3), and 1 is in the "
        "export alone (2). All 3 are taken.",
    )


def test_an_empty_export_is_none_where_the_page_lists_titles() -> None:
    found = discover("/a", Shelf(a=page("1", export="/x"), x=export()))
    assert isbns(found) == {"1"}
    assert found.export is None
    assert found.notes == ("The export could not be had (it lists no title): the page of results serves.",)


@pytest.mark.parametrize("error", [Blocked("wall"), NeedsPerson("password")])
def test_a_block_is_no_reason_to_try_elsewhere(error: Exception) -> None:
    calls = []

    def fetch(path: str, is_all: bool) -> SavedSearch | ResultsPage:
        calls.append(path)
        raise error

    with pytest.raises(type(error)):
        discover("1234", fetch)
    assert len(calls) == 1


def test_a_block_beside_the_export_keeps_what_was_had() -> None:
    found = discover("/a", Shelf(a=page("1", next_page="/b", export="/x"), b=Blocked("wall"), x=export("1")))
    assert isbns(found) == {"1"}
    assert "page 2 could not be read (wall)" in found.notes[0]


def test_what_may_pass_is_told_before_what_is_not_there() -> None:
    def fetch(path: str, is_all: bool) -> SavedSearch | ResultsPage:
        raise NotFound("no file") if "Excel" in path else Transient("slow")

    with pytest.raises(Transient, match="slow"):
        discover("1234", fetch)


def test_an_export_as_long_as_was_asked_for_may_not_be_all() -> None:
    found = discover("/x", Shelf(x=export(*map(str, range(EXPORT_LIMIT)))))
    assert found.notes == ("The export has 20,000 titles, which may not be all of them.",)


def test_how_far_it_is_is_told() -> None:
    told: list[tuple[int, int | None]] = []
    shelf = Shelf(a=page("1", total=2, next_page="/b"), b=page("2", total=2))
    discover("/a", shelf, lambda found, total: told.append((found, total)))
    assert told == [(1, 2), (2, 2)]


# On a site of other addresses, as a shop's site.toml has them.


PORTAL = """[addresses]
search_export = "/mappe.do?liste={search}&art=xlsx"
search_results = "/liste.do?liste={search}&seite={page}"
"""
NUMBERS = ["9780306406157", "9780593135204", "9780441172719"]


def of_portal(pages: dict[str, SavedSearch | ResultsPage | Exception]) -> tuple[Found, list[str]]:
    asked: list[str] = []

    def fetch(path: str, is_all: bool) -> SavedSearch | ResultsPage:
        asked.append(path)
        found = pages.get(path, NotFound("There is nothing.", in_words=True))
        if isinstance(found, Exception):
            raise found
        return found

    return discover("SF-1", fetch, profile=profile_with(parse_site_file(PORTAL.encode(), None))), asked


def listed(*isbns_: str) -> tuple[ListedTitle, ...]:
    return tuple(ListedTitle(isbn, None, None) for isbn in isbns_)


def results(number: int) -> str:
    return f"/liste.do?liste=SF-1&seite={number}"


@pytest.mark.parametrize("total", [3, None])
def test_the_shops_addresses_are_asked_and_pages_by_their_number(total: int | None) -> None:
    found, asked = of_portal(
        {
            "/mappe.do?liste=SF-1&art=xlsx": SavedSearch(listed(*NUMBERS), (), ()),
            results(1): ResultsPage(listed(*NUMBERS[:2]), total=total),
            results(2): ResultsPage(listed(NUMBERS[2]), total=total),
        }
    )
    assert isbns(found) == set(NUMBERS)
    assert found.notes == ()
    last = [] if total else [results(3)]  # Nobody said that page 2 was the last.
    assert asked == ["/mappe.do?liste=SF-1&art=xlsx", results(1), results(2), *last]


@pytest.mark.parametrize("after", [NotFound("No."), "again"])
def test_the_last_page_is_told_by_what_follows(after: NotFound | str) -> None:
    again = ResultsPage(listed(NUMBERS[2]))
    found, asked = of_portal(
        {
            results(1): ResultsPage(listed(*NUMBERS[:2])),
            results(2): again,
            results(3): after if isinstance(after, NotFound) else again,
        }
    )
    assert isbns(found) == set(NUMBERS)
    (note,) = found.notes
    assert note.startswith("The export could not be had")
    assert asked[-1] == results(3)


def test_an_address_of_the_shops_is_no_guess() -> None:
    """Titles that nothing on their page ties to the search are believed there."""
    found, _ = of_portal({results(1): ResultsPage(listed(*NUMBERS), total=3)})
    assert isbns(found) == set(NUMBERS)


def test_a_page_that_breaks_off_in_the_middle_is_said() -> None:
    with pytest.raises(Transient):
        of_portal({results(1): ResultsPage(listed(NUMBERS[0]), total=3), results(2): Transient("Later.")})
