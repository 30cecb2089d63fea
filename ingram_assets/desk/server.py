"""The desk as a process: with the storefront's settings, until it is stopped."""

import logging
from collections.abc import Sequence

import uvicorn
from fastapi import FastAPI

from ingram_assets.desk.app import make_app
from ingram_assets.desk.lookups import Lookups
from ingram_assets.desk.slow_clients import PromptProtocol
from ingram_assets.desk.store_access import StoreAccess
from ingram_assets.overview.board_watch import BoardWatch, ShopSettings
from ingram_assets.settings.base import secret
from ingram_assets.settings.shared import CommonSettings, PaceSettings
from ingram_assets.settings.storefront import StorefrontSettings
from ingram_assets.staging.reader import QueueReader
from ingram_assets.store.client import MedusaClient

_LOOK_SECONDS = 8.0
"""So long an answer of the store may take that a page shows."""
_WORK_SECONDS = 20.0
"""So long a request of an operation may take, with its repetitions: then the caller asks again, same key."""
_TITLES_SECONDS = 20.0
"""So long the queue may take to tell all titles. No page waits for it."""

_CONNECTIONS = 600
"""So many at once; who comes beyond that is told to come again (503). A process has 1,024 files as a rule."""


def serve(
    settings: StorefrontSettings, common: CommonSettings, pace: PaceSettings, *, host: str, port: int
) -> None:
    """Answer until SIGINT or SIGTERM.

    Raises:
        NeedsPerson: the address of the journal or Medusa's key is malformed.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    for chatty in ("httpx", "websockets"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    journal_url = settings.STOREFRONT_DB_URL.get_secret_value()
    store_access = StoreAccess(
        _client(settings, attempts=3, patience=_WORK_SECONDS), journal_url, low=settings.LOW_STOCK_THRESHOLD
    )
    queue_url = settings.QUEUE_DB_URL.get_secret_value()
    lookups = Lookups(_client(settings, attempts=1, patience=_LOOK_SECONDS), journal_url, queue_url, common)
    watch = BoardWatch(
        ShopSettings(settings, common, pace),
        QueueReader(queue_url, statement_timeout=_TITLES_SECONDS),
        lookups.journal,
        lookups.view,
        lookups.floor_answer,
    )
    app = make_app(
        store_access,
        lookups,
        watch,
        per_minute=settings.DESK_REQUESTS_PER_MINUTE,
        desk_url=settings.DESK_URL,
        dagster_url=common.INGRAM_UI_URL,
        time_zone=common.STORE_TIME_ZONE,
    )
    uvicorn.Server(server_config(app, host, port, settings.DESK_PROXIES)).run()


def server_config(app: FastAPI, host: str, port: int, proxies: Sequence[str] = ()) -> uvicorn.Config:
    """How the desk is served. `proxies`: addresses that are believed who asks."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=PromptProtocol,
        limit_concurrency=_CONNECTIONS,
        log_config=None,
        access_log=False,
        server_header=False,
        # Else uvicorn believes whoever asks from this machine, or what its own variable names.
        proxy_headers=bool(proxies),
        forwarded_allow_ips=list(proxies),
        # An open page of Dagster's is no reason to stay.
        timeout_graceful_shutdown=5,
    )


def _client(settings: StorefrontSettings, *, attempts: int, patience: float) -> MedusaClient:
    return MedusaClient(
        settings.MEDUSA_BACKEND_URL,
        api_key=secret(settings.MEDUSA_API_KEY),
        email=settings.MEDUSA_EMAIL,
        password=secret(settings.MEDUSA_PASSWORD),
        attempts=attempts,
        patience=patience,
    )
