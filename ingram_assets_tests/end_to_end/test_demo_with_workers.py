"""The demo with workers: every title comes through runs that workers of their location did."""

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG
from rich.console import Console

from ingram_assets.runtime.broker import WORKER_TAG
from ingram_assets.runtime.instance import dagster_instance
from ingram_assets.settings.base import secret
from ingram_assets_tests.testing.processes import TOOLS, environment_kept
from ingram_demo.embedded.redis import why_no_redis
from ingram_demo.phases import Phases
from ingram_demo.show import ONCE_PACE, bring_through
from ingram_demo.stack import Stack, running_stack

pytestmark = [
    pytest.mark.xdist_group("celery"),
    pytest.mark.skipif(why_no_redis() is not None, reason=str(why_no_redis())),
]
QUIET = Phases(Console(file=io.StringIO()))


@pytest.fixture
def stack(servers_folder: Path) -> Iterator[Stack]:
    folder = servers_folder / "with-workers"
    with (
        environment_kept(),
        running_stack(folder, QUIET, ONCE_PACE, tools=TOOLS, titles=20, has_workers=True) as running,
    ):
        yield running


def test_every_title_comes_through_workers(stack: Stack):
    with dagster_instance(stack.common) as instance:
        summary = bring_through(stack, instance, QUIET)
        runs = [run for run in instance.get_runs() if run.job_name in ("sync_stock", "push")]
    assert summary["complete"], summary
    assert summary["discovered"] == 20
    assert len(runs) == 2
    with redis.Redis.from_url(secret(stack.common.CELERY_RESULT_BACKEND_URL)) as results:
        for run in runs:
            location = run.remote_job_origin.location_name
            assert run.tags[WORKER_TAG].startswith(f"{location}-")
            kept = json.loads(results.get(f"celery-task-meta-{run.tags[DAGSTER_CELERY_TASK_ID_TAG]}"))
            assert kept["status"] == "SUCCESS"
