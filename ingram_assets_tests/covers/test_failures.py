"""What goes wrong with the bucket: told apart, no cover lost, made good by the next run."""

import itertools
import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import pytest
from botocore.config import Config

from ingram_assets.coordination.connection import Coordinator
from ingram_assets.coordination.cover_looks import CoverLooks
from ingram_assets.covers import (
    Bucket,
    CoverOutcome,
    Ledger,
    LedgerLost,
    Source,
    client_config,
    keep_covers,
    sync,
)
from ingram_assets.domain.cover_looks import CoverCheck
from ingram_assets.domain.failures import NeedsPerson, Permanent, Transient
from ingram_assets.runtime.ports import free_port
from ingram_assets.runtime.processes import Supervisor
from ingram_assets_tests.testing.cover_shop import CoverShop
from ingram_assets_tests.testing.drawn import art, isbn, opened, placeholder
from ingram_assets_tests.testing.queue import WRITER, Queue, migrated
from ingram_assets_tests.testing.s3_proxy import Fault, Request
from ingram_demo.embedded.postgres import start_postgres
from ingram_demo.embedded.s3 import start_s3

BOOK = isbn(1)
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def on(method: str, path: str, act: Callable[..., None], *, times: int = 1_000) -> Fault:
    """A fault for the first `times` requests of this kind."""
    left = [times]
    lock = threading.Lock()

    def fault(request: Request, handler: object) -> bool:
        with lock:
            if request.method != method or path not in request.path or left[0] <= 0:
                return False
            left[0] -= 1
        act(handler)
        return True

    return fault


def xml(code: str, message: str = "") -> bytes:
    return f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()


# what a person must mend


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"key": "0123456789abcdef0123"}, "R2_ACCESS_KEY_ID"),
        ({"secret": "not the secret"}, "R2_SECRET_ACCESS_KEY"),
    ],
)
def test_wrong_keys_need_a_person_before_anything_is_read(
    shop: CoverShop, wrong: dict[str, str], named: str
) -> None:
    shop.ipage[BOOK] = art(1)
    with pytest.raises(NeedsPerson, match=named) as caught:
        shop.keep(bucket=shop.bucket_with(**wrong))
    assert not shop.asked
    for secret in (shop.s3.secret, "not the secret"):
        assert secret not in str(caught.value)


def test_keys_that_are_withdrawn_mid_run_need_a_person(shop: CoverShop) -> None:
    shop.ipage = {isbn(number): art(number) for number in range(4)}
    shop.proxy.fault = on("PUT", "", lambda handler: handler.answer(403, xml("AccessDenied")))
    with pytest.raises(NeedsPerson, match="may read and write"):
        shop.keep()


def test_a_missing_bucket_needs_a_person(shop: CoverShop) -> None:
    shop.ipage[BOOK] = art(1)
    with pytest.raises(NeedsPerson, match=r"no bucket 'mistyped'.*R2_BUCKET_NAME"):
        shop.keep(bucket=shop.bucket_with("mistyped"))
    assert not shop.asked


@pytest.mark.parametrize(
    ("status", "code", "message", "kind", "said"),
    [
        (401, "Unauthorized", "", NeedsPerson, "R2_ACCESS_KEY_ID"),
        (403, "InvalidAccessKeyId", "", NeedsPerson, "R2_ACCESS_KEY_ID"),
        (
            400,
            "InvalidArgument",
            "Credential access key has length 3, should be 32",
            NeedsPerson,
            "R2_ACCESS_KEY_ID",
        ),
        (403, "RequestTimeTooSkewed", "", NeedsPerson, "clock"),
        (301, "PermanentRedirect", "", NeedsPerson, "R2_ENDPOINT"),
        (400, "AuthorizationHeaderMalformed", "", NeedsPerson, "R2_ENDPOINT"),
        (404, "NoSuchBucket", "", NeedsPerson, "R2_BUCKET_NAME"),
        (500, "InternalError", "", Transient, "500"),
        (503, "SlowDown", "", Transient, "503"),
        (429, "TooManyRequests", "", Transient, "429"),
        (502, "", "", Transient, "502"),
        (400, "BadDigest", "", Transient, "BadDigest"),
        (400, "EntityTooLarge", "", Permanent, "EntityTooLarge"),
    ],
)
def test_answers_are_told_apart(
    shop: CoverShop, status: int, code: str, message: str, kind: type[Exception], said: str
) -> None:
    shop.proxy.fault = on(
        "GET", "", lambda handler: handler.answer(status, xml(code, message) if code else b"")
    )
    with pytest.raises(kind, match=said):
        shop.bucket.check()


