"""Files that come with the product, and the folder that holds a shop's own settings."""

import os
from pathlib import Path

ENV_DIR = "INGRAM_ENV_DIR"
SITE_TOML = "site.toml"
"""What a shop knows of the site, where `SITE_FILE` names no other file: beside its settings."""
CHECKOUT = Path(__file__).resolve().parents[2]
DEMO = CHECKOUT / ".demo"
"""Everything that the demo keeps: databases, bucket, mailbox, logs, its own settings."""
IN_THE_WHEEL = Path(__file__).with_name("shipped")


def shipped(name: str) -> Path:
    """`dagster.yaml`, `workspace.yaml` or an example of settings: in the wheel, or at a checkout's root."""
    inside = IN_THE_WHEEL / name
    return inside if inside.exists() else CHECKOUT / name


def env_dir() -> Path:
    """The folder of the `.env` files: `INGRAM_ENV_DIR`, else the checkout's root, else the current folder."""
    if given := os.environ.get(ENV_DIR, "").strip():
        return Path(given).expanduser().absolute()
    return CHECKOUT if (CHECKOUT / "pyproject.toml").is_file() else Path.cwd()


def are_copies() -> bool:
    """Whether the `.env` files are copies for this process alone, made by systemd (`LoadCredential=`)."""
    made_by_systemd = os.environ.get("CREDENTIALS_DIRECTORY", "")
    return bool(made_by_systemd) and env_dir() == Path(made_by_systemd)


def own_file(name: str) -> str:
    """A `.env` file as messages name it: with its folder, where a person has chosen one."""
    is_chosen = bool(os.environ.get(ENV_DIR, "").strip()) and not are_copies()
    return str(env_dir() / name) if is_chosen else name


def example_of(name: str) -> str:
    """Where the example of a `.env` file is: its name if it is beside it, as in a checkout, else its path."""
    example = shipped(f"{name}.example")
    return example.name if example.parent == env_dir() else str(example)
