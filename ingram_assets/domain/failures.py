"""What went wrong, sorted by what the caller should do about it. Every room's errors derive from these."""


class IngramError(Exception):
    """The message is one sentence for a person: what happened and what to do next. Never a secret in it."""


class Transient(IngramError):
    """The same call may succeed later: try again, in a while."""


class Permanent(IngramError):
    """Another attempt will not help: this title, request or value is refused. The rest goes on."""


class NeedsPerson(IngramError):
    """Nothing goes on until a person acts: a wrong password, wrong keys, a missing bucket or channel."""


class Stopped(IngramError):
    """Halted on purpose, to do no harm: a block by the site, or a guardrail. Exit code 3."""