def test_a_head_says_no_more_than_its_status(shop: CoverShop) -> None:
    shop.proxy.fault = on("HEAD", "", lambda handler: handler.answer(403), times=1)
    with pytest.raises(NeedsPerson):
        shop.bucket.head(BOOK)
    assert shop.bucket.head(BOOK) is None


def test_no_keys_and_no_endpoint_need_a_person(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, os.devnull)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)

    def bucket(**client: object) -> Bucket:
        made = {
            "endpoint_url": "http://127.0.0.1:1",
            "region_name": "auto",
            "config": client_config(),
            **client,
        }
        return Bucket(boto3.session.Session().client("s3", **made), "covers", "http://127.0.0.1")

    with pytest.raises(NeedsPerson, match="There are no keys"):
        bucket().check()
    quick = client_config().merge(Config(retries={"mode": "standard", "total_max_attempts": 1}))
    keys = {"aws_access_key_id": "k", "aws_secret_access_key": "s"}
    with pytest.raises(Transient, match=r"cannot be reached.*R2_ENDPOINT"):
        bucket(endpoint_url=f"http://127.0.0.1:{free_port()}", config=quick, **keys).check()
    with pytest.raises(NeedsPerson, match="R2_BUCKET_NAME"):
        Bucket(
            boto3.client("s3", region_name="auto", endpoint_url="http://127.0.0.1:1", **keys), "a b", "x"
        ).check()


# what passes


def test_a_passing_error_is_tried_again_within_bounds(shop: CoverShop) -> None:
    shop.ipage[BOOK] = art(1)
    bucket = Bucket(
        shop.client(retries={"mode": "standard", "total_max_attempts": 3}), shop.name, shop.public_url
    )
    shop.proxy.fault = on("PUT", "covers/raw", lambda handler: handler.answer(503, xml("SlowDown")), times=1)
    assert shop.one(BOOK, bucket=bucket).outcome == "stored"
    shop.ipage[BOOK] = art(2)
    shop.proxy.forget()
    shop.proxy.fault = on("PUT", "covers/processed", lambda handler: handler.answer(500))
    assert shop.one(BOOK, bucket=bucket, force=True).outcome == "failed"
    assert shop.proxy.count()["PUT"] == 3


@pytest.mark.parametrize("where", ["covers/raw", "-400.webp"])
@pytest.mark.parametrize("how", ["cut", "500", "dropped"])
def test_a_failed_upload_keeps_the_old_cover_and_is_made_good(shop: CoverShop, where: str, how: str) -> None:
    shop.ipage = {BOOK: art(1), isbn(2): art(2)}
    before = {one.isbn: one for one in shop.keep()}
    shop.ipage = {BOOK: art(11), isbn(2): art(12)}
    act = {
        "cut": lambda handler: handler.cut_half_way(),
        "500": lambda handler: handler.answer(500),
        "dropped": lambda handler: handler.drop(),
    }[how]
    path = f"{where}/{BOOK}" if where.startswith("covers") else f"{BOOK}{where}"
    shop.proxy.fault = on("PUT", path, act)
    failed = {one.isbn: one for one in shop.keep(force=True)}
    assert failed[BOOK].outcome == "failed"
    assert failed[BOOK].cover_url == before[BOOK].cover_url
    assert "tried again" in (failed[BOOK].reason or "")
    assert failed[isbn(2)].outcome == "replaced"  # no other title is held back
    shop.settled(BOOK)
    assert shop.raw(BOOK)["bytes"] == art(1)

    shop.proxy.fault = None
    again = {one.isbn: one for one in shop.keep()}  # due at once, without being forced
    assert again[BOOK].outcome == "replaced"
    assert again[isbn(2)].outcome == "recent"
    assert shop.raw(BOOK)["bytes"] == art(11)


@pytest.mark.parametrize(
    ("method", "path"), [("HEAD", "covers/raw"), ("PUT", "covers/raw"), ("PUT", "covers/processed")]
)
def test_what_the_bucket_refuses_for_good_is_not_sent_on_every_run(
    shop: CoverShop, method: str, path: str
) -> None:
    shop.ipage[BOOK] = art(1)
    shop.proxy.fault = on(
        method,
        path,
        lambda handler: handler.answer(400, b"" if method == "HEAD" else xml("EntityTooLarge", "")),
    )
    tried_on = []
    for hours in range(0, 16 * 24, 12):
        shop.proxy.forget()
        shop.one(BOOK, now=NOW + timedelta(hours=hours))
        if shop.proxy.count()["HEAD"]:
            tried_on.append(hours / 24)
    assert tried_on == [0, 1, 3, 7, 14]
    shop.proxy.fault = None
    assert shop.one(BOOK, now=NOW + timedelta(days=16), force=True).outcome == "stored"
    assert shop.raw(BOOK)["bytes"] == art(1)


