"""Signing in with a Medusa account, how long it lasts, and how it ends."""

import logging
import re
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest

from ingram_assets.desk.pages.sign_in import EVEN_SECONDS
from ingram_assets.desk.people import sessions as sessions_module
from ingram_assets.desk.people.medusa_sign_in import AT_ONCE, AdminWatch, MedusaSignIn, NotLetIn, TooManyTries
from ingram_assets.desk.people.person_middleware import own_path
from ingram_assets.desk.people.sessions import Person, SessionStore, SignedIn
from ingram_assets.store.client import MedusaClient, Unavailable
from ingram_assets.store.journal_connections import JournalLost
from ingram_assets_tests.testing.desk import DeskShop, Visitor, running_desk
from ingram_assets_tests.testing.queue import read_only
from ingram_assets_tests.testing.tcp_proxy import Fault, Line
from ingram_demo.embedded.medusa import Medusa

pytestmark = pytest.mark.xdist_group("medusa")


@pytest.fixture
def ada(desk: DeskShop) -> Visitor:
    """Somebody who is signed in."""
    visitor = Visitor.at(desk.url)
    medusa = desk.bench.shop.medusa
    assert visitor.sign_in(medusa.email, medusa.password).status_code == 303
    return visitor


def is_in(visitor: Visitor) -> bool:
    answer = visitor.http.get("/account")
    assert answer.status_code in (200, 303)
    return answer.status_code == 200


def sessions(journal_url: str) -> list[tuple[str, ...]]:
    with psycopg.connect(journal_url) as connection:
        return connection.execute("SELECT hash, desk_session::text FROM desk_session").fetchall()


def change(journal_url: str, statement: str) -> None:
    with psycopg.connect(journal_url, autocommit=True) as connection:
        assert connection.execute(statement).rowcount > 0


def test_a_page_leads_to_the_sign_in_and_that_back_to_it(desk: DeskShop):
    visitor, medusa = Visitor.at(desk.url), desk.bench.shop.medusa
    there = visitor.http.get("/account?tab=a%20b&x=1")
    assert (there.status_code, there.headers["Location"]) == (
        303,
        "/sign-in?next=%2Faccount%3Ftab%3Da%2520b%26x%3D1",
    )
    form = visitor.http.get(there.headers["Location"])
    wanted = re.search(r'name="next" value="([^"]*)"', form.text)[1].replace("&amp;", "&")
    assert wanted == "/account?tab=a%20b&x=1"
    answer = visitor.sign_in(medusa.email, medusa.password, wanted)
    assert (answer.status_code, answer.headers["Location"]) == (303, wanted)
    assert medusa.email in visitor.http.get(wanted).text
    # Who is signed in already is not asked again.
    assert visitor.http.get(there.headers["Location"]).headers["Location"] == wanted


@pytest.mark.parametrize(
    ("text", "path"),
    [
        *((each, each) for each in ("/", "/titles/9781639739134?x=/a", "/dagster/runs/abc#x", "/a//b")),
        *(
            (each, "/")
            for each in (
                *("", "titles", "//elsewhere.example", "/\\elsewhere.example", "https://elsewhere.example"),
                *("/\t/elsewhere.example", "/a\\b", "/a b", "/\x00", "/ä", "/" + "x" * 3000),
                *("javascript:alert(1)", " /a", "/a\n", "/sign-in", "/sign-in?next=/"),
            )
        ),
    ],
)
def test_only_to_own_pages(text, path):
    assert own_path(text) == path


@pytest.mark.parametrize(
    "wanted", ["/inventory?left=few", "/titles/9781639739134", "/dagster/runs", "/runs/sync"]
)
def test_a_page_that_was_wanted_is_opened(ada: Visitor, wanted: str):
    answer = ada.http.get("/sign-in", params={"next": wanted})
    assert (answer.status_code, answer.headers["Location"]) == (303, wanted)


@pytest.mark.parametrize(
    "wanted",
    [
        *("/sign-out", "/sign-out-everywhere", "/no-such-page", "/healthz", "/static/desk.css"),
        *("/api/v1/openapi.json", "/board/now", "/titles/9781639739134/run/x", "//elsewhere.example/"),
        *("/%73ign-out", "/runs/x/state"),
    ],
)
def test_what_is_no_page_to_look_at_leads_to_the_board(desk: DeskShop, ada: Visitor, wanted: str):
    assert ada.http.get("/sign-in", params={"next": wanted}).headers["Location"] == "/"
    medusa = desk.bench.shop.medusa
    assert Visitor.at(desk.url).sign_in(medusa.email, medusa.password, wanted).headers["Location"] == "/"


