# What people type. Each recipe installs what is missing first, which takes no time once it is there.

set positional-arguments

[private]
default:
    @"{{just_executable()}}" --justfile "{{justfile()}}" --list --unsorted

# The whole shop on this machine: real servers, a simulated iPage; --once --json for one round
[no-exit-message]
demo *args: install
    @exec .venv/bin/ingram demo "$@"

# The tests, after the linter and the type checker
[no-exit-message]
test *args: install
    @.venv/bin/ruff check .
    @.venv/bin/mypy
    @exec .venv/bin/pytest -n 2 "$@"

# Everything that may break, broken: the long form of ingram_assets_tests/faults, 15 to 30 minutes on two cores
[no-exit-message]
faults *args: install
    @exec .venv/bin/pytest ingram_assets_tests/faults -n 3 -m "long or not long" "$@"

# Inventory operations and the desk, ten thousand operations at once among them: half an hour on two cores
[no-exit-message]
inventory *args: install
    @exec .venv/bin/pytest ingram_assets_tests/store/inventory ingram_assets_tests/desk -n 1 -m "long or not long" "$@"

# Simulated weeks of the shop, a world a seed, each promise looked at every hour; --seeds N, --hours H, --faults
[no-exit-message]
world *args: install
    @exec .venv/bin/python -m ingram_assets_tests.world "$@"

# Known vulnerabilities of the locked dependencies, kept in docs/audits: asks PyPI for them, so it needs the network
[no-exit-message]
audit: install
    @exec .venv/bin/python -m upkeep audit

# Newer versions of all dependencies: locks them with their hashes, lists their licenses, and runs the tests
[no-exit-message]
update *args: install
    @.venv/bin/python -m upkeep lock
    @./just install
    @.venv/bin/python -m upkeep licenses
    @exec ./just test "$@"

# The terminal sessions of the README, written anew: typed on a demo of the tests' own
[no-exit-message]
sessions: install
    @INGRAM_WRITE_SESSIONS=yes exec .venv/bin/pytest -n 0 ingram_assets_tests/end_to_end/test_sessions.py

# The benchmarks, as JSON lines
[no-exit-message]
bench *args: install
    @exec .venv/bin/python -m benchmarks "$@"

# The real thing: code servers, web server and daemon, with the settings of your .env files
[no-exit-message]
up *args: install
    @exec .venv/bin/ingram up "$@"

# The runs of a code location (scraper, storefront, operations), on another machine than up's: docs/several-machines.md
[no-exit-message]
worker *args: install
    @exec .venv/bin/ingram worker "$@"

# Discovery, then the stock of every tracked title, into the queue
[no-exit-message]
sync-stock *args: install
    @exec .venv/bin/ingram sync-stock "$@"

# Details, stock and cover of these ISBNs, into the queue
[no-exit-message]
enrich *args: install
    @exec .venv/bin/ingram enrich "$@"

# From the queue to Medusa; --dry-run shows what would change
[no-exit-message]
push *args: install
    @exec .venv/bin/ingram push "$@"

# End the watching of a new shop: shows what a push would do, asks, and from then on pushes are written
[no-exit-message]
go-live *args: install
    @exec .venv/bin/ingram go-live "$@"

# Stop tracking these ISBNs; their products stay in the store as they are
[no-exit-message]
retire *args: install
    @exec .venv/bin/ingram retire "$@"

# Put back what a run changed in the store; --dry-run shows what
[no-exit-message]
undo *args: install
    @exec .venv/bin/ingram undo "$@"

# The last pushes and other runs: what, when, by whom, and what came of it
[no-exit-message]
runs *args: install
    @exec .venv/bin/ingram runs "$@"

# The store as shoppers see it, title by title, against what is right; exit code 1 if something differs
[no-exit-message]
check-store *args: install
    @exec .venv/bin/ingram check-store "$@"

# What is understood of saved pages, or of an ISBN's, and where it stands; --expect FILE compares
[no-exit-message]
read *args: install
    @exec .venv/bin/ingram read "$@"

# One archive for whoever mends the program: kept pages, versions, settings, failures, runs, without secrets
[no-exit-message]
report *args: install
    @exec .venv/bin/ingram report "$@"

# A title's stock readings, store changes and inventory operations in one line of time
[no-exit-message]
history *args: install
    @exec .venv/bin/ingram history "$@"

# Copies at the shop's own locations: set, adjust, reserve, release, fulfill, transfer, delete, list, low, ledger
[no-exit-message]
stock *args: install
    @exec .venv/bin/ingram stock "$@"

# Tokens with which programs ask the desk: create, list, revoke
[no-exit-message]
token *args: install
    @exec .venv/bin/ingram token "$@"

# Why the store shows what it shows of a title
[no-exit-message]
explain *args: install
    @exec .venv/bin/ingram explain "$@"

# queue migrate: the queue's tables, functions and roles, made or brought up to date
[no-exit-message]
queue *args: install
    @exec .venv/bin/ingram queue "$@"

# The shop's own databases and files in one archive, while it is at work: docs/operating.md
[no-exit-message]
backup *args: install
    @exec .venv/bin/ingram backup "$@"

# An archive of a backup, back into empty databases; overwrites nothing
[no-exit-message]
restore *args: install
    @exec .venv/bin/ingram restore "$@"

# The weekly letter, as it is sent on Mondays, of any week
[no-exit-message]
letter *args: install
    @exec .venv/bin/ingram letter "$@"

# alert test: a test message to every target of ALERT_URLS
[no-exit-message]
alert *args: install
    @exec .venv/bin/ingram alert "$@"

# What is there of every outside system, with your settings, and what to do where something is missing
[no-exit-message]
doctor *args: install
    @exec .venv/bin/ingram doctor "$@"

# Whether the store tells the truth; if not, since when, why, and what to do
[no-exit-message]
status *args: install
    @exec .venv/bin/ingram status "$@"

# A service's user may have no home to write to: pip does without its cache there by itself, uv does not.

# What all the others need: .venv with the locked dependencies and the ingram command
install:
    @./just --only-venv
    @cat requirements.lock pyproject.toml | cmp -s - .venv/installed.lock || { \
        echo "Installing the locked dependencies into .venv" >&2; \
        [ -w "${HOME:-/}" ] || export UV_NO_CACHE=1; \
        .venv/bin/uv pip install --python .venv/bin/python --require-hashes -r requirements.lock >&2 && \
        .venv/bin/uv pip install --python .venv/bin/python --no-deps -e . >&2 && \
        cat requirements.lock pyproject.toml > .venv/installed.lock; \
    }
