"""Who is signed in: sessions, kept in the journal's database, and remembered while that is away."""

import base64
import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import anyio

from ingram_assets.domain.failures import NeedsPerson
from ingram_assets.store.journal_connections import JournalLost, JournalPool

IDLE_END = timedelta(hours=12)
"""So long after its last request a session ends."""

LATEST_END = timedelta(days=7)
"""So long after its sign-in a session ends, used or not."""

REMEMBERED = timedelta(minutes=5)
"""So long a session goes on that can't be looked up: the journal's database is away, and pages say so.

Whoever was signed out elsewhere meanwhile, or is an admin no more, is here for so long at most.
"""

LONGEST_LOOK = 5.0
"""Seconds that a person's request waits for the database; then that is as good as away."""

PAUSE_SECONDS = 5.0
"""So long nobody waits for a database again that did not answer."""

Answer = TypeVar("Answer")

_FORM = re.compile(r"[0-9A-Za-z_-]{43}")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is signed in: an admin user of Medusa, by their id there. The name may be empty."""

    id: str
    email: str
    name: str


@dataclass(frozen=True, slots=True)
class DeskSession:
    """A person's session in one browser.

    Attributes:
        csrf: what each of its forms has to send: no other site can know it.
    """

    person: Person
    csrf: str


class SessionStore(JournalPool):
    """The sessions, in the journal's database. It may be shared by threads.

    The text that a browser sends is kept nowhere, only its hash: who reads the table can't sign in with it.
    """

    def __init__(self, url: str) -> None:
        told = "Try again once it is back."
        super().__init__(url, 4, wait_seconds=3.0, consequence=told, connect_seconds=3)

    def make(self, person: Person) -> str:
        """A new session. Returns the text that the browser sends; nobody can tell it again."""
        text = secrets.token_urlsafe(32)
        self._run(
            "DELETE FROM desk_session WHERE ends_at < clock_timestamp() OR seen_at < clock_timestamp() - %s",
            [IDLE_END],
        )
        self._run(
            "INSERT INTO desk_session (hash, person_id, email, name, ends_at)"
            " VALUES (%s, %s, %s, %s, clock_timestamp() + %s)",
            [_hash(text), person.id, person.email, person.name, LATEST_END],
        )
        return text

    def find(self, text: str) -> DeskSession | None:
        """The session of a text; `None`: it has ended, or there was none."""
        rows = self._run(
            "SELECT person_id, email, name, seen_at < clock_timestamp() - interval '1 minute'"
            " FROM desk_session"
            " WHERE hash = %s AND ends_at > clock_timestamp() AND seen_at > clock_timestamp() - %s",
            [_hash(text), IDLE_END],
        )
        if not rows:
            return None
        *person, seen_before = rows[0]
        if seen_before:
            self._note("UPDATE desk_session SET seen_at = clock_timestamp() WHERE hash = %s", [_hash(text)])
        return DeskSession(Person(*person), _csrf(text))

    def end(self, text: str) -> None:
        """Ends one session. Again is no harm."""
        self._run("DELETE FROM desk_session WHERE hash = %s", [_hash(text)])

    def end_all_of(self, person_id: str) -> None:
        """Ends all sessions of a person, in every browser."""
        self._run("DELETE FROM desk_session WHERE person_id = %s", [person_id])

    def people(self) -> set[str]:
        """Ids of those who have a session."""
        return {row[0] for row in self._run("SELECT DISTINCT person_id FROM desk_session")}


class SignedIn:
    """Looks sessions up, and remembers them for when their database is away.

    Pages are to say then what is away, with what they last knew: so whoever was signed in stays so for a
    while. What was ended meanwhile is ended here, too, as far as it went through this desk.

    Args:
        sessions: where they are kept.
        renew: has that opened anew: nothing may ever come back on its connections.
    """

    def __init__(
        self, sessions: Callable[[], SessionStore], renew: Callable[[], None] = lambda: None
    ) -> None:
        self._sessions, self._renew = sessions, renew
        self._known: dict[str, tuple[DeskSession, float]] = {}
        """By its text's hash: a session, and until when it may be used without being looked up."""
        self._away_until = 0.0

    def find(self, text: str) -> DeskSession | None:
        """The session of a text; `None`: it has ended, or is none.

        Raises:
            JournalLost, NeedsPerson: it can't be looked up, and is not remembered.
        """
        if not _FORM.fullmatch(text):
            return None
        key = _hash(text)
        if time.monotonic() < self._away_until:
            return self._remembered(key)
        try:
            found = self._sessions().find(text)
        except (JournalLost, NeedsPerson):
            self.is_away()
            return self._remembered(key)
        self._known.pop(key, None)
        if found is not None:
            self._known[key] = (found, time.monotonic() + REMEMBERED.total_seconds())
            while len(self._known) > 1000:
                self._known.pop(next(iter(self._known)))
        return found

    async def promptly(self, call: Callable[..., Answer], *arguments: str | Person) -> Answer:
        """What a method of this answers, in a thread that nobody waits for long.

        Raises:
            JournalLost: the database took its time, or is away.
            NeedsPerson: it can't be used.
        """
        with anyio.move_on_after(LONGEST_LOOK):
            return await anyio.to_thread.run_sync(call, *arguments, abandon_on_cancel=True)
        self.is_away()
        self._renew()
        raise JournalLost("The journal's database takes too long.")

    def is_away(self) -> None:
        """The database did not answer: for some seconds nobody waits for it."""
        self._away_until = time.monotonic() + PAUSE_SECONDS

    def _remembered(self, key: str) -> DeskSession:
        session, until = self._known.get(key, (None, 0.0))
        if session is None or until < time.monotonic():
            raise JournalLost("The journal's database is away, and with it who is signed in.")
        return session

    def make(self, person: Person, instead_of: str) -> str:
        """A new session, never one that was there before the sign-in. As `SessionStore.make`."""
        self.end(instead_of)
        return self._sessions().make(person)

    def end(self, text: str) -> None:
        """Ends one session. Raises JournalLost, NeedsPerson: it did not end."""
        if _FORM.fullmatch(text):
            self._sessions().end(text)
            self._known.pop(_hash(text), None)

    def end_all_of(self, person_id: str) -> None:
        """Ends all sessions of a person. Raises JournalLost, NeedsPerson: they did not end."""
        self._sessions().end_all_of(person_id)
        for key, (session, _) in list(self._known.items()):
            if session.person.id == person_id:
                self._known.pop(key, None)

    def people(self) -> set[str]:
        """Ids of those who have a session. Raises JournalLost, NeedsPerson."""
        return self._sessions().people()


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _csrf(text: str) -> str:
    # Of the session's own text, which is random and which the browser keeps from scripts: no table needed.
    made = hmac.digest(text.encode(), b"the desk's forms", "sha256")
    return base64.urlsafe_b64encode(made).rstrip(b"=").decode()