def test_the_cookie_is_out_of_reach_and_the_table_tells_it_to_nobody(desk: DeskShop, journal_url: str):
    visitor, medusa = Visitor.at(desk.url), desk.bench.shop.medusa
    cookie = visitor.sign_in(medusa.email, medusa.password).headers["Set-Cookie"]
    name, _, rest = cookie.partition("=")
    text, *attributes = rest.split("; ")
    assert name == f"ingram-desk-{desk.url.rpartition(':')[2]}"
    assert {each.lower() for each in attributes} == {"httponly", "samesite=lax", "path=/"}
    assert len(text) == 43
    rows = sessions(journal_url)
    assert rows
    assert not [row for row in rows if text in row[1] or medusa.password in row[1]]
    # The hash is of no use to who read it.
    thief = Visitor.at(desk.url)
    for row in rows:
        thief.http.cookies.set(name, row[0])
        assert not is_in(thief)


def test_behind_https_the_cookie_goes_nowhere_else(desk: DeskShop, journal_url: str):
    medusa = desk.bench.shop.medusa
    with running_desk(medusa, journal_url, desk_url="https://desk.bookstore.example") as url:
        visitor = Visitor.at(url, Host="desk.bookstore.example", Origin="https://desk.bookstore.example")
        cookie = visitor.sign_in(medusa.email, medusa.password).headers["Set-Cookie"]
        assert cookie.startswith("__Host-ingram-desk=")
        attributes = {each.lower() for each in cookie.split("; ")[1:]}
        assert attributes == {"httponly", "samesite=lax", "path=/", "secure"}
        page = visitor.http.get("/sign-in")
        assert page.headers["Strict-Transport-Security"] == "max-age=31536000"


def test_a_session_that_was_there_before_is_never_the_one_of_a_sign_in(desk: DeskShop, ada: Visitor):
    """Who plants a session in somebody's browser learns nothing by it."""
    (name, before) = next(iter(ada.http.cookies.items()))
    victim, medusa = Visitor.at(desk.url), desk.bench.shop.medusa
    for planted in (before, "x" * 43):
        victim.http.cookies.set(name, planted)
        victim.sign_in(medusa.email, medusa.password)
        sent = [each.value for each in victim.http.cookies.jar][-1]
        assert sent not in (before, planted)
        victim.http.cookies.clear()
    assert not is_in(ada), "the planted session has ended"


def test_refusals_are_alike(desk: DeskShop):
    """Whether the account is there, or is one of no admin, cannot be told by answer or time."""
    medusa = desk.bench.shop.medusa
    made = {"email": "eve@elsewhere.example", "password": "an own password"}
    httpx.post(f"{medusa.url}/auth/user/emailpass/register", json=made, trust_env=False).raise_for_status()
    asked = {
        medusa.email: "wrong",
        "nobody@bookstore.example": "wrong",
        made["email"]: made["password"],
        "no e-mail": "wrong",
        "a\x00b@bookstore.example": "wrong",
        "long@bookstore.example": "x" * 5_000,
    }
    seen = set()
    for email, password in asked.items():
        visitor, began = Visitor.at(desk.url), time.monotonic()
        answer = visitor.sign_in(email, password)
        assert time.monotonic() - began >= EVEN_SECONDS
        assert answer.status_code == 401
        assert "Set-Cookie" not in answer.headers
        assert password not in answer.text or password == "wrong"
        seen.add(re.sub(r'(id="email"[^>]*?value=)"[^"]*"', r"\1", answer.text))
    assert len(seen) == 1
    assert "No admin of Medusa has this e-mail and password" in seen.pop()


