"""What people are told: incidents, the messages of them, and their delivery. No Dagster in it."""
