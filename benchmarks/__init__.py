"""What the project costs in time, against what cannot be avoided: run with `./just bench`."""
