"""The broker that carries runs to workers on several machines: Redis or RabbitMQ, at `CELERY_BROKER_URL`."""

import importlib.util
import ssl
from typing import Any
from urllib.parse import urlsplit

from ingram_assets.domain.failures import NeedsPerson
from ingram_assets.runtime.dagster_internals import DagsterUserCodeUnreachableError
from ingram_assets.runtime.time_limit import answer_within

WORKER_TAG = "ingram/worker"
"""Of a run: the name of the worker that began it."""
WORKER_LOCATION, WORKER_RUNS = "INGRAM_WORKER_OF", "INGRAM_WORKER_RUNS"
WORKER_GRACE = "INGRAM_WORKER_GRACE"
"""In the environment of a worker: its code location; how many runs it does at a time; for how many seconds
one may go on after a stop."""
PUBLISH_PATIENCE = {"max_retries": 8, "interval_start": 0.5, "interval_step": 1, "interval_max": 5}
"""Half a minute: then Dagster's own queue has the run back."""
_ANSWERS_WITHIN = 15.0


class BrokerAway(DagsterUserCodeUnreachableError):
    """The broker does not answer. Dagster's queue tries again, as where a code server is away."""


def celery_settings(broker: str, *, keeps_results: bool) -> dict[str, Any]:
    """How Celery is set, for who sends runs and for who does them.

    A message counts as delivered when its run begins (`task_acks_late` is off): one that lasts for hours is
    given to nobody else. `keeps_results`: its worker is to keep how it ended (`celery_results.py`).
    """
    # Celery takes any certificate unless it is told otherwise.
    checked = {"ssl_cert_reqs": ssl.CERT_REQUIRED} if broker.startswith("redis") else _checked_amqp(broker)
    is_encrypted = broker.startswith(("rediss:", "amqps:"))
    # What a worker has fetched and not begun, as when it was killed just then, comes back after so long.
    redis = {"visibility_timeout": 120} if broker.startswith("redis") else {}
    return {
        "broker_url": broker,
        "broker_use_ssl": checked if is_encrypted else None,
        "broker_transport_options": redis,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "task_publish_retry_policy": PUBLISH_PATIENCE,
        "task_acks_late": False,
        "task_ignore_result": not keeps_results,
        "task_serializer": "json",
        "accept_content": ["json"],
        "worker_prefetch_multiplier": 1,
        "worker_disable_prefetch": broker.startswith("redis"),
        # A process a run, as code servers have it: nothing of one is left for the next.
        "worker_max_tasks_per_child": 1,
        # Nobody who can reach the broker is to give orders to a worker.
        "worker_enable_remote_control": False,
        "worker_redirect_stdouts": False,
        "worker_hijack_root_logger": False,
    }


def _checked_amqp(broker: str) -> dict[str, Any]:
    return {"cert_reqs": ssl.CERT_REQUIRED, "server_hostname": urlsplit(broker).hostname}


def check_celery_is_installed() -> None:
    """See that the optional part is there.

    Raises:
        NeedsPerson: it is not.
    """
    if importlib.util.find_spec("dagster_celery") is None or importlib.util.find_spec("redis") is None:
        raise NeedsPerson(
            "CELERY_BROKER_URL is set, and Celery is not installed: pip install 'ingram-assets[celery]', or "
            "take the setting out."
        )


def check_broker_answers(broker: str) -> None:
    """See that the broker lets us in.

    Raises:
        NeedsPerson: it does not, or not within seconds.
    """
    from kombu.connection import Connection
    from kombu.exceptions import KombuError

    checked = celery_settings(broker, keeps_results=False)["broker_use_ssl"]
    connection = Connection(broker, ssl=checked or False, connect_timeout=5)

    def look() -> str | None:
        try:
            with connection:
                connection.ensure_connection(max_retries=1, timeout=8)
        except (KombuError, OSError, *connection.connection_errors, *connection.channel_errors) as error:
            return type(error.__cause__ or error).__name__
        return None

    # One that takes the connection and is frozen says nothing more, for ever.
    answered = answer_within(_ANSWERS_WITHIN, look, "broker")
    if why := answered[0] if answered else f"no answer within {_ANSWERS_WITHIN:g} s":
        raise NeedsPerson(
            f"The broker can't be reached with CELERY_BROKER_URL ({why}): is it up, and are address and "
            "password right?"
        )
