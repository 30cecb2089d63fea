"""Known vulnerabilities of what is locked: pip-audit asks the index's advisories, and the answer is kept."""

import json
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from upkeep.locks import ROOT, UV

AUDITS = ROOT / "docs/audits"
PIP_AUDIT = (
    *(UV, "tool", "run", "--python", sys.executable, "pip-audit"),
    *("--strict", "--disable-pip", "--require-hashes", "--progress-spinner", "off", "--format", "json"),
    *("-r", str(ROOT / "requirements.lock")),
)
_SAID_LINES = 3


class NotAsked(Exception):
    """The advisories could not be asked for: nothing is known of vulnerabilities today."""


def audit(argv: Sequence[str] = PIP_AUDIT, kept_in: Path = AUDITS, today: date | None = None) -> list[str]:
    """The vulnerabilities, a line each; what was answered is kept in a file with the day's name.

    Raises:
        NotAsked: there was no answer. No file is written.
    """
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
    except OSError as error:
        raise NotAsked(
            f"pip-audit can't be started ({error}). Type ./just audit once the install works."
        ) from None
    try:
        answer: dict[str, Any] = json.loads(done.stdout)
        found = [
            f"{one['name']} {one['version']}: {each['id']} (mended by: {', '.join(each['fix_versions'])})"
            for one in answer["dependencies"]
            for each in one.get("vulns", [])
        ]
    except (ValueError, KeyError, TypeError):
        said = " ".join(done.stderr.strip().splitlines()[-_SAID_LINES:]) or f"exit code {done.returncode}"
        raise NotAsked(
            "The advisories could not be asked for, so nothing is known of vulnerabilities today. Is the "
            f"network there? pip-audit said: {said[:500]}"
        ) from None
    kept_in.mkdir(exist_ok=True)
    day = today or datetime.now(UTC).date()
    (kept_in / f"{day.isoformat()}.json").write_text(json.dumps(answer, indent=1, sort_keys=True) + "\n")
    return found
