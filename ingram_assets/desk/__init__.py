"""The desk: the one web application that is meant to be opened to others."""
