"""What Celery keeps of how runs ended on their workers, where `CELERY_RESULT_BACKEND_URL` leads to a Redis.

It decides nothing: whether a run is at work, a lock says (`run_hold.py`), and how it ended stands in
Dagster's database. But of a run whose process was killed its worker alone saw by which signal: that is here.
"""

import logging
import ssl
import time
from datetime import timedelta
from typing import Any

from celery import Celery
from celery.backends.redis import RedisBackend
from celery.exceptions import BackendError
from celery.result import AsyncResult
from redis.exceptions import RedisError

KEPT_FOR = timedelta(days=7)
_AWAY = (RedisError, BackendError, OSError)
_PATIENCE = 5.0
"""Seconds. A worker notes within one that a process of its own is gone."""
_LONGEST = 300
"""Characters of what a worker says that are shown."""


class SpareResults(RedisBackend):  # type: ignore[misc]  # Celery has no types.
    """Celery's results at a Redis; one that is away costs a run nothing, but a line in its worker's log."""

    def store_result(self, task_id: str, result: Any, state: str, *args: Any, **kwargs: Any) -> Any:
        """Keep it, if that can be."""
        try:
            return super().store_result(task_id, result, state, *args, **kwargs)
        except _AWAY as error:
            logging.getLogger(__name__).warning(
                "How the run of task %s ended (%s) is not kept: CELERY_RESULT_BACKEND_URL's Redis is away "
                "(%s).",
                *(task_id, state, type(error).__name__),
            )
            return result


def result_settings(address: str) -> dict[str, Any]:
    """How Celery keeps results at a Redis, beside the settings of its broker."""
    # Celery takes any certificate unless it is told otherwise.
    checked = {"ssl_cert_reqs": ssl.CERT_REQUIRED} if address.startswith("rediss:") else None
    return {
        "result_backend": f"{__name__}.{SpareResults.__name__}+{address}",
        "result_expires": KEPT_FOR,
        "result_serializer": "json",
        "result_accept_content": ["json"],
        "redis_backend_use_ssl": checked,
        "redis_socket_connect_timeout": 5,
        "redis_socket_timeout": 5,
        "result_backend_transport_options": {"retry_policy": {"max_retries": 1}},
    }


def told_end(address: str, task_id: str, patience: float = _PATIENCE) -> str | None:
    """What the worker said of a task that failed, as that its process was killed; waits for it for seconds.

    `None`: it has said nothing, the task did not fail, or the Redis can't be asked.
    """
    with Celery("results", config_source=result_settings(address), set_as_current=False) as app:
        until = time.monotonic() + patience
        try:
            while not (result := AsyncResult(task_id, app=app)).ready():
                if time.monotonic() >= until:
                    return None
                time.sleep(0.2)
            return str(result.result)[:_LONGEST] if result.failed() else None
        except (*_AWAY, ValueError):
            return None
