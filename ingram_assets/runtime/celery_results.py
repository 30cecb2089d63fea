"""What Celery keeps of how runs ended on their workers, where `CELERY_RESULT_BACKEND_URL` leads to a Redis.

It decides nothing: whether a run is at work, a lock says (`run_hold.py`), and how it ended stands in
Dagster's database. But of a run whose process was killed its worker alone saw by which signal: that is here.
"""

import logging
import re
import ssl
import time
from datetime import timedelta
from typing import Any

from celery import Celery
from celery.backends.redis import RedisBackend
from celery.exceptions import BackendError
from celery.result import AsyncResult
from redis.exceptions import RedisError

from ingram_assets.domain.failures import NeedsPerson
from ingram_assets.runtime.time_limit import answer_within

KEPT_FOR = timedelta(days=7)
_AWAY = (RedisError, BackendError, OSError)
_ANSWERS_WITHIN = 10.0
_PATIENCE = 3.0
"""Seconds. A worker notes within one that a process of its own is gone."""
_LONGEST = 300
"""Characters of what a worker says that are shown."""
_NO_TEXT = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class SpareResults(RedisBackend):  # type: ignore[misc]  # Celery has no types.
    """Celery's results at a Redis; one that is away costs a run nothing, but a line in its worker's log."""

    def store_result(self, task_id: str, result: Any, state: str, *args: Any, **kwargs: Any) -> Any:
        """Keep it, if that can be."""
        try:
            return super().store_result(task_id, result, state, *args, **kwargs)
        except _AWAY as error:
            logging.getLogger(__name__).warning(
                "How the run of task %s ended (%s) is not kept: CELERY_RESULT_BACKEND_URL's Redis does not "
                "take it (%s).",
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


def check_results_are_taken(address: str) -> None:
    """See that the Redis lets us in and takes what is to be kept: a key that is gone a minute later.

    Raises:
        NeedsPerson: it does not, or not within seconds.
    """

    def look() -> str | None:
        try:
            with _celery(address) as app:
                app.backend.client.set("ingram-asked", "", ex=60)
        except (*_AWAY, ValueError) as error:
            return type(error).__name__
        return None

    answered = answer_within(_ANSWERS_WITHIN, look, "redis of results")
    if why := answered[0] if answered else f"no answer within {_ANSWERS_WITHIN:g} s":
        raise NeedsPerson(
            f"The Redis of CELERY_RESULT_BACKEND_URL takes no results ({why}): is it up, has it room, are "
            "address and password right?"
        )


def told_end(address: str, task_id: str, patience: float = _PATIENCE) -> str | None:
    """What the worker said of a task that failed, as that its process was killed; waits for it for seconds.

    `None`: it has said nothing, the task did not fail, or the Redis can't be asked.
    """
    until = time.monotonic() + patience

    def look() -> str | None:
        try:
            with _celery(address) as app:
                while not (result := AsyncResult(task_id, app=app)).ready() and time.monotonic() < until:
                    time.sleep(0.2)
                return str(result.result) if result.failed() else None
        except (*_AWAY, ValueError):
            return None

    (told,) = answer_within(patience + 1, look, "results of runs") or (None,)
    return _NO_TEXT.sub(" ", told[:_LONGEST]) if told else None


def _celery(address: str) -> Celery:
    return Celery("results", config_source=result_settings(address), set_as_current=False)
