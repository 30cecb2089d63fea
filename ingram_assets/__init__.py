"""Ingram iPage to Medusa: a Dagster asset graph that keeps a bookstore's stock honest."""