def test_password_and_token_are_in_no_log(medusa: Medusa, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    medusa_sign_in = MedusaSignIn(medusa.url)
    assert medusa_sign_in.sign_in(medusa.email, medusa.password, "10.0.0.1").email == medusa.email
    with pytest.raises(NotLetIn):
        medusa_sign_in.sign_in(medusa.email, "a wrong password", "10.0.0.1")
    assert "emailpass" in caplog.text
    assert not re.search(rf"{re.escape(medusa.password)}|a wrong password|eyJ", caplog.text)


def test_who_guesses_has_to_wait(medusa: Medusa):
    medusa_sign_in = MedusaSignIn(medusa.url, of_email="2/minute", of_address="3/minute")
    for email, refused in (
        ("a@shop.example", NotLetIn),
        ("A@shop.example ", NotLetIn),
        ("a@shop.example", TooManyTries),
        ("b@shop.example", NotLetIn),
        ("c@shop.example", TooManyTries),
    ):
        with pytest.raises(refused) as told:
            medusa_sign_in.sign_in(email, "x", "10.0.0.1")
    assert 1 <= told.value.wait <= 60
    with pytest.raises(NotLetIn):
        medusa_sign_in.sign_in("c@shop.example", "x", "10.0.0.2")
    # Of IPv6 a line has any number of addresses.
    medusa_sign_in = MedusaSignIn(medusa.url, of_address="1/minute")
    with pytest.raises(NotLetIn):
        medusa_sign_in.sign_in("a@shop.example", "x", "2001:db8::1")
    with pytest.raises(TooManyTries):
        medusa_sign_in.sign_in("b@shop.example", "x", "2001:db8::2")


def test_good_sign_ins_use_up_no_tries(medusa: Medusa):
    medusa_sign_in = MedusaSignIn(medusa.url, of_email="1/minute", of_address="1/minute")
    for _ in range(3):
        medusa_sign_in.sign_in(medusa.email, medusa.password, "10.0.0.1")


def test_the_page_says_how_long_to_wait(desk: DeskShop):
    for _ in range(10):
        assert Visitor.at(desk.url).sign_in("guessed@shop.example", "x").status_code == 401
    answer = Visitor.at(desk.url).sign_in("guessed@shop.example", "x")
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= 600
    assert re.search(r"Try again in \d+ min", answer.text)


def test_a_medusa_that_is_away_is_named():
    with pytest.raises(Unavailable):
        MedusaSignIn("http://127.0.0.1:9").sign_in("ada@shop.example", "x", "10.0.0.1")


class SlowMedusa(socketserver.BaseRequestHandler):
    """Keeps who asks waiting for a moment, and answers nobody."""

    lock, now, most = threading.Lock(), 0, 0

    def handle(self) -> None:
        cls = type(self)
        with cls.lock:
            cls.now += 1
            cls.most = max(cls.most, cls.now)
        self.request.recv(1)
        time.sleep(0.3)
        with cls.lock:
            cls.now -= 1


def test_many_sign_ins_at_once_are_a_few_for_the_store(journal_url: str):
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), SlowMedusa) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        away = SimpleNamespace(
            url=f"http://127.0.0.1:{server.server_address[1]}", email="a@b.c", password="x"
        )
        with running_desk(away, journal_url) as url, ThreadPoolExecutor(16) as many:  # type: ignore[arg-type]
            answers = many.map(lambda n: Visitor.at(url).sign_in(f"a{n}@shop.example", "x"), range(16))
            assert {answer.status_code for answer in answers} == {503}
        server.shutdown()
    assert SlowMedusa.most == AT_ONCE


def test_sign_out_ends_one_session_everywhere_ends_all(desk: DeskShop, ada: Visitor):
    medusa = desk.bench.shop.medusa
    phone, office = Visitor.at(desk.url), Visitor.at(desk.url)
    for each in (phone, office):
        each.sign_in(medusa.email, medusa.password)
    (name, text) = next(iter(ada.http.cookies.items()))
    answer = ada.send("/sign-out")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/sign-in?signed_out=yes")
    assert "You are signed out." in ada.http.get(answer.headers["Location"]).text
    assert "You are signed out." not in ada.http.get("/sign-in").text
    assert not ada.http.cookies
    ada.http.cookies.set(name, text)
    assert not is_in(ada), "it has ended at the desk, and not in the browser alone"
    assert is_in(phone)
    phone.send("/sign-out-everywhere")
    assert not is_in(office)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE desk_session SET seen_at = clock_timestamp() - interval '12 hours 1 second'",
        "UPDATE desk_session SET ends_at = clock_timestamp() - interval '1 second'",
    ],
)
def test_a_session_ends_by_itself(ada: Visitor, journal_url: str, statement: str):
    assert is_in(ada)
    change(journal_url, statement)
    assert not is_in(ada)


