"""Which variables each service of a shop has: the table of docs/deploying.md, of the settings' classes."""

from collections.abc import Iterable
from pathlib import Path

from ingram_assets.runtime.serve import SERVICES, location_of_service
from ingram_assets.settings.base import Settings
from ingram_assets.settings.file_of_setting import LOCATIONS
from ingram_assets.settings.owner import MigrateSettings
from ingram_assets.settings.shared import CommonSettings, PaceSettings

DOCUMENT = Path(__file__).parents[2] / "docs" / "deploying.md"
BEGIN, END = "<!-- variables: written by its test -->", "<!-- end -->"
OF_ALL: tuple[type[Settings], ...] = (CommonSettings, PaceSettings)


def own_classes(service: str) -> tuple[type[Settings], ...]:
    """The classes of the settings that a service has beside those of all."""
    if service == "migrate":
        return (MigrateSettings,)
    location = location_of_service(service)
    return (LOCATIONS[location],) if location else ()


def variables(classes: Iterable[type[Settings]], *, secret: bool) -> set[str]:
    """The names of the secrets of some classes, or of all else."""
    return {
        name
        for of in classes
        for name, field in of.model_fields.items()
        if ("SecretStr" in f"{field.annotation} {field.metadata}") is secret
    }


def table() -> str:
    """In Markdown. A row of all, and one for what each service has beside that."""
    shared = variables(OF_ALL, secret=True) | variables(OF_ALL, secret=False)
    rows = [("all", OF_ALL, set()), *((name, own_classes(name), shared) for name in (*SERVICES, "migrate"))]
    lines = ["| service | secrets | all else |", "|---|---|---|"]
    for name, classes, without in rows:
        cells = [
            ", ".join(f"`{one}`" for one in sorted(variables(classes, secret=secret) - without)) or "none"
            for secret in (True, False)
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def written() -> str:
    """The table that the document has."""
    return DOCUMENT.read_text().partition(BEGIN)[2].partition(END)[0].strip()


def write() -> None:
    """Puts the table into the document anew."""
    before, _, rest = DOCUMENT.read_text().partition(BEGIN)
    DOCUMENT.write_text(f"{before}{BEGIN}\n\n{table()}\n\n{END}{rest.partition(END)[2]}")
