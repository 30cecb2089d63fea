"""Signing in: the browser, the login form, and the second factor."""
