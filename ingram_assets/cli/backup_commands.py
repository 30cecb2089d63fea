"""`ingram backup` and `ingram restore`: the shop's own databases and files in one archive, and back."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ingram_assets.cli.common import SOME_FAILED, fail, is_to_ask, print_json, with_json
from ingram_assets.cli.terminal import one_line, say

if TYPE_CHECKING:
    from ingram_assets.backup.put_back import PutBack
    from ingram_assets.backup.take import TakenBackup
    from ingram_assets.settings.owner import BackupSettings

NOT_OURS = (
    "Not in it: Medusa's own database and the bucket with the covers, whose backups are their own; and "
    "these, which hold secrets: keep them elsewhere, as in a password manager: {secret}."
)


@click.command()
@click.argument("where", metavar="FOLDER|FILE", type=click.Path(path_type=Path))
@with_json
def backup(where: Path, as_json: bool) -> None:
    r"""Write a backup of the shop's own databases and files: one archive, whole or not at all.

    The queue, the storefront's journal and Dagster's database, all as of one moment, while the shop is at
    work; and site.toml, labels.csv and categories.csv, where the settings name them. In a folder it gets a
    name with its time. Nobody else may read it. That it was taken is noted: `ingram status` says how old the
    last one is, and somebody is told when it is two days old.

    Not in it are Medusa's own database, the bucket, and the .env files. Needs QUEUE_OWNER_DB_URL, and pg_dump
    of the servers' version or a newer one.

    \b
    ingram backup /mnt/backups
    ingram backup shop.zip
    ingram backup /mnt/backups --json      in a crontab; exit code 0 is a whole backup
    """
    from datetime import UTC, datetime

    from ingram_assets.backup.databases import own_databases
    from ingram_assets.backup.noted import note_taken
    from ingram_assets.backup.own_files import own_files
    from ingram_assets.backup.take import place_of, take_backup

    path = place_of(where, datetime.now(UTC))
    databases = own_databases(_settings())
    taken = take_backup(path, databases, own_files(), _progress)
    _tell_taken(taken, as_json)
    if why_not := note_taken(taken):
        say(one_line(why_not), err=True)


def _tell_taken(taken: "TakenBackup", as_json: bool) -> None:
    from ingram_assets.backup.own_files import secret_files
    from ingram_assets.domain.formatting import size

    secret = secret_files()
    if as_json:
        told = taken.manifest.as_json()
        print_json(path=str(taken.path), bytes=taken.bytes, manifest=told, keep_elsewhere=secret)
        return
    say(one_line(f"{taken.path} ({size(taken.bytes)})"))
    for file in taken.manifest.files:
        say(one_line(f"{file.called} of {file.setting}"))
    say(one_line(NOT_OURS.format(secret=", ".join(secret) or "the .env files")))


@click.command()
@click.argument("archive", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--yes", is_flag=True, help="Do not ask: for scripts. Nothing is overwritten all the same.")
@with_json
def restore(archive: Path, yes: bool, as_json: bool) -> None:
    r"""Put a backup back, into the empty databases that the settings name.

    All of the archive is compared with its checksums first. A database that is not empty is refused, and so
    is a shop at work: stop `ingram up`. Then the queue is restored and its roles get their rights, then the
    journal, then Dagster's database; and files that are missing. Runs that were at work are canceled.

    The store is newer than what is restored: it is left as it is until its titles are read again, and what
    is too old by then (STOCK_MAX_AGE) is not sold. docs/operating.md has what comes afterwards.

    \b
    ingram restore /mnt/backups/ingram-backup-2027-03-01T093000Z.zip
    ingram restore shop.zip --yes --json      from a script
    """
    from ingram_assets.backup.archive import Archive
    from ingram_assets.backup.databases import own_databases
    from ingram_assets.backup.put_back import Restoring, nobody_at_work
    from ingram_assets.cli.migrate import migrate_queue
    from ingram_assets.domain.formatting import moment
    from ingram_assets.settings.environment import environment_of
    from ingram_assets.settings.loading import load
    from ingram_assets.settings.shared import CommonSettings

    asks = is_to_ask("says what it would restore, and where", "ingram restore FILE", yes=yes, as_json=as_json)
    settings, common = _settings(), load(CommonSettings, environment_of("storefront"))
    with nobody_at_work(common), Archive(archive) as opened:
        restoring = Restoring(opened, own_databases(settings), _progress)
        made = moment(opened.manifest.made_at)
        if asks and not click.confirm(one_line(f"Restore the backup of {made} into {restoring.targets}?")):
            fail("Nothing was restored.", SOME_FAILED, as_json)
        done = restoring.run(settings, common, partial(migrate_queue, gently=True))
    _tell_restored(done, as_json)


def _tell_restored(done: "PutBack", as_json: bool) -> None:
    from ingram_assets.cli.terminal import in_shop_zone
    from ingram_assets.domain.formatting import moment

    if as_json:
        found = {"created_roles": done.created_roles, "canceled": done.canceled, "notes": done.notes}
        print_json(made_at=done.manifest.made_at, databases=done.databases, **found)
        return
    for note in done.notes:
        say(one_line(note), err=True)
    say(one_line(in_shop_zone(f"The backup of {moment(done.manifest.made_at)} is restored.")))
    if done.canceled:
        count = len(done.canceled)
        say(
            "1 run that was at work then is canceled."
            if count == 1
            else f"{count} runs that were at work then are canceled."
        )
    for line in _what_is_next(done):
        say(one_line(line))


def _what_is_next(done: "PutBack") -> list[str]:
    roles = [f"\\password {role}" for role in done.created_roles]
    passwords = [f"Give the queue's roles their passwords, in psql as the owner: {' and '.join(roles)}"]
    steps = [
        *(passwords if roles else []),
        "ingram doctor, until nothing is missing",
        "the shop itself (ingram up, or its services): the sweep that is due reads every title, and each is "
        "brought in step once it was read",
        "ingram discover: what was found since the backup is not tracked any more",
        "ingram token list: a token that was revoked since the backup is valid again",
    ]
    return ["What is next:", *(f"{number}. {step}" for number, step in enumerate(steps, 1))]


def _settings() -> "BackupSettings":
    from ingram_assets.settings.environment import environment_of, environment_of_owner
    from ingram_assets.settings.loading import load
    from ingram_assets.settings.owner import BackupSettings

    return load(BackupSettings, environment_of("storefront") | environment_of_owner())


def _progress(words: str) -> None:
    say(one_line(words), err=True)
