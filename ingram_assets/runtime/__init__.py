"""What keeps it running: supervisor, ports, logs, Dagster's storage, launcher and coordinator."""
