"""What the desk works with: the store, its ledger and its tokens, opened when first asked for."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ingram_assets.desk.people.sessions import SessionStore
from ingram_assets.store.client import MedusaClient
from ingram_assets.store.inventory.ledger import StockLedger
from ingram_assets.store.inventory.listing import EntryList
from ingram_assets.store.inventory.service import InventoryService
from ingram_assets.store.journal import Journal
from ingram_assets.store.journal_connections import JournalLost
from ingram_assets.store.tokens import TokenStore


class StoreAccess:
    """The store, and what is kept of it. It may be shared by threads.

    The desk has to start, and to come back, whether its database is there or not: so nothing is opened before
    it is needed, and the journal, which has one connection, is opened anew after it was lost.

    Attributes:
        low: LOW_STOCK_THRESHOLD.
    """

    def __init__(self, client: MedusaClient, journal_url: str, *, low: int) -> None:
        self.client, self.low = client, low
        self.entries = EntryList(client)
        self._url = journal_url
        self._lock = threading.Lock()
        self._tokens: TokenStore | None = None
        self._sessions: SessionStore | None = None
        self._ledger: StockLedger | None = None
        self._journal: Journal | None = None
        self._service: InventoryService | None = None

    def tokens(self) -> TokenStore:
        """The tokens. Raises NeedsPerson, JournalLost: their database can't be used."""
        with self._lock:
            if self._tokens is None:
                self._tokens = TokenStore(self._url)
            return self._tokens

    def sessions(self) -> SessionStore:
        """Who is signed in. Raises NeedsPerson, JournalLost: their database can't be used."""
        with self._lock:
            if self._sessions is None:
                self._sessions = SessionStore(self._url)
            return self._sessions

    def renew_sessions(self) -> None:
        """Have who is signed in looked up over new connections: the old ones hang."""
        hanging, self._sessions = self._sessions, None
        if hanging is not None:
            # It waits for its own threads.
            threading.Thread(target=hanging.close, name="hanging-sessions", daemon=True).start()

    @contextmanager
    def working(self) -> Iterator[InventoryService]:
        """The operations. Raises NeedsPerson, JournalLost: the journal's database can't be used."""
        with self._lock:
            if self._ledger is None:
                self._ledger = StockLedger(self._url)
            if self._service is None:
                self._journal = Journal(self._url)
                self._service = InventoryService(self.client, self._journal, self._ledger)
            service = self._service
        try:
            yield service
        except JournalLost:
            self.lost()
            raise

    def lost(self) -> None:
        """The journal was lost: whoever comes next opens it anew."""
        with self._lock:
            if self._journal is not None:
                self._journal.close()
            self._journal = self._service = None

    def close(self) -> None:
        """Closes all connections."""
        self.lost()
        for each in (self.client, self._tokens, self._sessions, self._ledger):
            if each is not None:
                each.close()
