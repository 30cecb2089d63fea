"""The weekly letter of any week, for a person who looks at it: gathered at once, and sent to nobody."""

import time
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from ingram_assets.alerts.letter import weekly_letter
from ingram_assets.alerts.model import Alert
from ingram_assets.domain.failures import IngramError, NeedsPerson
from ingram_assets.domain.formatting import moment
from ingram_assets.domain.week import TitleWeek, Week
from ingram_assets.runtime.instance import dagster_instance, told_if_away
from ingram_assets.settings.environment import environment_of
from ingram_assets.settings.loading import check, load
from ingram_assets.settings.shared import CommonSettings, PaceSettings
from ingram_assets.settings.storefront import StorefrontSettings
from ingram_assets.staging.reader import QueueReader
from ingram_assets.store.journal import Journal


@dataclass(frozen=True, slots=True)
class LookedAtLetter:
    """A letter, and of which week; `problem`: why the queue and the journal could not be asked."""

    week: Week
    alert: Alert
    problem: str | None = None


def gather_letter(day: date | None) -> LookedAtLetter:
    """The letter of the week that a day is in, as far as it is over; `None`: of the last whole one.

    Raises:
        SettingsError: the storefront's settings.
        NeedsPerson, Transient: the week is to come, or over before the shop's first title came; or Dagster's
            database can't be asked.
    """
    environment = environment_of("storefront")
    check(environment, StorefrontSettings, CommonSettings, PaceSettings)
    settings, common = load(StorefrontSettings, environment), load(CommonSettings, environment)
    zone, now = ZoneInfo(common.STORE_TIME_ZONE), time.time()
    next_week = datetime.fromtimestamp(now, zone).date() + timedelta(days=7)
    week = Week.of(min(day, next_week), zone) if day else Week.over_by(now, zone)
    if week.begins > now:
        raise NeedsPerson(f"The week of {day} has not begun yet: there is no letter of it.")
    titles, problem = _titles(settings, week, now)
    with dagster_instance(common) as instance, told_if_away():
        from ingram_assets.defs.operations.sensors import alert_rules, tables_of
        from ingram_assets.defs.operations.week_reader import watched_week

        rules = alert_rules(common, load(PaceSettings, environment))
        promised = rules.sla[rules.names.sweep]
        watched = watched_week(instance, tables_of(instance), week, now, promised)
    return LookedAtLetter(week, weekly_letter(week, titles, watched, now, rules), problem)


def _titles(settings: StorefrontSettings, week: Week, now: float) -> tuple[TitleWeek | None, str | None]:
    from ingram_assets.defs.storefront.week import title_week

    try:
        with (
            QueueReader(settings.QUEUE_DB_URL.get_secret_value()) as reader,
            Journal(settings.STOREFRONT_DB_URL.get_secret_value()) as journal,
        ):
            first = reader.first_came()
            if first is not None and first.timestamp() < week.ends:
                return title_week(reader, journal, week, now), None
    except IngramError as error:
        return None, str(error)
    came = "has no title yet" if first is None else f"got its first title at {moment(first)}"
    raise NeedsPerson(f"The shop {came}: there is no letter of the week of {week.name}.")
