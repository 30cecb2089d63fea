"""Covers, against a real S3 server and over real HTTP."""