def test_use_makes_a_session_last_but_not_beyond_its_end(ada: Visitor, journal_url: str):
    with psycopg.connect(journal_url) as connection:
        (longest,) = connection.execute("SELECT max(ends_at - made_at) FROM desk_session").fetchone()
    assert longest.total_seconds() == pytest.approx(7 * 86400, abs=60)
    change(journal_url, "UPDATE desk_session SET seen_at = clock_timestamp() - interval '11 hours'")
    assert is_in(ada)
    change(journal_url, "UPDATE desk_session SET seen_at = seen_at - interval '11 hours'")
    assert is_in(ada)


@pytest.fixture
def second_admin(medusa: Medusa) -> Iterator[tuple[str, str, str]]:
    """Id, e-mail and password of another admin."""
    email, password = f"bo-{time.time_ns()}@bookstore.example", "an own password"
    with MedusaClient(medusa.url, email=medusa.email, password=medusa.password) as client:
        invite = client.post("/admin/invites", {"email": email})["invite"]["token"]
        own = {"email": email, "password": password}
        with httpx.Client(base_url=medusa.url, timeout=60, trust_env=False) as http:
            made = http.post("/auth/user/emailpass/register", json=own).raise_for_status().json()
            headers = {"Authorization": f"Bearer {made['token']}"}
            names = {"email": email, "first_name": "Bo", "last_name": "Li"}
            path = f"/admin/invites/accept?token={invite}"
            user = http.post(path, json=names, headers=headers).raise_for_status().json()["user"]
        yield user["id"], email, password


def test_who_is_no_longer_an_admin_is_signed_out(
    desk: DeskShop, ada: Visitor, journal_url: str, second_admin: tuple[str, str, str]
):
    person, email, password = second_admin
    medusa, bo = desk.bench.shop.medusa, Visitor.at(desk.url)
    assert bo.sign_in(email, password).status_code == 303
    assert "Bo Li" in bo.http.get("/account").text
    with (
        SessionStore(journal_url) as store,
        MedusaClient(medusa.url, email=medusa.email, password=medusa.password) as client,
        MedusaClient("http://127.0.0.1:9", api_key="sk_x", attempts=1) as nobody,
    ):
        signed_in = SignedIn(lambda: store)
        AdminWatch(client, signed_in).look()
        assert is_in(bo)
        client.delete(f"/admin/users/{person}")
        with pytest.raises(Unavailable):
            AdminWatch(nobody, signed_in).look()
        assert is_in(bo), "a store that is away is no sign-out"
        AdminWatch(client, signed_in).look()
    assert not is_in(bo)
    assert is_in(ada)


def test_the_desk_looks_by_itself(
    medusa: Medusa, database: str, second_admin: tuple[str, str, str], eventually: Callable[..., None]
):
    person, email, _ = second_admin
    with (
        SessionStore(database) as store,
        MedusaClient(medusa.url, email=medusa.email, password=medusa.password) as client,
    ):
        signed_in = SignedIn(lambda: store)
        text = signed_in.make(Person(person, email, "Bo"), "")
        watch = AdminWatch(client, signed_in, every=0.1)
        watch.start()
        client.delete(f"/admin/users/{person}")
        eventually(lambda: signed_in.find(text) is None, seconds=60)
        watch.stop()


def test_a_journal_that_hung_for_long_is_asked_again(
    medusa: Medusa, database: str, monkeypatch: pytest.MonkeyPatch
):
    """Connections on which nothing ever comes back must not be all that there are."""
    address = urlsplit(database)
    with (
        Line(address.hostname or "", address.port or 5432) as line,
        running_desk(medusa, line.through(database)) as url,
    ):
        ada = Visitor.at(url)
        ada.sign_in(medusa.email, medusa.password)
        csrf = ada.csrf
        with ThreadPoolExecutor(20) as many:
            assert all(many.map(lambda _: is_in(ada), range(40)))
        line.make("hang")
        with monkeypatch.context() as hasty:
            hasty.setattr(sessions_module, "PAUSE_SECONDS", 0.0)
            hasty.setattr(sessions_module, "LONGEST_LOOK", 0.5)
            with ThreadPoolExecutor(8) as many:
                assert all(many.map(lambda _: is_in(ada), range(8)))
        line.heal()
        eventually_out(ada, csrf)
        assert not is_in(ada)