def test_web_sizes_never_stay_behind_another_raw_cover(shop: CoverShop) -> None:
    """Half of an upload went through, and then the source went back to the old picture."""
    shop.ipage[BOOK] = art(1)
    shop.one(BOOK)
    before = shop.web(BOOK, 200)
    shop.ipage[BOOK] = art(2)
    shop.proxy.fault = on("PUT", "covers/raw", lambda handler: handler.drop())
    shop.one(BOOK, force=True)
    assert shop.web(BOOK, 200) != before
    shop.proxy.fault = None
    shop.ipage[BOOK] = art(1)
    assert shop.one(BOOK).outcome == "unchanged"
    assert shop.web(BOOK, 200) == before


def test_a_bucket_that_answers_too_late(shop: CoverShop) -> None:
    shop.ipage[BOOK] = art(1)
    before = shop.one(BOOK)
    shop.asked.clear()
    over = threading.Event()
    shop.proxy.fault = on("HEAD", "", lambda handler: (over.wait(240), handler.drop())[0])
    try:
        bucket = Bucket(shop.client(read_timeout=3), shop.name, shop.public_url)
        outcome = shop.one(BOOK, bucket=bucket, force=True)
    finally:
        over.set()
    assert (outcome.outcome, outcome.cover_url, outcome.source) == ("failed", before.cover_url, "ipage")
    assert "did not answer in time" in (outcome.reason or "")
    assert not shop.asked
    shop.proxy.fault = None
    assert shop.one(BOOK).outcome == "unchanged"  # due at once


def test_the_server_is_stopped_mid_run(tmp_path: Path, queue: Queue) -> None:
    with (
        Supervisor(tmp_path / "servers") as supervisor,
        closing(Coordinator(queue.writer)) as coordinator,
    ):
        port = free_port()
        s3 = start_s3(supervisor, tmp_path / "s3", port=port)
        client = boto3.client(
            "s3",
            endpoint_url=s3.endpoint,
            aws_access_key_id=s3.key,
            aws_secret_access_key=s3.secret,
            region_name="auto",
            config=client_config().merge(Config(retries={"mode": "standard", "total_max_attempts": 1})),
        )
        bucket = Bucket(client, s3.bucket, s3.public_url)
        ledger = Ledger(CoverLooks(coordinator, bucket.identity))
        asked: list[str] = []

        def fetch(one: str) -> bytes:
            asked.append(one)
            return art(int(one[3:12]))

        titles = [isbn(number) for number in range(40)]
        sources = [Source("ipage", fetch)]
        outcomes = []
        for outcome in keep_covers(titles, bucket=bucket, sources=sources, ledger=ledger):
            outcomes.append(outcome)
            if len(outcomes) == 3:
                supervisor.stop("s3")
        assert len(outcomes) == 40
        stored = {one.isbn for one in outcomes if one.outcome == "stored"}
        failed = {one.isbn for one in outcomes if one.outcome == "failed"}
        assert stored | failed == set(titles)
        assert len(stored) >= 3
        assert len(failed) >= 20
        assert len(asked) <= len(stored) + 16  # iPage is not read for covers that could not be stored

        with pytest.raises(Transient, match="cannot be reached"):
            list(keep_covers(titles, bucket=bucket, sources=sources, ledger=ledger))

        supervisor.stop("s3-public")
        start_s3(supervisor, tmp_path / "s3", port=port)
        again = list(keep_covers(titles, bucket=bucket, sources=sources, ledger=ledger))
        assert {one.isbn for one in again if one.outcome == "recent"} == stored
        assert {one.outcome for one in again if one.isbn in failed} <= {"stored", "unchanged"}


KILLED = """
    import sys
    from pathlib import Path
    import boto3
    from ingram_assets.coordination.connection import Coordinator
    from ingram_assets.coordination.cover_looks import CoverLooks
    from ingram_assets.covers import Bucket, Ledger, Source, client_config, keep_covers

    endpoint, key, secret, name, queue, picture, isbn = sys.argv[1:]
    client = boto3.client("s3", endpoint_url=endpoint, aws_access_key_id=key, aws_secret_access_key=secret,
                          region_name="auto", config=client_config())
    bucket = Bucket(client, name, "http://127.0.0.1")
    ledger = Ledger(CoverLooks(Coordinator(queue), bucket.identity))
    data = Path(picture).read_bytes()
    source = Source("ipage", lambda _: data)
    list(keep_covers([isbn], bucket=bucket, sources=[source], ledger=ledger, force=True))
"""


