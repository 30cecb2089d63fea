"""A saved search as people name it: what they copy comes down to what the site is asked for."""

import pytest

from ingram_assets.domain.saved_searches import NoSearch, named_search, with_total

SITE = "https://ipage.ingramcontent.com"
PAGE = "/ipage/search/savedSearch.action?searchId=12"
LINK = "/ipage/browseRow/downloadExcel.action?listTypeId=SR&listId=12&totalRecords=98&No=0"


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("10483920", "10483920"),
        (" my-search_7 ", "my-search_7"),
        (SITE + PAGE, PAGE),
        (PAGE, PAGE),
        ((SITE + PAGE).replace("https", "http"), PAGE),
        ((SITE + PAGE).replace("https://ipage", "HTTPS://IPAGE"), PAGE),
        ((SITE + PAGE).removeprefix("https://"), PAGE),
        ((SITE + PAGE).replace(".com", ".com:443"), PAGE),
        (f"<{SITE}{PAGE}>", PAGE),
        (SITE + PAGE + "#row7", PAGE),
        (SITE + PAGE.replace("?", ";jsessionid=0000AbC:1a?"), PAGE),
        (SITE + PAGE + "&jsessionid=1&token=a&_csrf=b&utm_source=mail&_=1764", PAGE),
        (SITE + PAGE.replace("?", "?JSESSIONID=1&sessionId=2&"), PAGE),
        # A later page of the results leads to the first one.
        (SITE + PAGE + "&No=50", PAGE),
        (SITE + PAGE + "&page=3&offset=50", PAGE),
        # Other names in another order are the site's business.
        (
            f"{SITE}/ipage/s.jsp?N=4294&Ntt=dragons&savedId=x%20y",
            "/ipage/s.jsp?N=4294&Ntt=dragons&savedId=x%20y",
        ),
        (f"{SITE}/ipage/süche?q=ä", "/ipage/s%C3%BCche?q=%C3%A4"),
        (SITE + LINK, LINK),
        (f"{SITE}/ipage/saved/12", "/ipage/saved/12"),
        (f"{SITE}/?searchId=12", "/?searchId=12"),
    ],
)
def test_what_is_copied_is_taken_without_what_says_nothing_of_the_search(written: str, asked: str) -> None:
    assert named_search(written, SITE) == asked
    assert named_search(asked, SITE) == asked, "it can be named as it is kept"


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("", "saved search's number"),
        ("12 34", "saved search's number"),
        ("../x", "saved search's number"),
        ("export.xlsx", "saved search's number"),
        ("javascript:open(12)", "saved search's number"),
        ("file:///home/ada/results.html", "saved search's number"),
        ("https://site.example/?searchId=12", "another host than the site's, ipage.ingramcontent.com"),
        ("site.example/ipage/search?searchId=12", "another host"),
        ("//site.example/ipage/search?searchId=12", "another host"),
        ("https://ipage.ingramcontent.com@site.example/x?searchId=1", "another host"),
        ("https://ipage.ingramcontent.com.site.example/x?searchId=1", "another host"),
        ("https://site.example\\@ipage.ingramcontent.com/x", "saved search's number"),
        (SITE, "of no search"),
        (f"{SITE}/ipage/common/contentdelivery/hm001View.action", "of no search"),
        (f"{SITE}/ipage/li001.jsp?searchId=1", "sign-in"),
        (f"{SITE}/ipage/error.jsp?timeout=y", "sign-in"),
        (f"{SITE}/ipage/productdetail?ean_id=9780306406157", "one title"),
        (f"{SITE}/a%0d%0aX: y", "saved search's number"),
        (f"{SITE}/a%0d%0aX?y", "sign in it that none has"),
        (f"{SITE}/{'a' * 5000}", "too long"),
    ],
)
def test_what_names_no_search_is_refused_with_what_does(written: str, told: str) -> None:
    with pytest.raises(NoSearch, match=told):
        named_search(written, SITE)


def test_the_host_is_that_of_the_setting() -> None:
    assert named_search("http://127.0.0.1:8000/ipage/s?x=1", "http://127.0.0.1:9000") == "/ipage/s?x=1"
    with pytest.raises(NoSearch, match=r"another host than the site's, 127\.0\.0\.1"):
        named_search(SITE + PAGE, "http://127.0.0.1:9000")
    assert named_search("https://site.example/x?a=1", None) == "/x?a=1", (
        "where no host is known, any is taken"
    )


def test_a_link_that_was_copied_another_day_asks_for_more() -> None:
    assert with_total(LINK, 20_000) == LINK.replace("98", "20000")
    assert with_total(PAGE, 20_000) == PAGE
    assert (
        with_total("/x?numResults=7&totalX=8&total_records=a", 9)
        == "/x?numResults=9&totalX=8&total_records=a"
    )
