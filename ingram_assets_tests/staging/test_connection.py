"""Connections: TLS as the URL says, lost ones made anew, and each failure named without the password."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
import trustme
from psycopg_pool import PoolTimeout

from ingram_assets.domain.failures import IngramError, NeedsPerson, Transient
from ingram_assets.postgres import Server, failure
from ingram_assets.staging.reader import QueueReader
from ingram_assets.staging.schema import migrate
from ingram_assets.staging.writer import QueueWriter
from ingram_assets_tests.testing.queue import (
    PASSWORD,
    READER,
    WRITER,
    Queue,
    outcomes,
    read_only,
    reading,
    title,
)
from ingram_assets_tests.testing.tcp_proxy import Line
from ingram_demo.embedded.postgres import Postgres

SSL_REQUEST, GSS_REQUEST = 80877103, 80877104


@pytest.mark.parametrize(
    "error",
    [
        psycopg.OperationalError("connection refused"),
        psycopg.errors.QueryCanceled("canceling statement"),
        PoolTimeout("couldn't get a connection"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_may_pass_says_who_tries_again(error: psycopg.Error):
    """A command does not by itself; a run of the schedule does."""
    told = failure(error, Server("postgresql://u@127.0.0.1/queue"), "read the queue")
    assert isinstance(told, Transient)
    assert "Then run the command again; what runs on a schedule is tried again" in str(told)
    assert "tried again later" not in str(told)


def test_a_queue_that_takes_no_writes_is_said_to_and_may_pass(queue: Queue):
    with QueueReader(read_only(queue.reader)) as reader, QueueWriter(read_only(queue.writer)) as writer:
        assert not reader.takes_writes()
        told = "the database takes no writes: it is read-only, .* have QUEUE_DB_URL lead to"
        with pytest.raises(Transient, match=told):
            writer.add_titles([title(1)])
    with QueueReader(queue.reader) as reader:
        assert reader.takes_writes()


class TlsFront:
    """A server that takes TLS in front of PostgreSQL, as a managed one's; the wheel's takes none."""

    def __init__(self, port: int, context: ssl.SSLContext) -> None:
        self._behind = port
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.sessions = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=self._serve, args=[self._listener.accept()[0]], daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError), client:
            while True:
                asked = int.from_bytes(client.recv(8)[4:], "big")
                if asked == SSL_REQUEST:
                    client.sendall(b"S")
                    break
                if asked != GSS_REQUEST:
                    return  # no TLS, no service
                client.sendall(b"N")
            with (
                self._context.wrap_socket(client, server_side=True) as inside,
                socket.create_connection(("127.0.0.1", self._behind)) as behind,
            ):
                self.sessions += 1
                back = threading.Thread(target=_pump, args=[behind, inside], daemon=True)
                back.start()
                _pump(inside, behind)
                back.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    for end in (source, sink):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def tls(postgres: Postgres, authority: trustme.CA) -> Iterator[TlsFront]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    front = TlsFront(postgres.port, context)
    yield front
    front.close()


def test_tls_as_the_url_says(
    queue: Queue, postgres: Postgres, tls: TlsFront, authority: trustme.CA, tmp_path: Path
) -> None:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    asked = f"?sslmode=verify-full&sslrootcert={tmp_path}/ca.pem"

    def through(url: str) -> str:
        return url.replace(f":{postgres.port}/", f":{tls.port}/") + asked

    migrate(through(queue.owner))
    assert tls.sessions == 1
    with QueueWriter(through(queue.writer)) as writer, QueueReader(through(queue.reader)) as reader:
        assert outcomes(writer.add_titles([title(1)])) == ["added"]
        assert len(reader.titles()) == 1
    assert tls.sessions > 2

    trustme.CA().cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with QueueWriter(through(queue.writer)) as writer, pytest.raises(NeedsPerson, match="certificate"):
        writer.add_titles([title(1)])


def test_a_url_that_asks_for_tls_is_not_served_without(queue: Queue) -> None:
    with QueueWriter(queue.writer + "?sslmode=require") as writer, pytest.raises(NeedsPerson, match="SSL"):
        writer.add_titles([title(1)])


def kill_sessions(queue: Queue, role: str) -> int:
    sessions = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = %s"
    return len(queue.sql(sessions, role))


def test_a_lost_connection_is_made_anew(queue: Queue, writer: QueueWriter, reader: QueueReader) -> None:
    writer.add_titles([title(1)])
    reader.titles()
    with ThreadPoolExecutor(4) as threads:  # so that several idle ones are lost at once
        list(threads.map(lambda number: writer.add_titles([title(number)]), range(2, 20)))
    assert kill_sessions(queue, WRITER) >= 1
    assert outcomes(writer.record_stock([reading(1)])) == ["first"]
    assert kill_sessions(queue, READER) >= 1
    assert len(reader.titles()) == 19


def test_a_connection_lost_in_the_middle_of_a_call(queue: Queue, writer: QueueWriter) -> None:
    """Killed while it waits for another writer; then the call is made again and goes in once."""
    writer.add_titles([title(1)])
    with psycopg.connect(queue.writer) as other, ThreadPoolExecutor(1) as threads:
        other.execute("SELECT * FROM ingram_record_unread('[]')")
        call = threads.submit(writer.record_stock, [reading(1)])
        waiting = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
        waiting += "WHERE wait_event = 'transactionid'"
        while not queue.sql(waiting):
            assert not call.done()
        other.commit()
        assert outcomes(call.result()) == ["first"]
    assert queue.sql("SELECT count(*) FROM ingram_stock_history") == [(1,)]


def test_a_connection_lost_twice_is_named(queue: Queue, writer: QueueWriter) -> None:
    calls = []

    def work(connection: psycopg.Connection) -> None:
        calls.append(connection)
        kill_sessions(queue, WRITER)
        connection.execute("SELECT 1")

    with pytest.raises(Transient, match=r"Could not try at 127\.0\.0\.1:\d+/queue_of_tests") as raised:
        writer.run("try", work)
    assert len(calls) == 2
    assert_tells_nothing(raised.value)


def test_a_statement_that_takes_too_long_is_ended(queue: Queue) -> None:
    with (
        psycopg.connect(queue.writer) as other,
        QueueWriter(queue.writer, statement_timeout=3) as writer,
        QueueWriter(queue.writer + "?options=-c%20statement_timeout%3D2000") as told_by_url,
    ):
        other.execute("SELECT * FROM ingram_record_unread('[]')")
        for each in (writer, told_by_url):
            with pytest.raises(Transient, match="longer than allowed"):
                each.add_titles([title(1)])
        other.commit()
        for each in (writer, told_by_url):
            assert outcomes(each.add_titles([title(1)]))


def test_a_server_that_hangs_in_the_middle_is_left(
    queue: Queue, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Only the silence is short: the statement timeout is also how long the pool waits for a connection.
    monkeypatch.setattr("ingram_assets.postgres.ANSWER_TIMEOUTS", 0.2)
    with (
        Line("127.0.0.1", postgres.port) as line,
        QueueWriter(line.through(queue.writer), statement_timeout=10) as writer,
    ):
        writer.add_titles([title(1)])
        trouble = line.make("hang", only=b"ingram_add_titles")
        with pytest.raises(Transient, match="add titles to the queue") as raised:
            writer.add_titles([title(2)])
        assert trouble.suffered == 2, "once more, as for a lost connection"
        assert_tells_nothing(raised.value)
        line.heal()
        assert outcomes(writer.add_titles([title(2)]))


def assert_tells_nothing(error: BaseException) -> None:
    told = ""
    link: BaseException | None = error
    while link is not None:
        told += f"{link!r} {link}"
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    for secret in (PASSWORD, "s3cret", "hidden"):
        assert secret not in told


@pytest.mark.parametrize(
    ("url", "kind", "named"),
    [
        (lambda q: q.writer.replace("s3cret", "hidden"), NeedsPerson, "password authentication failed"),
        (lambda q: q.writer.replace(WRITER, "nobody_known"), NeedsPerson, "password authentication failed"),
        (lambda q: q.writer.replace("queue_of_tests", "no_such"), NeedsPerson, "does not exist"),
        (lambda q: "postgresql://writer:hidden@127.0.0.1:1/queue", Transient, "127.0.0.1:1/queue"),
        (
            lambda q: "postgresql://writer:hidden@no-such-host.invalid/queue",
            Transient,
            "no-such-host.invalid",
        ),
        (lambda q: q.reader, NeedsPerson, "permission denied"),
    ],
)
def test_each_failure_is_named(
    queue: Queue, url: Callable[[Queue], str], kind: type[IngramError], named: str
) -> None:
    with QueueWriter(url(queue)) as writer, pytest.raises(kind, match=named) as raised:
        writer.add_titles([title(1)])
    assert_tells_nothing(raised.value)
    assert "s3cret" not in repr(writer)


@pytest.mark.parametrize(
    "url",
    ["postgresql://w:hidden@[::1/q", "postgresql://w:hid%zzden@h/q", "hidden", "postgresql://h/q?hidden=1"],
)
def test_a_url_that_can_not_be_read_is_refused_at_once(url: str) -> None:
    with pytest.raises(NeedsPerson, match="can't be read") as raised:
        QueueWriter(url)
    assert_tells_nothing(raised.value)


def test_sqlalchemys_spelling_of_a_url_is_read_too() -> None:
    assert (
        repr(Server("postgresql+psycopg://w:hidden@db.example:6543/queue")) == "Server(db.example:6543/queue)"
    )
    assert repr(Server("postgres://w:hidden@db.example/queue")) == "Server(db.example:5432/queue)"


def test_a_database_that_was_never_migrated_is_named(postgres: Postgres, database: str) -> None:
    with QueueWriter(database) as writer, pytest.raises(NeedsPerson, match="ingram queue migrate"):
        writer.add_titles([title(1)])
    with QueueReader(database) as reader, pytest.raises(NeedsPerson, match="ingram queue migrate"):
        reader.titles()


def test_the_writer_signed_in_as_reader_and_the_other_way(queue: Queue) -> None:
    with QueueReader(queue.writer) as reader, pytest.raises(NeedsPerson, match=WRITER):
        reader.titles()


def test_nothing_is_opened_before_the_first_call_and_nothing_stays_open(queue: Queue) -> None:
    def wait_for_sessions(number: int) -> None:
        while queue.sql(sessions, WRITER) != [(number,)]:  # a closed one is listed until its process ends
            time.sleep(0.05)

    sessions = "SELECT count(*) FROM pg_stat_activity WHERE usename = %s"
    wait_for_sessions(0)
    with QueueWriter(queue.writer) as writer:
        assert queue.sql(sessions, WRITER) == [(0,)]
        writer.add_titles([title(1)])
        wait_for_sessions(1)
    wait_for_sessions(0)
    writer.close()
