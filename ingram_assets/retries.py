"""What is logged of a request that is tried again: why, and when. What is given up says so by its error."""

import logging

import stamina
from stamina.instrumentation import RetryDetails

log = logging.getLogger(__name__)


def log_retries() -> None:
    """From now on each retry of stamina's, of whatever client in this process, is one warning.

    By default stamina prints to standard output where structlog is installed, as Dagster's dependencies do:
    in the middle of a command's JSON.
    """
    stamina.instrumentation.set_on_retry_hooks([_log])


def _log(details: RetryDetails) -> None:
    log.warning("Trying again in %.1f s: %s", details.wait_for, details.caused_by)
