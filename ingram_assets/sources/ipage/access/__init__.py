"""How the site is asked: politely, by one session that all runs share."""
