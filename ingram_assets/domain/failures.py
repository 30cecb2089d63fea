"""What went wrong, sorted by what the caller should do about it. Every room's errors derive from these."""

import errno
from typing import ClassVar, Literal

FailureKind = Literal["transient", "permanent", "needs_person", "sign_in", "stopped"]
"""What a failure wants; it travels with a run's failure, so that nobody has to know the error by its name."""

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NOT_OURS = {errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR}


class IngramError(Exception):
    """The message is one sentence for a person: what happened and what to do next. Never a secret in it."""

    kind: ClassVar[FailureKind] = "permanent"


class Transient(IngramError):
    """The same call may succeed later: try again, in a while."""

    kind = "transient"


class LimitUsedUp(Transient):
    """A source may not be asked now, by its own limit: whether it has what is wanted is not known."""


class Incomplete(Transient):
    """What came ends before it should, each time it was asked for. Another attempt seldom helps."""


class Permanent(IngramError):
    """Another attempt will not help: this title, request or value is refused. The rest goes on."""


class NeedsPerson(IngramError):
    """Nothing goes on until a person acts: a wrong password, wrong keys, a missing bucket or channel."""

    kind: ClassVar[FailureKind] = "needs_person"


class NothingWritten(NeedsPerson):
    """The shop only watches: nothing is written to the store, and nobody is told of it as an incident."""


class Stopped(IngramError):
    """Halted on purpose, to do no harm: a block by the site, or a guardrail. Exit code 3."""

    kind = "stopped"


class CantBeWritten(NeedsPerson):
    """The disk is full, or a file or folder of ours can't be written."""


def of_the_disk(error: BaseException) -> CantBeWritten | None:
    """The sentence for a disk that is full or can't be written; `None` for any other error."""
    if not isinstance(error, OSError):
        return None
    file = f" {error.filename}" if isinstance(error.filename, str) else ""
    if error.errno in _NO_ROOM:
        why = f"{error.strerror}{':' if file else ''}{file}"
        return CantBeWritten(f"The disk is full ({why}): make room, and run again. What was recorded stands.")
    if error.errno in _NOT_OURS and file:
        return CantBeWritten(
            f"{error.filename} can't be written ({error.strerror}): let this user write there, or set "
            "INGRAM_STATE_DIR to a folder that can be."
        )
    return None
