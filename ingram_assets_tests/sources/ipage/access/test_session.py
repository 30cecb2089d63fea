"""The kept session: whose it is, who may read it, and that many who miss it cause one sign-in."""

import multiprocessing
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from cryptography.fernet import Fernet

from ingram_assets.coordination.keeping import SealedSession
from ingram_assets.domain.failures import NeedsPerson, Transient
from ingram_assets.sources.ipage.access.cancellation import Canceled, Cancellation
from ingram_assets.sources.ipage.access.session import (
    USER_AGENT,
    Cookie,
    KeptSession,
    Session,
    SessionLost,
    new_session,
    session_from_header,
)
from ingram_assets.sources.ipage.login.refused_password import RefusedPassword
from ingram_assets_tests.testing.shared_site import KEY, Shared

SITE = "https://ipage.example.com"


def kept_session(
    shared: Shared,
    sign_in: Callable[[Session | None], Session] | None = None,
    *,
    by_hand: str | None = None,
    account: str = "shop",
) -> KeptSession:
    return KeptSession(shared.kept(SITE, account), SITE, sign_in, by_hand, Cancellation())


class SignIns:
    """Counts sign-ins, each of which takes a moment, and writes them down for other processes."""

    def __init__(self, log: Path) -> None:
        self.log = log

    def __call__(self, last: Session | None) -> Session:
        time.sleep(0.2)
        with self.log.open("a") as file:
            file.write("signed in\n")
        return new_session([Cookie("JSESSIONID", "secret", "ipage.example.com")], "Browser/1")

    @property
    def number(self) -> int:
        return len(self.log.read_text().splitlines()) if self.log.exists() else 0


@pytest.fixture
def sign_ins(tmp_path: Path) -> SignIns:
    return SignIns(tmp_path / "sign-ins.log")


def test_it_is_kept_encrypted(shared: Shared, sign_ins: SignIns) -> None:
    session = kept_session(shared, sign_ins).current()
    ((sealed, account),) = shared.queue.sql("SELECT sealed, account FROM scraper.sessions")
    for plain in (b"secret", b"JSESSIONID", session.id.encode()):
        assert plain not in bytes(sealed)
    assert "shop" not in account


def test_a_new_key_reads_what_the_old_one_wrote_and_another_signs_in_anew(
    shared: Shared, sign_ins: SignIns, caplog: pytest.LogCaptureFixture
) -> None:
    new = Fernet.generate_key().decode()

    def with_keys(*keys: str) -> Session:
        kept = shared(SITE, *keys).session("shop")
        return KeptSession(kept, SITE, sign_ins, None, Cancellation()).current()

    first = with_keys(KEY)
    assert with_keys(new, KEY) == first
    assert sign_ins.number == 1
    assert with_keys(new) != first
    assert sign_ins.number == 2
    assert "SESSION_KEY" in caplog.text


def test_the_next_run_signs_in_no_more(shared: Shared, sign_ins: SignIns) -> None:
    first = kept_session(shared, sign_ins).current()
    assert kept_session(shared, sign_ins).current() == first
    assert sign_ins.number == 1
    assert "secret" not in repr(first)


def test_another_accounts_session_is_not_used(shared: Shared, sign_ins: SignIns) -> None:
    first = kept_session(shared, sign_ins).current()
    assert kept_session(shared, sign_ins, account="other").current() != first


def test_eight_threads_that_miss_it_cause_one_sign_in(shared: Shared, sign_ins: SignIns) -> None:
    sessions = kept_session(shared, sign_ins)
    stale = sessions.current()
    with ThreadPoolExecutor(8) as threads:
        renewed = set(threads.map(sessions.current, [stale] * 8))
    assert len(renewed) == 1
    assert renewed != {stale}
    assert sign_ins.number == 2


def _renew(shared: Shared, log: Path, all_there: "multiprocessing.synchronize.Barrier") -> None:
    sessions = kept_session(shared, SignIns(log))
    stale = sessions.current()
    all_there.wait(60)
    sessions.current(stale)


def test_processes_that_miss_it_cause_one_sign_in(shared: Shared, sign_ins: SignIns) -> None:
    kept_session(shared, sign_ins).current()
    spawn = multiprocessing.get_context("spawn")
    all_there = spawn.Barrier(3)
    runs = [spawn.Process(target=_renew, args=(shared, sign_ins.log, all_there)) for _ in range(3)]
    for run in runs:
        run.start()
    for run in runs:
        run.join(60)
    assert [run.exitcode for run in runs] == [0, 0, 0]
    assert sign_ins.number == 2


