"""The desk as a process: with the storefront's settings, until it is stopped."""

import logging

import uvicorn

from ingram_assets.desk.app import make_app
from ingram_assets.desk.backroom import Backroom
from ingram_assets.settings.base import secret
from ingram_assets.settings.shared import CommonSettings
from ingram_assets.settings.storefront import StorefrontSettings
from ingram_assets.store.client import MedusaClient


def serve(settings: StorefrontSettings, common: CommonSettings, *, host: str, port: int) -> None:
    """Answer until SIGINT or SIGTERM.

    Raises:
        NeedsPerson: the address of the journal or Medusa's key is malformed.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    for chatty in ("httpx", "websockets"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    client = MedusaClient(
        settings.MEDUSA_BACKEND_URL,
        api_key=secret(settings.MEDUSA_API_KEY),
        email=settings.MEDUSA_EMAIL,
        password=secret(settings.MEDUSA_PASSWORD),
    )
    room = Backroom(client, settings.STOREFRONT_DB_URL.get_secret_value(), low=settings.LOW_STOCK_THRESHOLD)
    app = make_app(
        room,
        per_minute=settings.DESK_REQUESTS_PER_MINUTE,
        desk_url=settings.DESK_URL,
        dagster_url=common.INGRAM_UI_URL,
        time_zone=common.STORE_TIME_ZONE,
    )
    uvicorn.run(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        # Else uvicorn believes whoever asks from this machine, or what its own variable names.
        proxy_headers=bool(settings.DESK_PROXIES),
        forwarded_allow_ips=list(settings.DESK_PROXIES),
        # An open page of Dagster's is no reason to stay.
        timeout_graceful_shutdown=5,
    )
