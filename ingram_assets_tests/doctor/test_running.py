"""Checks, one after the other: each within its time, none stopped by another."""

import logging
import time
from contextlib import closing

import pytest

from ingram_assets import retries
from ingram_assets.coordination.connection import Coordinator
from ingram_assets.coordination.open_library_quota import LookupCount
from ingram_assets.doctor.model import Check, Finding, NamedSetting, Observed, Outcome
from ingram_assets.doctor.running import findings
from ingram_assets.domain.failures import NeedsPerson
from ingram_assets.sources.open_library import OpenLibrary
from ingram_assets_tests.testing.queue import migrated
from ingram_demo.embedded.postgres import Postgres


def fine() -> Observed:
    return Observed("It is there.")


def refused() -> Observed:
    raise NeedsPerson("It refuses R2_ACCESS_KEY_ID: correct it.")


def made(*checks: Check) -> list[Finding]:
    return [*findings(checks)]


def test_a_frozen_system_costs_its_time_and_stops_nothing() -> None:
    canceled = []
    began = time.monotonic()
    frozen, after = made(
        Check(
            "bucket",
            "Frozen",
            lambda: time.sleep(30) or fine(),  # type: ignore[func-returns-value]
            ".env.scraper",
            ("R2_ENDPOINT",),
            seconds=0.3,
            canceled=lambda: canceled.append(True),
            so_far=lambda: ("It began.",),
        ),
        Check("bucket", "After", fine),
    )
    assert time.monotonic() - began < 5
    assert canceled == [True]
    assert frozen.outcome is Outcome.MISSING
    assert frozen.words == "It did not answer within 0.3 s: see whether it is up. Is R2_ENDPOINT right?"
    assert frozen.settings == (NamedSetting(".env.scraper", "R2_ENDPOINT"),)
    assert frozen.more == ("It began.",)
    assert after.outcome is Outcome.FINE


def test_a_server_that_does_not_answer_is_waited_for_once() -> None:
    tried: list[str] = []

    def look() -> Observed:
        tried.append("another")
        return fine()

    def ended() -> Observed:
        try:
            raise TimeoutError
        except TimeoutError:
            raise NeedsPerson("Nobody answers: correct R2_PUBLIC_URL.") from None

    def slow() -> Observed:
        time.sleep(5)
        return fine()

    def unreadable() -> str:
        raise NeedsPerson("QUEUE_DB_URL can't be read.")

    first, same, second, same_of_it, other, unknown = made(
        Check("postgresql", "Writer", slow, seconds=0.2, server=lambda: "db:5432"),
        Check("postgresql", "Journal", look, server=lambda: "db:5432"),
        Check("bucket", "Public", ended, server=lambda: "covers:443"),
        Check("bucket", "Again", look, server=lambda: "covers:443"),
        Check("postgresql", "Other", look, server=lambda: "db:5433"),
        Check("postgresql", "Unknown", look, server=unreadable),
    )
    assert (first.outcome, second.outcome) == (Outcome.MISSING, Outcome.MISSING)
    assert (same.outcome, same_of_it.outcome) == (Outcome.NOT_TRIED, Outcome.NOT_TRIED)
    assert same.words == "not tried: db:5432 did not answer in time (Writer)."
    assert (other.outcome, unknown.outcome) == (Outcome.FINE, Outcome.FINE)
    assert tried == ["another", "another"]


