"""The REST interface: inventory for programs, under /api/v1."""
