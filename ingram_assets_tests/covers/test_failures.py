"""What goes wrong with the bucket: told apart, no cover lost, made good by the next run."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import pytest
from botocore.config import Config

from ingram_assets.covers import Bucket, Ledger, Source, client_config, keep_covers
from ingram_assets.domain.failures import NeedsPerson, Permanent, Transient
from ingram_assets.runtime.ports import free_port
from ingram_assets.runtime.processes import Supervisor
from ingram_assets_tests.testing.cover_shop import CoverShop
from ingram_assets_tests.testing.drawn import art, isbn, opened
from ingram_assets_tests.testing.s3_proxy import Fault, Request
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


def test_the_server_is_stopped_mid_run(tmp_path: Path) -> None:
    with Supervisor(tmp_path / "servers") as supervisor:
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
        ledger = Ledger(tmp_path / "covers.sqlite3", bucket=bucket.identity)
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
        ledger.close()


KILLED = """
    import sys
    from pathlib import Path
    import boto3
    from ingram_assets.covers import Bucket, Ledger, Source, client_config, keep_covers

    endpoint, key, secret, name, folder, picture, isbn = sys.argv[1:]
    client = boto3.client("s3", endpoint_url=endpoint, aws_access_key_id=key, aws_secret_access_key=secret,
                          region_name="auto", config=client_config())
    bucket = Bucket(client, name, "http://127.0.0.1")
    ledger = Ledger(Path(folder) / "covers.sqlite3", bucket=bucket.identity)
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
            *(str(shop.folder), str(shop.folder / "new.jpg"), BOOK),
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
