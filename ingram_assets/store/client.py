"""The one way to Medusa's Admin API: sign-in, keep-alive, retries, and every failure sorted once."""

import base64
import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Self, TypeVar
from urllib.parse import quote, urlsplit

import httpx
import stamina

from ingram_assets.domain.addresses import is_this_machine
from ingram_assets.domain.failures import IngramError, NeedsPerson, NothingWritten, Permanent, Transient
from ingram_assets.retries import log_retries

Sent = TypeVar("Sent")

KEEPALIVE_EXPIRY = 4.0
"""Seconds. Medusa closes a connection idle for 5 s; one reused after that breaks, so ours go first."""

SKUS_PER_REQUEST = 500
"""A URL of some 700 `sku[]` is as long as Node takes (16 KiB with the headers); half of 1,000 stays clear."""

VALUES_LIMIT = 11_000
"""Bytes of a URL that name what is asked for: 500 SKUs, or 300 of Medusa's ids, which are longer."""

BODY_LIMIT = 1_500_000
"""Bytes of one batch. Medusa's batch routes refuse 2 MB."""


class MedusaError(IngramError):
    """A request that failed. Also one of Permanent, Transient or NeedsPerson, by what there is to do.

    `status`: `None` where no answer came; `body`: of the answer, or what came instead.
    """

    def __init__(self, method: str, path: str, status: int | None, detail: str, body: str = "") -> None:
        self.method, self.path, self.status, self.detail, self.body = method, path, status, detail, body
        super().__init__(self._sentence())

    def _sentence(self) -> str:
        path = self.path if len(self.path) <= 160 else self.path[:159] + "…"
        answer = f"answered {self.status}" if self.status else "got no answer"
        return f"{self.method} {path} {answer}: {self.detail}"


class MedusaRefused(MedusaError, Permanent):
    """A 4xx: Medusa will refuse it again. The message has Medusa's words."""


class Unavailable(MedusaError, Transient):
    """No answer or a 5xx, after the retries there are for it, or a 429: try again later.

    Attributes:
        hopeless: a 500 that came twice. Medusa says it for a row that its database refuses, too.
    """

    hopeless = False


class SignInRefused(MedusaError, NeedsPerson):
    """Wrong e-mail, password or key, or a user without the right."""

    def _sentence(self) -> str:
        return (
            f"{super()._sentence().rstrip('.')}. Check MEDUSA_API_KEY, or MEDUSA_EMAIL and MEDUSA_PASSWORD."
        )


