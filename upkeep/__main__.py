"""`python -m upkeep lock|licenses|audit`: what `./just update` and `./just audit` do."""

import subprocess
import sys

import click

from upkeep import locks
from upkeep.audit import AUDITS, NotAsked, audit
from upkeep.licenses import LIST, written


@click.group()
def main() -> None:
    """Keeps the project's dependencies up to date and known."""


@main.command()
def lock() -> None:
    """Lock the newest versions that pyproject.toml and the package.json files allow."""
    try:
        locks.lock_anew()
    except (subprocess.CalledProcessError, OSError) as error:
        click.secho(
            f"The locks could not be made anew: {error}. See above; git says what changed.",
            err=True,
            fg="red",
        )
        sys.exit(2)


@main.command()
def licenses() -> None:
    """List the licenses of what is locked."""
    LIST.write_text(written())
    click.echo(f"{LIST.name} is up to date.")


@main.command("audit")
def look_for_vulnerabilities() -> None:
    """Ask for known vulnerabilities. Exit code 0: none; 1: some, each named; 2: nothing could be asked."""
    try:
        found = audit()
    except NotAsked as error:
        click.secho(str(error), err=True, fg="red")
        sys.exit(2)
    for line in found:
        click.echo(line)
    click.echo(
        f"{len(found) or 'No'} known vulnerabilit{'y' if len(found) == 1 else 'ies'}. Kept in {AUDITS.name}."
    )
    sys.exit(1 if found else 0)


main(prog_name="upkeep")
