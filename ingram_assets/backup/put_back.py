"""Puts a backup back into empty databases, and tells the shop that the store may know more than it does."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from ingram_assets.backup import client_tools
from ingram_assets.backup.archive import Archive, Manifest
from ingram_assets.backup.databases import OwnDatabase, clock_of, empty_servers, made_empty
from ingram_assets.backup.own_files import Told, put_files_back
from ingram_assets.backup.take import every_few_seconds
from ingram_assets.defs.backups import note_backup
from ingram_assets.defs.keys import AT_WORK_AT_BACKUP_TAG
from ingram_assets.defs.runs_at_work import NOT_FINISHED
from ingram_assets.doctor.whose_database import whose_else
from ingram_assets.domain.backups import NotedBackup
from ingram_assets.domain.failures import IngramError, NeedsPerson
from ingram_assets.domain.formatting import size
from ingram_assets.runtime.instance import dagster_instance, told_if_away
from ingram_assets.runtime.processes import AlreadyRunning, Supervisor
from ingram_assets.settings.base import secret
from ingram_assets.settings.owner import BackupSettings
from ingram_assets.settings.shared import CommonSettings
from ingram_assets.staging import schema
from ingram_assets.staging.schema import MigrationResult
from ingram_assets.store import journal_schema
from ingram_assets.store.journal import Journal

ORDER = ("queue", "journal", "dagster")
"""What is looked at first by the rest is put back first."""
_UNDER_WAY = "It was at work when the backup was made that was restored, and is not begun anew."


@dataclass(slots=True)
class PutBack:
    """What was restored.

    Attributes:
        manifest: of the archive.
        databases: "queue", "journal" and "dagster" to where they are now.
        created_roles: the queue's roles that were made here, and have no password yet.
        canceled: ids of the runs that were at work when the backup was made.
        notes: what became of the files, and what else a person should know.
    """

    manifest: Manifest
    databases: dict[str, str] = field(default_factory=dict)
    created_roles: tuple[str, ...] = ()
    canceled: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@contextmanager
def nobody_at_work(common: CommonSettings) -> Iterator[None]:
    """Keeps `ingram up` of this machine from being started, until the block ends.

    One on another machine has tables in these databases, which are not empty then.

    Raises:
        NeedsPerson: it is at work.
    """
    try:
        supervisor = Supervisor(common.state_dir / "up")
        supervisor.__enter__()
    except AlreadyRunning as error:
        raise NeedsPerson(
            f"ingram up is at work here, and would write to what is restored: stop it first. ({error})"
        ) from None
    try:
        yield
    finally:
        supervisor.__exit__(None, None, None)


class Restoring:
    """A restore of a sound archive into empty databases: all that can be looked at before was.

    Args:
        databases: the targets.
        told: is told what is done.

    Raises:
        NeedsPerson: the archive is damaged, or of a newer program; a database is not empty; a program of
            PostgreSQL's is missing.
        Transient: a database can't be reached.
    """

    def __init__(self, archive: Archive, databases: Sequence[OwnDatabase], told: Told) -> None:
        self._archive, self._told = archive, told
        self._targets = {one.name: one for one in databases}
        manifest = archive.manifest
        _check_versions(archive.path, manifest)
        servers = empty_servers(databases)
        for one in databases:
            dump = manifest.databases[one.name]
            if servers[one.server.name] < dump.server:
                raise NeedsPerson(
                    f"{one.server.name} runs PostgreSQL {servers[one.server.name]}, and the backup is of "
                    f"{dump.server}: restore into a server of that version or a newer one."
                )
        newest = max(one.tool for one in manifest.databases.values())
        self._tools = client_tools.to_restore(newest, servers)
        archive.check(every_few_seconds("checksums", told))
        told(f"{archive.path}: all {len(manifest.parts)} parts are as they were written.")
        for one in databases:
            dump, tool = manifest.databases[one.name], self._tools[one.server.name]
            if else_is := whose_else(client_tools.tables_in(tool, archive.read(dump)), one.whose):
                raise NeedsPerson(
                    f"{archive.path}: {dump.name}, for {one.words}, {else_is}. "
                    "Nothing was restored. Take another backup."
                )

    @property
    def targets(self) -> str:
        """Where it goes, for a person."""
        return ", ".join(self._targets[name].server.name for name in ORDER)

    def run(
        self, settings: BackupSettings, common: CommonSettings, migrate: Callable[[], MigrationResult]
    ) -> PutBack:
        """Restore all of it.

        Args:
            migrate: brings the queue to this version, and gives its roles their rights.

        Raises:
            IngramError: something failed; says which databases are filled by then, and how they are emptied.
        """
        done = PutBack(self._archive.manifest)
        try:
            self._fill("queue", done)
            migrated = migrate()
            done.created_roles = migrated.created_roles
            done.notes += migrated.notes
            self._fill("journal", done)
            with Journal(secret(settings.STOREFRONT_DB_URL) or "") as journal:
                journal.restored(done.manifest.made_at)
            self._fill("dagster", done)
            done.canceled = _take_up(common, self._archive, self._targets["dagster"])
        except IngramError as error:
            raise NeedsPerson(f"{error}{self._left(done.databases)}") from None
        except KeyboardInterrupt:
            if left := self._left(done.databases):
                self._told(left.strip())
            raise
        done.notes += put_files_back(self._archive)
        return done

    def _fill(self, name: str, done: PutBack) -> None:
        target, part = self._targets[name], self._archive.manifest.databases[name]
        told, count = every_few_seconds(target.words, self._told), 0
        with client_tools.restore(self._tools[target.server.name], target.server) as sink:
            for chunk in self._archive.read(part):
                sink.write(chunk)
                told(count := count + len(chunk))
        done.databases[name] = target.server.name
        self._told(f"{target.words}: {size(part.bytes)} into {target.server.name}")

    def _left(self, filled: Mapping[str, str]) -> str:
        """What a restore that did not come to its end leaves, and what to do before another one."""
        if not filled:
            return ""
        what = " ".join(
            f"{self._targets[name].words} is restored in {where} already: before another restore, "
            f"{_small(made_empty(self._targets[name]))}"
            for name, where in filled.items()
        )
        return f" {what[:1].upper()}{what[1:]}"


def _small(sentence: str) -> str:
    return f"{sentence[:1].lower()}{sentence[1:]}"


def _check_versions(path: Path, manifest: Manifest) -> None:
    """Refuse what a newer program left; what an older one left is brought up to date.

    Raises:
        NeedsPerson: names what is newer.
    """
    if missing := [name for name in ORDER if name not in manifest.databases]:
        raise NeedsPerson(f"{path} has no {' and no '.join(missing)} in it. Take another backup.")
    knows = {"queue": schema.knows, "journal": journal_schema.knows}
    newer = [
        f"the {name}'s tables are at version {manifest.databases[name].version}"
        for name, known in knows.items()
        if not known(manifest.databases[name].version)
    ]
    for called, theirs in (("ingram-assets", manifest.program), ("dagster", manifest.dagster)):
        if _numbers(theirs) > _numbers(ours := version(called)):
            newer.append(f"its {called} is {theirs}, and this one {ours}")
    if newer:
        raise NeedsPerson(
            f"{path} is of a newer program than this one ({'; '.join(newer)}): install ingram-assets "
            f"{manifest.program} or newer, and restore with it."
        )


def _numbers(words: str) -> tuple[int, ...]:
    return tuple(int(part) for part in words.split(".")[:3] if part.isdecimal())


def _take_up(common: CommonSettings, archive: Archive, dagster: OwnDatabase) -> list[str]:
    """Bring Dagster's tables to this version, and cancel what was queued or at work; the runs' ids.

    None of it is at work any more. What was queued would begin now, an undo of last week's among it. All that
    is here now is in the archive: it counts as the last backup from now on.
    """
    import dagster as dg

    manifest = archive.manifest
    with told_if_away(), dagster_instance(common) as instance:
        if manifest.dagster != version("dagster"):
            instance.upgrade()
        runs = instance.get_runs(dg.RunsFilter(statuses=NOT_FINISHED))
        for run in runs:
            instance.add_run_tags(run.run_id, {AT_WORK_AT_BACKUP_TAG: "true"})
            instance.report_run_canceled(run, _UNDER_WAY)
        count = archive.path.stat().st_size
        note_backup(instance, NotedBackup(clock_of(dagster), "restored", count, manifest.program))
        return [run.run_id for run in runs]
