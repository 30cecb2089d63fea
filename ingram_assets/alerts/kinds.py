"""The kinds of alerts: how the subject of each begins, and the one thing that a person does next.

`docs/operating.md` has a row for each, for the person on duty.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AlertKind:
    """A kind of alert.

    Args:
        begins: how its subject begins.
        next_step: one sentence on what to type, or where to look; `{run}` stands for the failed run's number.
    """

    begins: str
    next_step: str


BLOCK = AlertKind(
    "iPage blocks us",
    "Open iPage in a browser: if it lets you in, type ingram forget block; if not, wait, for it is tried "
    "again by itself.",
)
SIGN_IN = AlertKind(
    "The sign-in to iPage needs a person",
    "Put right what is named above, then type ingram doctor to see that it signs in, and ingram sync-stock, "
    "which reads all titles at once.",
)
PERSON = AlertKind(
    "A person has to act",
    "Put right what is named above, then type ingram status to see that it goes on.",
)
RUN = AlertKind(
    "A run failed for good",
    "Type ingram runs {run}: it says what the run did, and why it ended.",
)
GUARDRAIL_PUSH = AlertKind(
    "A guardrail stopped the push to the store",
    "Type ingram push --dry-run to see what would change; if it is right, ingram push --let-through.",
)
GUARDRAIL_SEARCH = AlertKind(
    "A guardrail stopped the discovery of the saved search",
    "Open the search on iPage in a browser; if it is right so, type ingram discover --let-through.",
)
GUARDRAIL_PAGES = AlertKind(
    "A guardrail stopped",
    "Open one of the pages in a browser; if they are right so, type ingram sync-stock --let-through.",
)
LEFT_BEHIND = AlertKind(
    "Titles are left behind",
    "Type ingram status: it says why each can't be read; ingram retire ends one that Ingram has no more.",
)
STORE_LAGS = AlertKind(
    "The store lags behind the queue",
    "Type ingram status: its first lines say why, and what to do.",
)
CHECK = AlertKind(
    "A check failed",
    "Open the check in Dagster, on the page of its asset: it has the figures.",
)
FIELDS = AlertKind(
    "iPage's pages have changed",
    "Type ingram read with the ISBN above, beside its page in a browser; if the pages are right so, ingram "
    "sync-stock --let-through.",
)
SILENT = AlertKind(
    "Nobody looks",
    "Open the sensor in Dagster, under Automation: switch it on if it is off; else its ticks, or the log of "
    "its code server, say why it fails.",
)
STOCK_TOO_OLD = AlertKind(
    "SLA broken: the stock",
    "Type ingram status: its first lines say why, and what to do.",
)
BACKUP_TOO_OLD = AlertKind(
    "SLA broken: the backup",
    "Type ingram backup FOLDER, as the nightly one does: it takes one, or says what is in the way.",
)
SLA_BROKEN = AlertKind(
    "SLA broken",
    "Type ingram discover: it says why nothing comes through.",
)
LOW_STOCK = AlertKind(
    "Low stock",
    "Look at the desk's board, filtered for low, which of them you want more of.",
)

KINDS = (
    *(
        BLOCK,
        SIGN_IN,
        PERSON,
        RUN,
        GUARDRAIL_PUSH,
        GUARDRAIL_SEARCH,
        GUARDRAIL_PAGES,
        LEFT_BEHIND,
        STORE_LAGS,
    ),
    *(CHECK, FIELDS, SILENT, STOCK_TOO_OLD, BACKUP_TOO_OLD, SLA_BROKEN, LOW_STOCK),
)
"""All of them. A subject is of the first one that it begins with."""

_NO_KIND = AlertKind("", "Type ingram status: it says what is wrong, and what to do.")
"""Of an incident that an earlier version opened under another name."""


def kind_of(subject: str) -> AlertKind:
    """The kind of an alert with this subject."""
    return next((kind for kind in KINDS if subject.startswith(kind.begins)), _NO_KIND)
