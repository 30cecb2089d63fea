"""The jobs that a person may ask for, each with its run's configuration: the same from terminal and pages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class JobRequest:
    """A job of a code location.

    Attributes:
        of_ops: each op's configuration, by the op's name.
    """

    location: str
    job: str
    of_ops: Mapping[str, Mapping[str, Any]]

    @property
    def run_config(self) -> dict[str, Any]:
        """As Dagster takes it."""
        return {"ops": {name: {"config": dict(values)} for name, values in self.of_ops.items()}}

    @property
    def writes_to_store(self) -> bool:
        """Whether it is more than a look at what would be written."""
        return self.location == "storefront" and not any(one.get("dry_run") for one in self.of_ops.values())


def read_titles(isbns: Sequence[str]) -> JobRequest:
    """Details, stock and cover of these titles, which are tracked from now on."""
    return JobRequest("scraper", "enrich", {"enrich_titles": {"isbns": list(dict.fromkeys(isbns))}})


def retire_titles(isbns: Sequence[str]) -> JobRequest:
    """These titles are tracked no more."""
    return JobRequest("scraper", "retire", {"retire_titles": {"isbns": list(dict.fromkeys(isbns))}})


def push_titles(
    isbns: Sequence[str] = (),
    *,
    dry_run: bool = False,
    let_through: bool = False,
    plan: str = "",
    reimport: Sequence[str] = (),
    leave_out: Sequence[str] = (),
    go_live: bool = False,
) -> JobRequest:
    """The queue to the store; without ISBNs all titles, as the daily reconcile does.

    Args:
        plan: the id of the plan that was looked at: nothing but what it showed is let through.
        reimport: of these, too, as if they had never been imported.
        leave_out: all titles but these.
        go_live: what is planned is written from now on.
    """
    asked: dict[str, Any] = {
        "isbns": list(dict.fromkeys([*isbns, *reimport])),
        "dry_run": dry_run,
        "let_through": let_through,
    }
    # A code server that was not started anew since an update knows no others.
    asked |= {"plan": plan} if plan and let_through else {}
    asked |= {"reimport": list(dict.fromkeys(reimport))} if reimport else {}
    asked |= {"leave_out": list(dict.fromkeys(leave_out))} if leave_out else {}
    asked |= {"go_live": True} if go_live else {}
    return JobRequest("storefront", "push", {"push_titles": asked})


def undo_run(run_id: str, *, dry_run: bool = False) -> JobRequest:
    """What a run changed in the store is put back, where nobody changed it since."""
    return JobRequest("storefront", "undo", {"undo_run": {"run_id": run_id, "dry_run": dry_run}})


def discover(search_id: str = "", *, dry_run: bool = False, let_through: bool = False) -> JobRequest:
    """Discovery alone, or what it would bring; without an id the search of the settings."""
    from ingram_assets.defs.keys import SAVED_SEARCH

    if dry_run:
        return JobRequest("scraper", "discover_plan", {"plan_discovery": {"search_id": search_id}})
    asked = {"search_id": search_id, "let_through": let_through}
    return JobRequest("scraper", "discover", {SAVED_SEARCH.to_python_identifier(): asked})


def track_titles(
    isbns: Sequence[str],
    titles: Mapping[str, str],
    prices: Mapping[str, str],
    not_understood: Mapping[str, str],
    notes: Sequence[str] = (),
    *,
    dry_run: bool = False,
) -> JobRequest:
    """These titles, which a file lists, are tracked from now on; or what would be."""
    asked = {"isbns": list(isbns), "titles": dict(titles), "prices": dict(prices), "dry_run": dry_run}
    asked |= {"not_understood": dict(not_understood), "notes": list(notes)}
    return JobRequest("scraper", "discover_in_file", {"track_titles": asked})


def sync_stock(search_id: str = "", *, let_through: bool = False) -> JobRequest:
    """Discovery, then the stock of every tracked title; without an id the search of the settings."""
    from ingram_assets.defs.keys import SAVED_SEARCH, STOCK_SWEEP

    of_ops: dict[str, dict[str, Any]] = {
        SAVED_SEARCH.to_python_identifier(): {"search_id": search_id, "let_through": let_through},
        STOCK_SWEEP.to_python_identifier(): {"let_through": let_through},
    }
    return JobRequest("scraper", "sync_stock", of_ops)