@pytest.mark.parametrize("fault", ["hang", "cut"])
def test_with_the_journal_away_whoever_was_signed_in_stays_so(medusa: Medusa, database: str, fault: Fault):
    """Else no page could say what is away."""
    address = urlsplit(database)
    with (
        Line(address.hostname or "", address.port or 5432) as line,
        running_desk(medusa, line.through(database)) as url,
    ):
        ada, stranger = Visitor.at(url), Visitor.at(url)
        ada.sign_in(medusa.email, medusa.password)
        assert is_in(ada)
        csrf = ada.csrf
        line.make(fault)
        for _ in range(3):
            assert is_in(ada)
        (name,) = ada.http.cookies.keys()
        stranger.http.cookies.set(name, "x" * 43)
        answer = stranger.http.get("/account")
        assert answer.status_code == 503
        assert "database is away" in answer.text
        stranger.http.cookies.clear()
        assert stranger.http.get("/account").status_code == 303
        answer = ada.http.post("/sign-out", data={"csrf_token": csrf})
        assert answer.status_code == 503
        assert "you are still signed in" in answer.text
        answer = stranger.sign_in(medusa.email, medusa.password)
        assert answer.status_code == 503
        assert "database is away" in answer.text
        line.heal()
        eventually_out(ada, csrf)
        assert not is_in(ada)


def eventually_out(visitor: Visitor, csrf: str) -> None:
    """Signs out, once the desk asks its database again."""
    for _ in range(120):
        if visitor.http.post("/sign-out", data={"csrf_token": csrf}).status_code == 303:
            return
        time.sleep(0.5)
    raise AssertionError("nobody could sign out")


def test_what_is_remembered_is_not_what_was_ended(database: str):
    with SessionStore(database) as store:
        signed_in = SignedIn(lambda: store)
        person = Person("user_1", "ada@shop.example", "Ada")
        kept, ended, other = (signed_in.make(person, "") for _ in range(3))
        assert signed_in.find(kept) == signed_in.find(kept)
        assert signed_in.find(ended)
        signed_in.end(ended)
        signed_in.is_away()
        found = signed_in.find(kept)
        assert found is not None
        assert found.person == person
        for text in (ended, other):
            with pytest.raises(JournalLost):
                signed_in.find(text)
        signed_in.end_all_of(person.id)
        with pytest.raises(JournalLost):
            signed_in.find(kept)


def test_whoever_is_signed_in_stays_so_where_nothing_can_be_written(database: str):
    person = Person("user_1", "ada@shop.example", "Ada")
    with SessionStore(database) as store:
        text = store.make(person)
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("UPDATE desk_session SET seen_at = seen_at - interval '5 minutes'")
    with SessionStore(read_only(database)) as standby:
        found = standby.find(text)
        assert found is not None
        assert found.person == person
        with pytest.raises(JournalLost, match=r"takes no writes: it is read-only, .* have STOREFRONT_DB_URL"):
            standby.make(person)


def test_nobody_is_remembered_for_long(database: str, monkeypatch: pytest.MonkeyPatch):
    with SessionStore(database) as store:
        signed_in = SignedIn(lambda: store)
        text = signed_in.make(Person("user_1", "ada@shop.example", "Ada"), "")
        assert signed_in.find(text)
        began = time.monotonic()
        later = SimpleNamespace(monotonic=lambda: began + 299)
        monkeypatch.setattr(sessions_module, "time", later)
        signed_in.is_away()
        assert signed_in.find(text)
        later.monotonic = lambda: began + 301
        signed_in.is_away()
        with pytest.raises(JournalLost):
            signed_in.find(text)


def test_what_another_desk_ended_is_not_remembered(database: str):
    with SessionStore(database) as store:
        signed_in = SignedIn(lambda: store)
        text = signed_in.make(Person("user_1", "ada@shop.example", "Ada"), "")
        assert signed_in.find(text)
        store.end(text)
        assert signed_in.find(text) is None
        signed_in.is_away()
        with pytest.raises(JournalLost):
            signed_in.find(text)
