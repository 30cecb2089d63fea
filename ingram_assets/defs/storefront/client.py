"""The store's client, made from the settings; without Dagster, so that commands that only look start fast."""

from ingram_assets.settings.base import secret
from ingram_assets.settings.storefront import StorefrontSettings
from ingram_assets.store.client import MedusaClient


def medusa_client(settings: StorefrontSettings) -> MedusaClient:
    """A client of the store that the settings name. Use as a context manager."""
    return MedusaClient(
        settings.MEDUSA_BACKEND_URL,
        api_key=secret(settings.MEDUSA_API_KEY),
        email=settings.MEDUSA_EMAIL,
        password=secret(settings.MEDUSA_PASSWORD),
    )
