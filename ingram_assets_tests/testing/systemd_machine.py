"""A Debian of its own that runs systemd, with the product in /opt/ingram as docs/deploying.md says.

mmdebstrap makes it, and `unshare` lets its systemd be the first process of its own namespaces. It shares this
machine's network, so the services listen at ports that are free here.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from ingram_assets.runtime.processes import Supervisor
from ingram_assets_tests.testing.containers import MACHINE_S_OWN, ROOT, make_debian, run

_TOOLS = ("mmdebstrap", "unshare", "nsenter")
_PACKAGES = (
    *("systemd", "systemd-sysv", "dbus"),
    *("git", "python3-venv", "chromium", "postgresql-client-17"),
)
_BOOT = """\
set -eu
mount --make-rprivate /
mkdir -p {groups}; mount -t cgroup2 none {groups}
mkdir -p {groups}/{name}; echo 0 > {groups}/{name}/cgroup.procs
exec unshare --cgroup sh -eu -c '
cd {root}; mount --bind . .; cd {root}
mount -t proc proc proc; mount -t sysfs -o ro sysfs sys; mount -t cgroup2 none sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs dev; mount -t tmpfs -o mode=755 tmpfs run; mount -t tmpfs tmpfs tmp
for each in null zero full random urandom tty; do touch dev/$each; mount --bind /dev/$each dev/$each; done
mkdir dev/pts dev/shm; mount -t tmpfs tmpfs dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts; ln -s pts/ptmx dev/ptmx
mkdir -p before; pivot_root . before; umount -l /before
# What systemd gives a service to see is mounted outside, and has to get there.
mount --make-rshared /
exec env -i container=ingram PATH=/usr/sbin:/usr/bin /lib/systemd/systemd --log-target=console'
"""
_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin", "HOME": "/root", "LANG": "C.UTF-8", "TERM": "dumb"}


def why_not() -> str | None:
    """Why none can be run here; `None`: one can."""
    if os.geteuid() != 0:
        return "only root can run a systemd of its own"
    if lacks := [name for name in _TOOLS if shutil.which(name) is None]:
        return f"{', '.join(lacks)}: not installed (apt install mmdebstrap)"
    tried = "mount --make-rprivate / && mount -t cgroup2 none /mnt"
    words = ["unshare", "--pid", "--mount", "--cgroup", "--fork", "sh", "-c", tried]
    if subprocess.run(words, capture_output=True).returncode:
        return "root may make no namespaces and mount nothing here"
    return None


def installed(folder: Path, authority: Path) -> Path:
    """The files of such a machine, with this checkout in /opt/ingram and installed there by `./just install`.

    Args:
        authority: the certificate of one more authority that it trusts.
    """
    root, archive = folder / "root", folder / "root.tar"
    make_debian(archive, *_PACKAGES)
    root.mkdir()
    run("tar", "--extract", "--file", archive, "--directory", root)
    archive.unlink()
    shutil.copy(authority, root / MACHINE_S_OWN.relative_to("/") / "of-the-mailbox.crt")
    shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
    here = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard"]
    (root / "opt/ingram").mkdir()
    for name in subprocess.run(here, capture_output=True, text=True, check=True).stdout.splitlines():
        if (ROOT / name).is_file():
            (root / "opt/ingram" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, root / "opt/ingram" / name)
    trusted = [f"{name}={_AUTHORITIES}" for name in ("SSL_CERT_FILE", "PIP_CERT")]
    script = (
        f"mount --make-rprivate /; mount -t proc proc {root}/proc; mount --rbind /dev {root}/dev; "
        f"exec chroot {root} env -i {' '.join(_set(_ENVIRONMENT))} {' '.join(trusted)} "
        "sh -c 'update-ca-certificates && cd /opt/ingram && ./just install'"
    )
    run("unshare", "--mount", "sh", "-c", script)
    return root


@dataclass
class Machine:
    """One whose systemd is at work.

    Attributes:
        root: its files, as this machine sees them.
        first: systemd's process.
    """

    root: Path
    first: psutil.Process

    def run(self, line: str, *, seconds: float = 600) -> subprocess.CompletedProcess[str]:
        """Type a line in a shell of root's, in /opt/ingram."""
        words = ["nsenter", f"--target={self.first.pid}", "--mount", "--uts", "--ipc", "--pid", "--cgroup"]
        words += ["--root", "--wdns=/opt/ingram", "env", "-i", *_set(_ENVIRONMENT), "sh", "-c", line]
        return subprocess.run(words, capture_output=True, text=True, timeout=seconds)

    def said(self, line: str, *, seconds: float = 600) -> str:
        """What a line prints that has to end well."""
        done = self.run(line, seconds=seconds)
        assert done.returncode == 0, f"{line}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout

    def process_of(self, unit: str) -> psutil.Process | None:
        """A service's own process; `None`: it has none now."""
        for child in self.first.children(recursive=True):
            with contextlib.suppress(OSError):  # It has just ended.
                if f"/system.slice/{unit}.service" in Path(f"/proc/{child.pid}/cgroup").read_text():
                    return child
        return None

    def state_of(self, unit: str) -> str:
        """What systemd says of it: `active`, `inactive`, `activating` or `failed`."""
        return self.run(f"systemctl is-active {unit}").stdout.strip()


@contextmanager
def running(supervisor: Supervisor, root: Path) -> Iterator[Machine]:
    """Its systemd, from its start to its end."""
    groups, name = root.parent / "groups", f"ingram-test-{os.getpid()}"
    script = root.parent / "boot.sh"
    script.write_text(_BOOT.format(root=root, groups=groups, name=name))
    words = ["unshare", "--pid", "--mount", "--uts", "--ipc", "--fork", "--kill-child", "sh", str(script)]
    child = supervisor.start("systemd", words, env={"PATH": os.environ["PATH"]})
    outside = psutil.Process(child.process.pid)
    try:
        end = time.monotonic() + 60
        while not (found := outside.children()):
            assert time.monotonic() < end, child.log_end()
            time.sleep(0.1)
        machine = Machine(root, found[0])
        while machine.run("systemctl is-system-running").stdout.strip() not in ("running", "degraded"):
            assert time.monotonic() < end, child.log_end()
            time.sleep(0.2)
        yield machine
        # Whatever the first process of a namespace is killed with, all in it ends with it.
        machine.first.send_signal(signal.SIGKILL)
    finally:
        supervisor.stop("systemd")
        run("unshare", "--mount", "sh", "-c", _WITHOUT_GROUPS.format(groups=groups, name=name))


_WITHOUT_GROUPS = "mount -t cgroup2 none {groups} && find {groups}/{name} -depth -type d -delete"


def blocks(document: Path, heading: str) -> list[list[str]]:
    """The lines of a section that a person types, in their blocks, without what is said beside them."""
    section = document.read_text().partition(f"\n{heading}\n")[2].partition("\n## ")[0]
    found = re.findall(r"(?:^    .+\n)+", section, re.M)
    return [[re.sub(r"\s{2,}# .*", "", line.strip()) for line in block.splitlines()] for block in found]


def _set(environment: Mapping[str, str]) -> list[str]:
    return [f"{name}={value}" for name, value in environment.items()]
