"""The desk as a process: with the storefront's settings, until it is stopped."""

import logging

import uvicorn

from ingram_assets.desk.app import make_app
from ingram_assets.desk.backroom import Backroom
from ingram_assets.settings.base import secret
from ingram_assets.settings.storefront import StorefrontSettings
from ingram_assets.store.client import MedusaClient


def serve(settings: StorefrontSettings, *, host: str, port: int) -> None:
    """Answer until SIGINT or SIGTERM.

    Raises:
        NeedsPerson: the address of the journal or Medusa's key is malformed.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    client = MedusaClient(
        settings.MEDUSA_BACKEND_URL,
        api_key=secret(settings.MEDUSA_API_KEY),
        email=settings.MEDUSA_EMAIL,
        password=secret(settings.MEDUSA_PASSWORD),
    )
    room = Backroom(client, settings.STOREFRONT_DB_URL.get_secret_value(), low=settings.LOW_STOCK_THRESHOLD)
    app = make_app(room, per_minute=settings.DESK_REQUESTS_PER_MINUTE)
    uvicorn.run(
        app, host=host, port=port, log_config=None, access_log=False, server_header=False, date_header=True
    )
