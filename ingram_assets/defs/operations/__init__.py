"""The operations code location: the watch over the promise."""
