"""When the scraper's assets are made by themselves: conditions built on their freshness policies."""

import dagster as dg


def sweep_due() -> dg.AutomationCondition:
    """Stale, and not being read already."""
    stale = dg.AutomationCondition.freshness_warned() | dg.AutomationCondition.freshness_failed()
    return (stale & ~dg.AutomationCondition.in_progress()).with_label("stock is about to be an hour old")


def search_due() -> dg.AutomationCondition:
    """Stale, and not being downloaded already."""
    stale = dg.AutomationCondition.freshness_warned() | dg.AutomationCondition.freshness_failed()
    return (stale & ~dg.AutomationCondition.in_progress()).with_label("the saved search is a week old")