class MedusaClient:
    """A session with one Medusa. Use it as a context manager; it may be shared by threads.

    Give a secret API key, or the e-mail and password of an admin user. A request with a key costs the
    server 75 to 90 ms of hashing, one with a user's token 6 to 8: what this package sends is batched.

    Args:
        attempts: tries of one request.
        patience: seconds that an answer may take.

    Attributes:
        reads, writes: requests that Medusa answered with success, sign-in left out.
        on_failure: called with every failed attempt, retried or not.
        read_only: why no write may be sent, and what a person does about it; `None`: it may.
        before_write: called before each attempt of a write; what it raises keeps it from being sent.
    """

    def __init__(
        self,
        base_url: str,
        *,
        api_key: str | None = None,
        email: str | None = None,
        password: str | None = None,
        attempts: int = 5,
        patience: float = 60.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        if not api_key and not (email and password):
            raise NeedsPerson(
                "Medusa needs MEDUSA_API_KEY, or MEDUSA_EMAIL and MEDUSA_PASSWORD: neither is set."
            )
        log_retries()
        self.base_url = base_url.rstrip("/")
        self._api_key, self._email, self._password = api_key, email, password
        self.token: str | None = None
        """Of the last sign-in. Without one, or where Medusa no longer takes it, the client signs in."""
        self._sign_in_lock = threading.Lock()
        self._count_lock = threading.Lock()
        self._attempts = attempts
        self._http = httpx.Client(
            base_url=self.base_url,
            timeout=httpx.Timeout(patience, connect=min(patience, 10.0)),
            limits=httpx.Limits(max_keepalive_connections=8, keepalive_expiry=KEEPALIVE_EXPIRY),
            headers={"accept": "application/json", "content-type": "application/json"},
            transport=transport,
            # The environment's proxy, which never leads to this machine, whatever NO_PROXY says.
            trust_env=not is_this_machine(urlsplit(self.base_url).hostname or ""),
        )
        self.reads = 0
        self.writes = 0
        self.on_failure: Callable[[MedusaError], None] | None = None
        self.read_only: str | None = None
        self.before_write: Callable[[], None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    @contextmanager
    def reporting(self, on_failure: Callable[[MedusaError], None]) -> Iterator[None]:
        """Within the block every failed attempt goes to `on_failure`."""
        before, self.on_failure = self.on_failure, on_failure
        try:
            yield
        finally:
            self.on_failure = before

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The JSON of a read. List values become `name[]=…`, which is how Medusa takes several."""
        return self._send("GET", path + _query(params))

    def post(
        self, path: str, body: Mapping[str, Any], params: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """The JSON answer to a write."""
        return self._send("POST", path + _query(params), body)

    def delete(self, path: str) -> dict[str, Any]:
        """The JSON answer to a deletion."""
        return self._send("DELETE", path)

    def admin_page(self) -> str | None:
        """The address of Medusa's admin; `None`: it is not served here. A shop may have it elsewhere."""
        try:
            answer = self._http.get("/app", headers={"accept": "text/html"}, timeout=5, follow_redirects=True)
        except httpx.HTTPError:
            return None
        is_page = answer.is_success and "text/html" in answer.headers.get("content-type", "")
        return f"{self.base_url}/app" if is_page else None

    def clock(self) -> datetime | None:
        """What time it is at Medusa, whatever else it answers; `None`: it does not tell."""
        try:
            return parsedate_to_datetime(
                self._http.get("/health", timeout=5).headers.get("date", "")
            ).astimezone(UTC)
        except (httpx.HTTPError, ValueError):
            return None

    def list_all(
        self, path: str, key: str, params: Mapping[str, Any] | None = None, page: int = 1000
    ) -> list[Any]:
        """Every row of a list, whatever Medusa's own default limit."""
        rows: list[Any] = []
        while True:
            answer = self.get(path, {**(params or {}), "limit": page, "offset": len(rows)})
            rows += answer[key]
            if not answer[key] or len(rows) >= answer["count"]:
                return rows

    def list_matching(
        self, path: str, key: str, field: str, values: Sequence[str], params: Mapping[str, Any]
    ) -> list[Any]:
        """Every row whose `field` is one of `values`, asked for in as few URLs as they fit into."""
        rows: list[Any] = []
        for some in _packed(
            values, SKUS_PER_REQUEST, VALUES_LIMIT, lambda value: len(_query({field: [value]}))
        ):
            rows += self.list_all(path, key, {**params, field: some}, page=4 * SKUS_PER_REQUEST)
        return rows

    def _send(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        if self.read_only and method != "GET":
            raise NothingWritten(self.read_only)
        renewed = False
        for attempt in stamina.retry_context(
            on=_worth_another_try, attempts=self._attempts, timeout=90.0, wait_initial=0.1, wait_max=5.0
        ):
            with attempt:
                try:
                    answer = self._once(method, path, body)
                except SignInRefused as error:
                    # A token lasts 24 h: a 401 is its end, once. A key does not end by itself.
                    if self._api_key or renewed or error.status != 401 or error.path.startswith("/auth/"):
                        raise
                    renewed = True
                    self.token = None
                    answer = self._once(method, path, body)
                except Unavailable as error:
                    error.hopeless = attempt.num > 1 and error.status == 500
                    raise
        with self._count_lock:
            if method == "GET":
                self.reads += 1
            else:
                self.writes += 1
        return answer

    def _once(self, method: str, path: str, body: Mapping[str, Any] | None) -> dict[str, Any]:
        headers = {"authorization": self._authorization()}
        if self.before_write and method != "GET":
            self.before_write()
        return self._exchange(method, path, body, headers)

    def _exchange(
        self, method: str, path: str, body: Mapping[str, Any] | None, headers: dict[str, str]
    ) -> dict[str, Any]:
        content = None if body is None else _encode(body)
        try:
            response = self._http.request(method, path, content=content, headers=headers)
        except httpx.LocalProtocolError as error:
            # Its text may quote a header, and one holds the key. So may the error that it comes from.
            if not str(error).startswith("Illegal header"):
                raise Unavailable(method, path, None, "The connection was not in order.") from None
            raise NeedsPerson(
                "What signs us in to Medusa can't be sent, since it has a sign that no key has: copy "
                "MEDUSA_API_KEY anew."
            ) from None
        except httpx.RequestError as error:
            right = f"Is Medusa running at {self.base_url}, and is MEDUSA_BACKEND_URL right?"
            words = f"{type(error).__name__} ({error}). {right}"
            raise self._reported(Unavailable(method, path, None, words, repr(error))) from error
        return self._judge(method, path, response)

    def _judge(self, method: str, path: str, response: httpx.Response) -> dict[str, Any]:
        """The one place where an answer is sorted: success, or what to do about it."""
        if response.is_success and isinstance(answer := _json(response), dict):
            return answer
        kind: type[MedusaError] = MedusaRefused
        status = response.status_code
        if status in (401, 403):
            kind = SignInRefused
        # A success without Medusa's JSON is some other server's page: no word of Medusa's against the title.
        elif status >= 500 or status in (408, 429) or response.is_success:
            kind = Unavailable
        raise self._reported(kind(method, path, status, _medusas_words(response), response.text))

    def _reported(self, error: MedusaError) -> MedusaError:
        if self.on_failure:
            self.on_failure(error)
        return error

    def _authorization(self) -> str:
        if self._api_key:
            return "Basic " + base64.b64encode(f"{self._api_key}:".encode()).decode()
        with self._sign_in_lock:
            if self.token is None:
                self.token = self._sign_in()
            return f"Bearer {self.token}"

    def _sign_in(self) -> str:
        path, who = "/auth/user/emailpass", {"email": self._email, "password": self._password}
        token = self._exchange("POST", path, who, {}).get("token")
        if not isinstance(token, str):
            raise SignInRefused("POST", path, 200, "Medusa gave no token.")
        return token


_IN_TROUBLE = 5
"""So many single rows answered with 500, and none accepted: it is Medusa, not the rows."""


def _worth_another_try(error: Exception) -> bool:
    if not isinstance(error, Unavailable) or error.hopeless:
        return False
    return error.status is None or error.status >= 500


def _encode(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"), default=str).encode()


def _query(params: Mapping[str, Any] | None) -> str:
    """The query string. Brackets stay as they are: encoded, 500 SKUs would not fit into a URL."""
    pairs: list[tuple[str, str]] = []
    for name, value in (params or {}).items():
        if isinstance(value, (list, tuple)):
            pairs += [(f"{name}[]", str(each)) for each in value]
        elif value is not None:
            pairs.append((name, str(value)))
    return "?" + "&".join(f"{name}={quote(value, safe=',.*:[]')}" for name, value in pairs) if pairs else ""


def _json(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return None


def _medusas_words(response: httpx.Response) -> str:
    """What Medusa said of a failure; for an answer that is not Medusa's, what it looks like."""
    answer = _json(response)
    if isinstance(answer, dict) and isinstance(message := answer.get("message"), str):
        return message
    if response.is_success or response.is_redirect or "html" in response.headers.get("content-type", ""):
        return "This is not an answer of Medusa's Admin API. Is MEDUSA_BACKEND_URL the back end's address?"
    return response.text[:300] or "no message"


def batches(
    items: Sequence[Sent], count: int, as_sent: Callable[[Sent], Any] = lambda item: item
) -> Iterator[Sequence[Sent]]:
    """`items` in order, at most `count` of them and `BODY_LIMIT` bytes of JSON at a time."""
    return _packed(items, count, BODY_LIMIT, lambda item: len(_encode({"": as_sent(item)})))


def _packed(
    items: Sequence[Sent], count: int, room: int, size: Callable[[Sent], int]
) -> Iterator[list[Sent]]:
    """`items` in order, at most `count` of them at a time and no more than there is `room` for."""
    some: list[Sent] = []
    used = 0
    for item in items:
        more = size(item)
        if some and (len(some) >= count or used + more > room):
            yield some
            some, used = [], 0
        some.append(item)
        used += more
    if some:
        yield some


def send_splitting(items: Sequence[Sent], send: Callable[[Sequence[Sent]], None]) -> dict[int, MedusaError]:
    """Sends a batch that Medusa takes or refuses as a whole, halving it until the bad ones are alone.

    Returns:
        Position in `items` to the error of each that failed; all others were accepted. A failure that
        is not about the items (signed out, no answer, 500 to whatever is sent) is raised.
    """
    failed: dict[int, MedusaError] = {}
    accepted = 0

    def attempt(start: int, stop: int) -> None:
        nonlocal accepted
        try:
            send(items[start:stop])
            accepted += stop - start
        except (MedusaRefused, Unavailable) as error:
            if isinstance(error, Unavailable) and not error.hopeless:
                raise
            if stop - start == 1:
                failed[start] = error
                in_trouble = all(isinstance(each, Unavailable) for each in failed.values())
                if not accepted and in_trouble and len(failed) >= _IN_TROUBLE:
                    raise
                return
            middle = (start + stop) // 2
            attempt(start, middle)
            attempt(middle, stop)

    if items:
        attempt(0, len(items))
    return failed
