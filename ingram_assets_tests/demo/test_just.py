"""`./just RECIPE …` hands its words to `ingram` as they are, keeps the exit code, and says what it lacks."""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def python_program(path: Path, text: str) -> None:
    """A program in this very Python, whose path no `#!` line could hold if it has a space in it."""
    script = path.with_suffix(".py")
    program(path, f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -u {shlex.quote(str(script))} "$@"\n')
    script.write_text(text)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone with all installed, whose `ingram` tells what it was called with and leaves with code 3."""
    clone = tmp_path / 'it\'s a $HOME (für "alle")'
    (clone / ".venv" / "bin").mkdir(parents=True)
    for name in ("just", "justfile", "requirements.lock", "requirements-tools.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, clone)
    shutil.copy(ROOT / "requirements-tools.lock", clone / ".venv" / "installed-tools.lock")
    installed = (ROOT / "requirements.lock").read_bytes() + (ROOT / "pyproject.toml").read_bytes()
    (clone / ".venv" / "installed.lock").write_bytes(installed)
    for name in ("python", "just"):
        (clone / ".venv" / "bin" / name).symlink_to(Path(sys.executable).parent / name)
    tell = "import json, sys\nprint(json.dumps(sys.argv[1:]))\nraise SystemExit(3)\n"
    python_program(clone / ".venv" / "bin" / "ingram", tell)
    return clone


def just(clone: Path, *words: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PATH": path or os.environ["PATH"]}
    return subprocess.run([clone / "just", *words], cwd="/", env=env, capture_output=True, text=True)


@pytest.mark.parametrize(
    "words",
    [
        ["demo", "--once", "--json"],
        ["push", "--dry-run", "978-0-451-49645-4"],
        ["enrich", "two words", "$HOME", "*", "quote'\"s", ""],
        ["sync-stock", "1234567"],
        ["status", "--json"],
        ["up"],
        ["retire", "9780306406157", "--json"],
        ["undo", "0b7e4c1e", "--dry-run"],
        ["queue", "migrate"],
        ["alert", "test"],
    ],
)
def test_a_recipe_passes_its_words_and_its_exit_code_on(clone: Path, words: list[str]) -> None:
    done = just(clone, *words)
    assert done.returncode == 3
    assert [json.loads(line) for line in done.stdout.splitlines()] == [words]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("recipe", ["demo", "up"])
def test_a_signal_sent_to_just_alone_reaches_what_stays_up(
    clone: Path, recipe: str, number: signal.Signals
) -> None:
    python_program(
        clone / ".venv" / "bin" / "ingram",
        "import signal\n"
        f"signal.pthread_sigmask(signal.SIG_BLOCK, [{int(number)}])\nprint('up')\n"
        f"print('stopped by', signal.sigtimedwait([{int(number)}], 60).si_signo)\n",
    )
    with subprocess.Popen([clone / "just", recipe], stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "up\n"
        running.send_signal(number)
        assert running.stdout.read() == f"stopped by {int(number)}\n"
    assert running.returncode == 0


def test_a_changed_lock_is_installed_first_and_says_so_apart_from_the_output(clone: Path) -> None:
    calls = shlex.quote(str(clone / "uv-calls"))
    program(clone / ".venv" / "bin" / "uv", f'#!/bin/sh\necho "uv $*"\necho "$*" >> {calls}\n')
    (clone / "requirements.lock").write_text("# another lock\n")

    first, second = just(clone, "status"), just(clone, "status")

    assert first.stdout == second.stdout == '["status"]\n'
    assert "Installing" in first.stderr
    assert second.stderr == ""
    called = (clone / "uv-calls").read_text().splitlines()
    assert [("--require-hashes" in call, "-e ." in call) for call in called] == [(True, False), (False, True)]


def test_a_failed_installation_stops_the_recipe_and_is_tried_again(clone: Path) -> None:
    program(clone / ".venv" / "bin" / "uv", "#!/bin/sh\necho no network >&2\nexit 1\n")
    (clone / "requirements.lock").write_text("# another lock\n")
    for _ in range(2):
        done = just(clone, "status")
        assert (done.returncode, done.stdout) == (1, "")
        assert "no network" in done.stderr


@pytest.fixture
def bare_path(tmp_path: Path) -> Path:
    """A PATH without Python: the only folder on it, with the little that the wrapper itself needs."""
    folder = tmp_path / "bare"
    folder.mkdir()
    for name in ("sh", "dirname"):
        (folder / name).symlink_to(str(shutil.which(name)))
    return folder


def test_no_python_is_one_clear_sentence(clone: Path, bare_path: Path) -> None:
    shutil.rmtree(clone / ".venv")
    done = just(clone, "demo", path=str(bare_path))
    assert done.returncode == 2
    assert done.stderr.startswith("Python 3.11 to 3.14 is needed and none is on the PATH")
    assert done.stderr.count("\n") == 1

    program(bare_path / "python3", "#!/bin/sh\nexit 1\n")  # one that is too old
    assert just(clone, "demo", path=str(bare_path)).stderr == done.stderr

    without_venv = '#!/bin/sh\ncase "$2" in *ensurepip*) exit 1;; *print*) echo python3.12-venv;; esac\n'
    program(bare_path / "python3", without_venv)
    done = just(clone, "demo", path=str(bare_path))
    assert done.returncode == 2
    assert "apt install python3.12-venv" in done.stderr
    assert not (clone / ".venv").exists()


def test_a_clone_that_was_moved_gets_a_new_venv(clone: Path, bare_path: Path) -> None:
    (clone / ".venv" / "made-in").write_text(f"{clone}\n")
    assert just(clone, "status").returncode == 3
    clone = clone.rename(clone.with_name("moved"))
    # It asks for a Python to make one with, which this PATH has not.
    assert "Python 3.11 to 3.14 is needed" in just(clone, "status", path=str(bare_path)).stderr
