"""People at the desk: how they sign in, how long that lasts, and what is refused in their name."""
