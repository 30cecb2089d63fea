"""What the launchpad offers: the jobs by their names, and a described, typed field for each choice."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest

from ingram_assets.defs.operations.definitions import defs as operations
from ingram_assets.defs.scraper.definitions import defs as scraper
from ingram_assets.defs.storefront.definitions import defs as storefront

JOBS = {
    job.name: job
    for defs in (scraper, storefront, operations)
    for job in defs.get_repository_def().get_all_jobs()
    if not job.name.startswith("__")
}


def fields_of(job: dg.JobDefinition) -> Iterator[tuple[str, Any]]:
    """The configuration's fields of each of the job's steps, named as the launchpad names them."""
    for node in job.nodes:
        schema = node.definition.config_schema
        for name, field in getattr(schema.config_type if schema else None, "fields", {}).items():
            yield f"{node.name}.{name}", field


def test_a_person_finds_the_jobs_by_name():
    assert JOBS.keys() >= {"sync_stock", "enrich", "push", "undo", "retire"}


@pytest.mark.parametrize("job", JOBS.values(), ids=JOBS)
def test_a_job_and_each_of_its_choices_are_described(job: dg.JobDefinition):
    assert job.description
    for name, field in fields_of(job):
        assert len(field.description or "") > 20, name
        assert field.config_type.kind.name != "ANY", name


@pytest.mark.parametrize(
    ("job", "fields"),
    [
        ("sync_stock", {"ipage__saved_search.search_id", "ipage__stock_sweep.let_through"}),
        ("enrich", {"enrich_titles.isbns"}),
        ("push", {"push_titles.isbns", "push_titles.dry_run", "push_titles.let_through"}),
        ("undo", {"undo_run.run_id", "undo_run.dry_run"}),
        ("retire", {"retire_titles.isbns"}),
    ],
)
def test_what_a_person_can_choose(job: str, fields: set[str]):
    assert {name for name, _ in fields_of(JOBS[job])} >= fields
