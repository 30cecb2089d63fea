"""Brings queue rows to the store: the one path of the sensors, of `ingram push` and of a person's click."""
