"""A backup of what is the shop's own: its three databases as of one moment, and the files that matter."""
