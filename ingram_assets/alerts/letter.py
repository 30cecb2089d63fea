"""The weekly letter: what came, went, sold out and changed, what was slow, and what was wrong. Pure.

Counts come first, then at most ten titles under a heading. What is not known is said so, and never as zero.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from ingram_assets.alerts.incidents import DIGEST_HOUR
from ingram_assets.alerts.messages import duration, moment
from ingram_assets.alerts.model import Alert, AlertRules, PastIncident
from ingram_assets.domain.backups import NO_BACKUP, NotedBackup
from ingram_assets.domain.week import SomeTitles, TitleWeek, Week

PATIENCE = 3 * 3600.0
"""So long the letter waits for what the storefront knows of titles; then it is sent without."""
_ALERTS_AT_MOST = 12


@dataclass(frozen=True, slots=True)
class WatchedWeek:
    """What Dagster and the watch know of a week.

    Args:
        went: titles that a person retired; `None`: unknown.
        sweeps: how many of all titles were complete; `all_sweeps`: none of the week is forgotten,
            since one of before it is known.
        late: how often one came later after the one before than was promised; `longest`: the longest wait.
        unread: pages that gave no reading, by what became of them; `pages`: all that were asked for.
        stale, tracked: titles that were read too long ago when the week ended, of how many; `None`: unknown.
        wrong: what people were told of and was wrong in it, the oldest first.
        known_since: since when it is kept what was wrong; `None`: for no time yet.
        backup: the last one that was there when the week ended; `None`: none was.
    """

    went: SomeTitles | None
    sweeps: int = 0
    all_sweeps: bool = True
    late: int = 0
    longest: float = 0.0
    pages: int = 0
    unread: dict[str, int] = field(default_factory=dict)
    stale: int | None = None
    tracked: int | None = None
    wrong: tuple[PastIncident, ...] = ()
    known_since: float | None = None
    backup: NotedBackup | None = None


def due_week(last: str, now: float, rules: AlertRules) -> Week | None:
    """The week whose letter is due: once, from `DIGEST_HOUR` on Monday, or later; `None`: none is.

    In the quiet hours none is, and of weeks that nobody was told of for long only the last one.

    Args:
        last: the name of the week that was told last.
    """
    if rules.quiet is not None and rules.quiet.are_at(now, rules.zone):
        return None
    week = Week.over_by(now - DIGEST_HOUR * 3600, rules.zone)
    return week if week.name > last else None


def waits_for_titles(week: Week, now: float, looking_since: float) -> bool:
    """Whether what the storefront knows may still come: it looks once this machine is on."""
    return now - max(week.ends + DIGEST_HOUR * 3600, looking_since) < PATIENCE


def weekly_letter(
    week: Week, titles: TitleWeek | None, watched: WatchedWeek, now: float, rules: AlertRules
) -> Alert:
    """The letter of a week, or of what is over of it.

    Args:
        titles: `None`: the queue and the journal could not be asked.
    """
    headings = _headings(titles or TitleWeek(), watched)
    counts = [_counted(count, one, many) for _, count, one, many in headings]
    last_day = min(week.monday + timedelta(days=6), _day(week.until(now), rules))
    first_day = f"{week.monday:%b %d}{'' if week.monday.year == last_day.year else f', {week.monday:%Y}'}"
    subject = f"The shop's week, {first_day} to {last_day:%b %d, %Y}"
    backup = _last_backup(watched.backup, rules)
    if _is_quiet(headings, watched, week):
        words = (
            f"Nothing to tell: no title came or went, none sold out or came back, no price changed, all "
            f"{watched.sweeps} sweeps came in time, and nothing was wrong. {backup}"
        )
        return Alert(subject, words, "info")
    lines = [f"{', '.join(counts)}.", *_read(watched, rules), backup, *_wrong(week, watched, now, rules)]
    for heading, count, _, _ in headings:
        lines += _listed(heading, count)
    return Alert(subject, "\n".join(lines), "info")


def _last_backup(last: NotedBackup | None, rules: AlertRules) -> str:
    words = f"{last.how} {moment(last.at.timestamp(), rules)}" if last else NO_BACKUP
    return f"The last backup: {words}."


def _day(at: float, rules: AlertRules) -> date:
    return datetime.fromtimestamp(at, UTC).astimezone(rules.zone).date()


def _headings(titles: TitleWeek, watched: WatchedWeek) -> list[tuple[str, SomeTitles | None, str, str]]:
    """Each heading with its titles, and how one and several of them are counted."""
    return [
        ("New", titles.came, "new title", "new titles"),
        ("Retired", watched.went, "retired", "retired"),
        ("Sold out", titles.sold_out, "sold out", "sold out"),
        ("Back in stock", titles.back, "back in stock", "back in stock"),
        ("Other prices in the store", titles.prices, "other price", "other prices"),
    ]


def _counted(titles: SomeTitles | None, one: str, many: str) -> str:
    return (
        f"{many}: not known" if titles is None else f"{titles.number:,} {one if titles.number == 1 else many}"
    )


def _is_quiet(
    headings: Sequence[tuple[str, SomeTitles | None, str, str]], watched: WatchedWeek, week: Week
) -> bool:
    moved = any(titles is None or titles.number for _, titles, _, _ in headings)
    is_known = watched.known_since is not None and watched.known_since <= week.begins
    slow = watched.late or watched.unread or watched.stale is None or watched.stale
    return bool(watched.sweeps) and watched.all_sweeps and is_known and not (moved or slow or watched.wrong)


def _read(watched: WatchedWeek, rules: AlertRules) -> Iterator[str]:
    promised, known = duration(rules.sla[rules.names.sweep]), "" if watched.all_sweeps else " known of"
    if not watched.sweeps:
        yield f"No complete sweep of all titles{known and ' is'}{known}."
    else:
        in_time = "all in time" if not watched.late else f"{watched.late} later than promised ({promised})"
        sweeps = f"{watched.sweeps:,} complete sweep{'' if watched.sweeps == 1 else 's'}{known}"
        yield f"{sweeps}, {in_time}; the longest wait for one: {duration(watched.longest)}."
    if watched.pages:
        unread = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in watched.unread.items())
        yield f"{watched.pages:,} pages read" + (
            f", of which {sum(watched.unread.values()):,} stay unknown ({unread})."
            if unread
            else ", and understood."
        )
    if watched.stale is None:
        yield "Too old at the end: not known."
    elif watched.stale:
        yield f"Too old at the end: {watched.stale:,} of {watched.tracked:,} titles."


def _wrong(week: Week, watched: WatchedWeek, now: float, rules: AlertRules) -> Iterator[str]:
    since = watched.known_since
    if since is None or since >= week.ends:
        yield "What was wrong: not known."
        return
    from_when = f" (known since {moment(since, rules)})" if since > week.begins else ""
    yield f"{len(watched.wrong) or 'No'} alert{'' if len(watched.wrong) == 1 else 's'}{from_when}."
    for one in watched.wrong[:_ALERTS_AT_MOST]:
        lasted = duration((one.until or now) - one.since)
        over = f"lasted {lasted}" if one.until is not None else f"not over after {lasted}"
        yield f"- {one.subject}: {moment(one.since, rules)}, {over}"
    if len(watched.wrong) > _ALERTS_AT_MOST:
        yield f"- and {len(watched.wrong) - _ALERTS_AT_MOST:,} more"


def _listed(heading: str, titles: SomeTitles | None) -> Iterator[str]:
    if not titles or not titles.number:
        return
    yield f"{heading}:"
    yield from (f"- {line}" for line in titles.lines)
    if titles.number > len(titles.lines):
        yield f"- and {titles.number - len(titles.lines):,} more"