def test_what_needs_a_person_is_not_tried_again(shared: Shared) -> None:
    tried = []

    def sign_in(last: Session | None) -> Session:
        tried.append(last)
        raise NeedsPerson("The password is wrong: correct it.")

    sessions = kept_session(shared, sign_in)
    for _ in range(5):
        with pytest.raises(NeedsPerson, match="wrong"):
            sessions.current()
    assert len(tried) == 1
    assert sessions.failed is not None


def test_a_failing_site_is_tried_three_times(shared: Shared) -> None:
    tried = []

    def sign_in(last: Session | None) -> Session:
        tried.append(last)
        raise Transient("The site is down: run again later.")

    sessions = kept_session(shared, sign_in)
    for _ in range(5):
        with pytest.raises(Transient, match="down"):
            sessions.current()
    assert len(tried) == 3


def test_the_wait_for_anothers_sign_in_can_be_ended(shared: Shared, sign_ins: SignIns) -> None:
    canceled, signing_in, go_on = Cancellation(), threading.Event(), threading.Event()

    def slow(last: Session | None) -> Session:
        signing_in.set()
        go_on.wait(30)
        return sign_ins(last)

    first = threading.Thread(target=kept_session(shared, slow).current)
    first.start()
    signing_in.wait(30)
    waiting = KeptSession(shared.kept(SITE, "shop"), SITE, sign_ins, None, canceled)
    threading.Timer(0.2, canceled.set).start()
    with pytest.raises(Canceled):
        waiting.current()
    go_on.set()
    first.join()


