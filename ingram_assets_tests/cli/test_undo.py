"""`ingram undo`: which run is meant, refused where that is not clear; what is named and asked before it."""

import click
import pytest
from click.testing import CliRunner, Result

from ingram_assets.cli import common, run_commands
from ingram_assets.cli.main import main
from ingram_assets.cli.title import run_to_undo
from ingram_assets.domain.failures import NeedsPerson
from ingram_assets.overview.job_requests import JobRequest
from ingram_assets.overview.run_ids import NoSuchRun, no_line, the_one_run
from ingram_assets.store.journal import Change, Journal
from ingram_assets_tests.testing.looked_at_shop import LookedAtShop

pytestmark = pytest.mark.xdist_group("operations")

A_RUN, ANOTHER = "0b7e4c1e-3f52-4f0f-9c1d-2a60a3f4b7aa", "0b7e4c1e-3f52-4f0f-9c1d-2a60a3f4b7ab"


def test_the_run_that_is_meant_is_one_that_wrote_to_the_store(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {
        "MEDUSA_BACKEND_URL": "http://127.0.0.1:1",
        "MEDUSA_API_KEY": "sk_key",
        "QUEUE_DB_URL": "postgresql://reader@127.0.0.1:1/queue",
        "STOREFRONT_DB_URL": database,
        "DAGSTER_PG_URL": "postgresql://dagster@127.0.0.1:1/dagster",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    with Journal(database) as journal:
        change = Change("level", "9780306406157", "ilev_1", {}, {"stocked_quantity": 1}, "New.")
        with journal.writing(A_RUN, [change]):
            pass
        assert run_to_undo(A_RUN) == run_to_undo("0b7e") == A_RUN
        with pytest.raises(NoSuchRun, match=f"No run's id begins with {ANOTHER}. Only runs that wrote to"):
            run_to_undo(ANOTHER)
        with journal.writing(ANOTHER, [change]):
            pass
    with pytest.raises(NoSuchRun, match="The ids of 2 runs begin with 0b7e4c1e: "):
        run_to_undo("0b7e4c1e")
    assert run_to_undo(ANOTHER) == ANOTHER


@pytest.mark.parametrize("typed", ["0", "9", "1234", "1234567", "0b7"])
def test_a_number_that_is_no_line_is_no_run_either(typed: str) -> None:
    words = (
        f"There is no line {typed} in the ledger; a run's id .* at least 4 characters, .* ingram runs lists"
    )
    with pytest.raises(NoSuchRun, match=words):
        no_line(typed)


@pytest.mark.parametrize("typed", ["0b7e", "12345678", "1234567a", A_RUN])
def test_what_may_be_a_run_s_id(typed: str) -> None:
    no_line(typed)


def test_three_characters_mean_no_run_though_one_begins_so() -> None:
    with pytest.raises(NoSuchRun, match="0b7 is too little"):
        the_one_run("0b7", [A_RUN], otherwise="")


class TestAsked:
    """At a terminal or not, of a run that is in Dagster's database or is not any more."""

    @pytest.fixture
    def asked(self, shop: LookedAtShop) -> list[JobRequest]:
        asked: list[JobRequest] = []

        def run_job(request: JobRequest) -> None:
            asked.append(request)
            raise click.Abort

        shop.patch.setattr(run_commands, "run_job", run_job)
        with Journal(shop.journal) as journal:
            change = Change("level", shop.isbns[0], "l", {"stocked_quantity": 3}, {}, "New.")
            with journal.writing(A_RUN, [change]):
                pass
        return asked

    def undo(self, shop: LookedAtShop, *words: str, at_terminal: bool, answer: str = "") -> Result:
        shop.patch.setattr(common, "_is_somebody_there", lambda: at_terminal)
        return CliRunner().invoke(main, ["undo", *words], input=answer)

    def test_a_mistyped_line_starts_nothing(self, shop: LookedAtShop, asked: list[JobRequest]) -> None:
        done = self.undo(shop, "0", at_terminal=False)
        assert done.exit_code == 2
        assert "There is no line 0 in the ledger" in done.stderr
        assert not asked

    @pytest.mark.parametrize(
        ("answer", "words", "at_terminal", "is_done"),
        [
            ("n\n", [], True, False),
            ("y\n", [], True, True),
            ("", ["--yes"], True, True),
            ("", ["--dry-run"], True, True),
            ("", ["--yes"], False, True),
            ("", ["--dry-run"], False, True),
            ("", ["--yes", "--json"], False, True),
            ("", ["--dry-run", "--json"], False, True),
        ],
        ids=["no", "yes", "not-asked", "plan", "script", "script's plan", "program", "program's plan"],
    )
    def test_it_is_named_and_asked_at_a_terminal(
        self,
        shop: LookedAtShop,
        asked: list[JobRequest],
        answer: str,
        words: list[str],
        at_terminal: bool,
        is_done: bool,
    ) -> None:
        done = self.undo(shop, "0b7e4c1e", *words, at_terminal=at_terminal, answer=answer)
        verb = "Would take back" if "--dry-run" in words else "Taking back"
        named = f"{verb}: a run that Dagster keeps no more: 1 title changed (run 0b7e4c1e)."
        assert named in done.stderr
        assert ("Put this back?" in done.output) is bool(answer)
        assert len(asked) == is_done
        if not is_done:
            assert (done.exit_code, "Nothing was put back." in done.stderr) == (1, True)

    @pytest.mark.parametrize(("words", "at_terminal"), [([], False), (["--json"], False), (["--json"], True)])
    def test_where_nobody_can_be_asked_nothing_is_put_back(
        self, shop: LookedAtShop, asked: list[JobRequest], words: list[str], at_terminal: bool
    ) -> None:
        done = self.undo(shop, "0b7e4c1e", *words, at_terminal=at_terminal, answer="y\n")
        assert (done.exit_code, asked) == (2, [])
        assert "A script that has looked says ingram undo 0b7e4c1e --yes." in done.stderr
        assert "Put this back?" not in done.output


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize("is_there", [False, True])
def test_what_asks_asks_only_where_somebody_is(
    monkeypatch: pytest.MonkeyPatch, is_there: bool, as_json: bool
) -> None:
    monkeypatch.setattr(common, "_is_somebody_there", lambda: is_there)
    assert not common.is_to_ask("shows it", "ingram go-live", yes=True, as_json=as_json)
    if is_there and not as_json:
        assert common.is_to_ask("shows it", "ingram go-live", yes=False, as_json=as_json)
        return
    with pytest.raises(NeedsPerson, match=r"^ingram go-live shows it, and asks: .* ingram go-live --yes\.$"):
        common.is_to_ask("shows it", "ingram go-live", yes=False, as_json=as_json)