def test_a_run_killed_in_an_upload_is_made_good_by_the_next(shop: CoverShop) -> None:
    shop.ipage[BOOK] = art(1)
    first = shop.one(BOOK)
    reached, over = threading.Event(), threading.Event()

    def hold(handler: object) -> None:
        reached.set()
        over.wait(240)
        handler.drop()  # type: ignore[attr-defined]

    shop.proxy.fault = on("PUT", "covers/raw", hold)
    (shop.folder / "new.jpg").write_bytes(art(2))
    killed = subprocess.Popen(
        [
            sys.executable,
            "-c",
            textwrap.dedent(KILLED),
            *(shop.proxy.endpoint, shop.s3.key, shop.s3.secret, shop.name),
            *(shop.queue.writer, str(shop.folder / "new.jpg"), BOOK),
        ]
    )
    try:
        assert reached.wait(240)
        # While it runs, nobody else touches its title.
        busy = shop.one(BOOK, force=True)
        assert (busy.outcome, busy.cover_url) == ("busy", first.cover_url)
    finally:
        os.kill(killed.pid, signal.SIGKILL)
        killed.wait()
        over.set()
    assert shop.raw(BOOK)["bytes"] == art(1)
    shop.proxy.fault = None
    shop.ipage[BOOK] = art(2)
    assert shop.one(BOOK).outcome == "replaced"
    assert shop.raw(BOOK)["bytes"] == art(2)
    assert opened(shop.web(BOOK, 200)).width == 200


def test_a_token_that_may_not_remove_stops_nothing(shop: CoverShop) -> None:
    shop.ipage[BOOK] = art(1)
    stored = shop.one(BOOK, now=NOW)
    shop.as_an_earlier_version_left_it(BOOK)
    shop.proxy.fault = on("DELETE", "covers/web", lambda handler: handler.answer(403, xml("AccessDenied")))
    looked = shop.one(BOOK, now=NOW + timedelta(days=30))
    assert (looked.outcome, looked.cover_url) == ("unchanged", stored.cover_url)


# the database of what is remembered


def lose_connections(shop: CoverShop) -> None:
    """As a server that restarts, or a line that breaks: the claims are gone, and anybody may have them."""
    shop.queue.sql("SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE usename = %s", WRITER)


def test_the_queue_is_stopped_mid_run(shop: CoverShop, servers_folder: Path) -> None:
    shop.ipage = {isbn(number): art(number) for number in range(40)}
    with Supervisor(servers_folder / "stopped-queue") as supervisor:
        folder, port = supervisor.folder / "postgres", free_port()
        queue = migrated(start_postgres(supervisor, folder, port=port), "queue")
        ledger = shop.open_ledger(queue.writer)
        told: list[CoverOutcome] = []
        run = shop.iterate(ledger=ledger)
        told.extend(itertools.islice(run, 3))
        supervisor.stop("postgres")
        with pytest.raises(LedgerLost, match=rf"127\.0\.0\.1:{port}/queue.*Check that the server runs"):
            told.extend(run)
        assert {one.outcome for one in told} == {"stored"}
        assert 3 <= len(told) <= len(shop.asked) <= 20  # no other title is begun
        keys = shop.keys()
        for one in [Path(key).stem for key in keys if key.startswith("covers/raw/")]:
            shop.is_whole(one)

        shop.asked.clear()
        with pytest.raises(LedgerLost):
            shop.keep(ledger=ledger)
        assert not shop.asked

        start_postgres(supervisor, folder, port=port)
        again = shop.keep(ledger=ledger)
        assert {one.isbn for one in again} == set(shop.ipage)
        outcomes = {one.isbn: one.outcome for one in again}
        assert {outcomes[one.isbn] for one in told} == {"recent"}
        assert set(outcomes.values()) <= {"recent", "stored", "unchanged"}
        assert all(one.cover_url for one in again)
        for one in shop.ipage:
            shop.is_whole(one)
        assert {one.outcome for one in shop.keep(ledger=ledger)} == {"recent"}


