"""Ingram's iPage, read as a person with a browser would."""