def test_the_system_that_did_not_answer_is_the_one_to_be_mended() -> None:
    """Not whoever asked it for something beside; and each system of a server that several share."""

    def slow() -> Observed:
        time.sleep(5)
        return fine()

    def never() -> Observed:
        pytest.fail("it is not waited for again")

    began = time.monotonic()
    clock, write, again, library, site, of_site = made(
        Check("clock", "Clock", slow, seconds=0.2, server=lambda: "s3:9", is_aside=True),
        Check("bucket", "Write", never, ".env.scraper", ("R2_ENDPOINT",), server=lambda: "s3:9"),
        Check("bucket", "Again", never, server=lambda: "s3:9"),
        Check("open library", "Open Library", slow, seconds=0.2, server=lambda: "sim:8"),
        Check("ipage", "Site", never, ".env.scraper", ("IPAGE_BASE_URL",), server=lambda: "sim:8"),
        Check("ipage", "Page", never, server=lambda: "sim:8"),
    )
    assert time.monotonic() - began < 3
    assert (clock.outcome, clock.words) == (Outcome.NOT_TRIED, "not tried: s3:9 did not answer in time.")
    told = "s3:9 did not answer in time (Clock): see whether it is up. Is R2_ENDPOINT right?"
    assert (write.outcome, write.words) == (Outcome.MISSING, told)
    assert write.settings == (NamedSetting(".env.scraper", "R2_ENDPOINT"),)
    assert again.words == "not tried: s3:9 did not answer in time (Write)."
    assert (library.outcome, site.outcome) == (Outcome.MISSING, Outcome.MISSING)
    assert site.words.startswith("sim:8 did not answer in time (Open Library)")
    assert of_site.words == "not tried: sim:8 did not answer in time (Site)."


def test_what_builds_on_a_failed_one_is_not_tried() -> None:
    tried: list[str] = []

    def tell(name: str) -> Observed:
        tried.append(name)
        return fine()

    _, second, third, other = made(
        Check("bucket", "First", refused),
        Check("bucket", "Second", lambda: tell("second"), needs=("First",)),
        Check("bucket", "Third", lambda: tell("third"), needs=("Second",)),
        Check("medusa", "Other", lambda: tell("other"), needs=("Nowhere",)),
    )
    assert (second.outcome, second.words) == (Outcome.NOT_TRIED, "not tried: First first.")
    assert third.words == "not tried: Second first."
    assert other.outcome is Outcome.FINE
    assert tried == ["other"]


def test_an_error_names_its_settings_and_the_file_where_several_have_one() -> None:
    def queue() -> Observed:
        raise NeedsPerson("The password is wrong: correct QUEUE_DB_URL.")

    key, writer, reader = made(
        Check("bucket", "Key", refused, ".env.scraper", ("R2_ENDPOINT",)),
        Check("postgresql", "Writer", queue, ".env.scraper"),
        Check("postgresql", "Reader", queue, ".env.storefront"),
    )
    assert key.settings == (NamedSetting(".env.scraper", "R2_ACCESS_KEY_ID"),)
    assert writer.words.endswith("correct QUEUE_DB_URL of .env.scraper.")
    assert reader.settings == (NamedSetting(".env.storefront", "QUEUE_DB_URL"),)


def test_what_nobody_thought_of_shows_no_secret() -> None:
    def surprised() -> Observed:
        raise RuntimeError("postgresql://user:secret@host")

    (found,) = made(Check("bucket", "Odd", surprised))
    assert found.words == (
        "It could not be looked at (RuntimeError): a fault of the program, see ingram report."
    )


def test_that_something_is_tried_again_is_not_printed(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, postgres: Postgres
) -> None:
    queue = migrated(postgres, "queue_of_a_check")
    monkeypatch.setattr(logging.getLogger(), "handlers", [])  # as in a command
    monkeypatch.setattr(time, "sleep", lambda _: None)

    def look() -> Observed:
        with (
            closing(Coordinator(queue.writer)) as coordinator,
            OpenLibrary(LookupCount(coordinator), base_url="http://127.0.0.1:9") as library,
        ):
            library.fetch("9780140328721")
        return fine()

    (found,) = made(Check("open library", "Open Library", look))
    postgres.drop_database("queue_of_a_check")
    assert "Open Library cannot be reached" in found.words
    assert found.outcome is Outcome.MISSING
    said = capfd.readouterr()
    assert "again" not in said.out + said.err


def test_a_warning_meanwhile_is_a_note_of_the_check(caplog: pytest.LogCaptureFixture) -> None:
    def warned() -> Observed:
        logging.getLogger("ingram_assets.settings.environment").warning("%s does nothing.", "R2_BUCKET")
        logging.getLogger(retries.__name__).warning("Trying again in 0.5 s: %s", "busy")
        return fine()

    noted, after = made(Check("settings", "Noted", warned), Check("settings", "After", fine))
    assert (noted.outcome, noted.more) == (Outcome.NOTE, ("R2_BUCKET does nothing.",))
    assert after.outcome is Outcome.FINE
    assert not caplog.records