@pytest.mark.parametrize("asked", ["take", "note", "upload_begins", "holds", "record"])
def test_what_cant_be_remembered_ends_the_run_after_the_titles_in_hand(
    shop: CoverShop, monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    shop.ipage = {isbn(number): art(number) for number in range(22)}
    kept = getattr(CoverLooks, asked)

    def fails_once(self: CoverLooks, *args: object) -> object:
        if isbn(2) in repr(args):
            raise Transient("The server is gone.")
        return kept(self, *args)

    monkeypatch.setattr(CoverLooks, asked, fails_once)
    done: list[CoverOutcome] = []
    with pytest.raises(LedgerLost, match="The server is gone"):
        done.extend(shop.iterate())
    assert {one.outcome for one in done} == {"stored"}
    assert {one.isbn for one in done} == set(shop.asked) - {isbn(2)}
    assert len(done) < 21

    monkeypatch.undo()
    rest = shop.keep()
    assert len(rest) == 22
    assert sum(one.outcome == "recent" for one in rest) == len(done)
    shop.is_whole(isbn(2))


def test_titles_in_hand_are_finished_when_the_next_looks_cant_be_read(
    shop: CoverShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.ipage = {isbn(number): art(number) for number in range(8)}
    kept = CoverLooks.looks

    def fails(self: CoverLooks, isbns: list[str]) -> dict[str, CoverCheck]:
        if isbn(4) in isbns:
            raise Transient("The server is gone.")
        return kept(self, isbns)

    monkeypatch.setattr(sync, "_READ_AT_ONCE", 4)
    monkeypatch.setattr(CoverLooks, "looks", fails)
    done: list[CoverOutcome] = []
    with pytest.raises(LedgerLost, match="The server is gone"):
        done.extend(shop.iterate())
    assert {one.isbn for one in done} == set(shop.asked) == {isbn(number) for number in range(4)}


def test_a_lost_connection_costs_the_titles_in_hand_one_run(shop: CoverShop) -> None:
    """With the connection the claim is gone: the bucket is left to whoever has it now."""
    shop.ipage[BOOK] = art(1)

    def fetch(one: str) -> bytes | None:
        lose_connections(shop)
        return shop.fetch(one)

    outcome = shop.one(BOOK, sources=[Source("ipage", fetch)])
    assert (outcome.outcome, outcome.cover_url) == ("failed", None)
    assert "another run may be at this cover" in (outcome.reason or "")
    assert shop.proxy.count()["PUT"] == 0
    assert shop.one(BOOK).outcome == "stored"
    shop.is_whole(BOOK)


def test_no_mark_is_set_over_what_another_run_stores(shop: CoverShop) -> None:
    shop.ipage[BOOK] = placeholder()
    shop.one(BOOK, now=NOW)
    shop.ledger.learn(shop.raw(BOOK)["Metadata"]["phash"])
    shop.proxy.forget()

    def lose(request: Request, handler: object) -> bool:
        if request.method == "HEAD":
            lose_connections(shop)
        return False

    shop.proxy.fault = lose
    assert shop.one(BOOK, now=NOW, force=True).outcome == "failed"
    assert shop.proxy.count()["PUT"] == 0
    assert shop.raw(BOOK)["Metadata"]["placeholder"] == "no"
    shop.proxy.fault = None
    assert shop.one(BOOK, now=NOW).placeholder  # due at once
    assert shop.raw(BOOK)["Metadata"]["placeholder"] == "yes"


def test_two_uploads_of_one_title_after_a_lost_connection_are_made_good(shop: CoverShop) -> None:
    """The first one's claim is lost while it uploads; the second one has it, and is done before."""
    shop.ipage[BOOK] = art(1)
    shop.one(BOOK)
    reached, over = threading.Event(), threading.Event()

    def hold_the_first(request: Request, handler: object) -> bool:
        if request.method == "PUT" and "covers/raw" in request.path and not reached.is_set():
            reached.set()
            over.wait(240)
        return False

    shop.proxy.fault = hold_the_first
    shop.ipage[BOOK] = art(2)
    with ThreadPoolExecutor(1) as first_run:
        first = first_run.submit(shop.one, BOOK, force=True)
        try:
            assert reached.wait(240)
            lose_connections(shop)
            theirs = Source("ipage", lambda _: art(3))
            second = shop.one(BOOK, ledger=shop.open_ledger(), sources=[theirs], force=True)
            assert second.outcome == "replaced"
            shop.is_whole(BOOK)
        finally:
            over.set()
        assert first.result(240).outcome == "replaced"
    assert shop.raw(BOOK)["bytes"] == art(2)
    with pytest.raises(AssertionError):
        shop.is_whole(BOOK)  # the web sizes show the other picture
    assert shop.one(BOOK).outcome == "unchanged"  # due at once
    shop.is_whole(BOOK)
