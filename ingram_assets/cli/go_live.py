"""`ingram go-live`: shows what a push would do, asks, and from then on what is planned is written."""

from typing import TYPE_CHECKING, Any

import click

from ingram_assets.cli.common import SOME_FAILED, STOPPED, fail, is_to_ask, let_through, print_json, with_json
from ingram_assets.cli.terminal import one_line, say, shop_zone

if TYPE_CHECKING:
    from ingram_assets.defs.events import Report
    from ingram_assets.overview.run_results import RunResult
    from ingram_assets.store.observe_mode import StoreMode

_BACK = "To only watch again: MODE=observe in .env.storefront, and start the shop anew."


@click.command("go-live")
@click.option(
    "--yes", is_flag=True, help="Do not ask: for scripts. The plan is made and printed all the same."
)
@let_through
@with_json
def go_live(yes: bool, let_through: bool, as_json: bool) -> None:
    r"""End the watching of a new shop: its pushes are written to the store from now on.

    A new shop reads and plans everything, and writes nothing. This shows once more what a push would do,
    asks, notes who said yes, and brings the planned titles to the store. Guardrails hold as for any push.

    \b
    ingram go-live
    ingram go-live --let-through     a guardrail would stop it; you looked, and it is right
    ingram go-live --yes --json      from a script
    """
    from ingram_assets.cli.run_commands import run_job
    from ingram_assets.cli.run_progress import finish, whole_report
    from ingram_assets.domain.failures import NeedsPerson
    from ingram_assets.overview.job_requests import push_titles
    from ingram_assets.runtime.started_with import refuse_if_observed
    from ingram_assets.settings.environment import environment_of

    refuse_if_observed(environment_of("storefront"), "ingram go-live")
    mode = _mode()
    if mode.is_live:
        _is_live_already(mode, as_json)
        return
    if mode.setting == "observe":
        raise NeedsPerson(mode.why_watching)
    asks = is_to_ask("shows what would be written", "ingram go-live", yes=yes, as_json=as_json)
    plan = run_job(push_titles(dry_run=True, let_through=let_through))
    planned = whole_report(plan)
    _show(plan, planned, as_json)
    if asks and not click.confirm("Write this to the store, and from now on whatever is planned?"):
        fail("Nothing was written: the shop goes on watching.", SOME_FAILED, as_json)
    isbns = list(planned.details["changes"])
    # Of the planned titles, and of them what was planned alone: what changed since, nobody has looked at.
    let_through = let_through and bool(isbns)
    done = run_job(push_titles(isbns, let_through=let_through, plan=plan.run_id, go_live=True))
    mode = _mode()
    if done.succeeded and mode.went_live and mode.went_live.run_id != done.run_id:
        _is_live_already(mode, as_json)  # Somebody else said so while this one was asked.
        return
    if mode.is_live and not as_json:
        say(f"The store is live. {_written_by(done.run_id)} {_BACK}")
    finish(done, as_json, **_as_json(mode))


def _written_by(run_id: str) -> str:
    """What a run wrote, by the journal, and how it is put back, where there is anything to."""
    from ingram_assets.defs.storefront.from_settings import storefront_settings
    from ingram_assets.domain.formatting import count
    from ingram_assets.store.journal import Journal

    with Journal(storefront_settings().STOREFRONT_DB_URL.get_secret_value()) as journal:
        written = [one for one in journal.changes(run_id) if one.outcome == "written"]
    if not written:
        return "This first push had nothing to write."
    titles = len({one.isbn for one in written if one.isbn is not None})
    changed = f"{count(titles)} {'title' if titles == 1 else 'titles'}"
    return f"This first push changed {changed} there; put back by: ingram undo {run_id[:8]}."


def _show(plan: "RunResult", planned: "Report", as_json: bool) -> None:
    """Print the plan; leave where it failed, or where a guardrail would stop it."""
    from ingram_assets.cli.run_progress import finish, print_report
    from ingram_assets.defs.storefront.push import GUARDRAIL_WOULD_STOP

    if not plan.succeeded:
        finish(plan, as_json)
    if not as_json:
        print_report(plan, planned)
    if stopped := planned.details.get(GUARDRAIL_WOULD_STOP):
        words = (
            f"A guardrail stops this: {stopped} Nothing was written, and the shop goes on watching. Look at "
        )
        fail(f"{words}the plan. If it is right: ingram go-live --let-through", STOPPED, as_json)


def _mode() -> "StoreMode":
    from ingram_assets.defs.storefront.from_settings import storefront_settings
    from ingram_assets.store.journal import Journal

    settings = storefront_settings()
    with Journal(settings.STOREFRONT_DB_URL.get_secret_value()) as journal:
        return journal.mode(settings.MODE)


def _is_live_already(mode: "StoreMode", as_json: bool) -> None:
    from ingram_assets.domain.formatting import local_moment

    if as_json:
        print_json(**_as_json(mode))
        return
    how = "it was written to before anybody was asked"
    if went := mode.went_live:
        how = f"{went.by} said so {local_moment(went.at, shop_zone())}"
    elif mode.setting:
        how = "MODE=live says so"
    say(one_line(f"The store is live already: {how}. {_BACK}"))


def _as_json(mode: "StoreMode") -> dict[str, Any]:
    went = mode.went_live
    since = went.at.isoformat() if went else None
    return {"live": mode.is_live, "live_since": since, "live_by": went.by if went else None}