def test_a_sign_in_is_counted_once_its_session_can_be_used(
    shared: Shared, sign_ins: SignIns, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions = kept_session(shared, sign_ins)
    first = sessions.current()
    seen_while_keeping = []

    save = SealedSession.save

    def slowly(kept: SealedSession, data: bytes) -> None:
        seen_while_keeping.append((sessions.current().id, sessions.sign_ins))
        save(kept, data)

    monkeypatch.setattr(SealedSession, "save", slowly)
    sessions.current(first)
    assert set(seen_while_keeping) == {(first.id, 1)}
    assert sessions.sign_ins == 2


def test_cookies_as_the_site_changed_them_are_kept(shared: Shared, sign_ins: SignIns) -> None:
    sessions = kept_session(shared, sign_ins)
    session = sessions.current()
    jar = session.jar()
    for cookie in jar:
        cookie.value = "rotated"
    sessions.keep(session, jar)
    assert kept_session(shared, sign_ins).current().cookies[0].value == "rotated"
    # But not those of a session that has been replaced meanwhile.
    kept_session(shared, sign_ins).current(session)
    sessions.keep(session, jar)
    assert kept_session(shared, sign_ins).current().cookies[0].value == "secret"


# Cookies captured by hand.


@pytest.mark.parametrize(
    ("text", "names", "user_agent"),
    [
        ("JSESSIONID=ABC; visid_incap_1=x==; empty=", ["JSESSIONID", "visid_incap_1", "empty"], USER_AGENT),
        ("Cookie: JSESSIONID=ABC;a=b", ["JSESSIONID", "a"], USER_AGENT),
        ("cookie: JSESSIONID=ABC\nUser-Agent: Mozilla/9", ["JSESSIONID"], "Mozilla/9"),
        ("Host: ipage\r\nUser-Agent: Mozilla/9\r\nCookie: JSESSIONID=A:B", ["JSESSIONID"], "Mozilla/9"),
        ("curl https://ipage.example.com/ -b 'a=1; b=2' -A Mozilla/9", ["a", "b"], "Mozilla/9"),
        ("ipage.example.com\tFALSE\t/\tTRUE\t0\ta\tb\nother\tFALSE\t/\tTRUE\t0\tc\td", ["a"], USER_AGENT),
    ],
)
def test_a_header_is_taken_as_it_was_copied(text: str, names: list[str], user_agent: str) -> None:
    session = session_from_header(text, SITE)
    assert [cookie.name for cookie in session.cookies] == names
    assert session.user_agent == user_agent
    assert {cookie.domain for cookie in session.cookies} == {"ipage.example.com"}


@pytest.mark.parametrize(
    "text",
    ["", "hush", "User-Agent: Mozilla/9", "=hush", "a=hush…", "curl https://example.org/ -b a=hush", "[hush"],
)
def test_a_header_without_a_cookie(text: str) -> None:
    with pytest.raises(NeedsPerson, match="IPAGE_SESSION_COOKIE") as caught:
        session_from_header(text, SITE)
    assert "hush" not in str(caught.value)


def test_exported_cookies_go_where_they_belong() -> None:
    rows = [
        ("ipage.example.com", "FALSE", "/", "a", "1"),
        (".example.com", "TRUE", "/", "b", "2"),
        ("ipage.example.com", "FALSE", "/elsewhere", "c", "3"),
        ("other.example.com", "FALSE", "/", "d", "4"),
    ]
    text = "\n".join(
        f"{domain}\t{below}\t{path}\tTRUE\t0\t{name}\t{value}" for domain, below, path, name, value in rows
    )
    client = httpx.Client(cookies=httpx.Cookies(session_from_header(text, SITE).jar()))
    lines = [client.build_request("GET", f"{SITE}{path}").headers["cookie"] for path in ("/x", "/elsewhere")]
    assert [sorted(line.split("; ")) for line in lines] == [["a=1", "b=2"], ["a=1", "b=2", "c=3"]]
    assert "cookie" not in client.build_request("GET", "https://www.example.org/").headers


def test_a_captured_session_comes_first_and_is_used_until_it_ends(shared: Shared, sign_ins: SignIns) -> None:
    kept_session(shared, sign_ins).current()
    captured = kept_session(shared, sign_ins, by_hand="JSESSIONID=one")
    session = captured.current()
    assert session.cookies[0].value == "one"
    assert kept_session(shared, sign_ins, by_hand="JSESSIONID=one").current() == session
    # It ended: sign in, and do not fall back to it in the next run.
    signed_in = captured.current(session)
    assert signed_in.cookies[0].value == "secret"
    assert kept_session(shared, sign_ins, by_hand="JSESSIONID=one").current() == signed_in
    # A new one was captured.
    assert kept_session(shared, sign_ins, by_hand="JSESSIONID=two").current().cookies[0].value == "two"
    assert sign_ins.number == 2


def test_a_captured_session_that_ended_with_nobody_to_sign_in(shared: Shared) -> None:
    sessions = kept_session(shared, by_hand="JSESSIONID=one")
    with pytest.raises(SessionLost, match=r"expired.*IPAGE_SESSION_COOKIE") as caught:
        sessions.current(sessions.current())
    assert "JSESSIONID=one" not in str(caught.value)
    with pytest.raises(SessionLost, match="IPAGE_USERNAME"):
        kept_session(shared, account="other").current()


# The password that was refused.


def test_a_refused_password_is_remembered_by_all_and_not_kept(shared: Shared) -> None:
    wrong = RefusedPassword(shared(SITE).refusals("shop"), "site\nshop\nhush")
    assert wrong.reason() is None
    wrong.remember("iPage refused the password.")
    elsewhere = RefusedPassword(shared(SITE).refusals("shop"), "site\nshop\nhush")
    assert "iPage refused the password." in (elsewhere.reason() or "")
    assert "ingram forget password" in (elsewhere.reason() or "")
    assert "hush" not in str(shared.queue.sql("SELECT * FROM scraper.refused_passwords"))
    assert RefusedPassword(shared(SITE).refusals("shop"), "site\nshop\nright").reason() is None
    assert RefusedPassword(shared(SITE).refusals("other"), "site\nshop\nhush").reason() is None
    shared.queue.sql("UPDATE scraper.refused_passwords SET refused_at = refused_at - INTERVAL '25 hours'")
    assert wrong.reason() is None
    assert not shared.queue.sql("SELECT * FROM scraper.refused_passwords")


def test_each_refused_password_is_remembered(shared: Shared) -> None:
    one, other, right = (RefusedPassword(shared(SITE).refusals("shop"), each) for each in ("a", "b", "c"))
    one.remember("iPage refused the first.")
    other.remember("iPage refused the second.")
    assert "the first." in (one.reason() or "")
    assert "the second." in (other.reason() or "")
    assert right.reason() is None
    assert shared(SITE).forget("password", "shop")
    assert (one.reason(), other.reason()) == (None, None)
