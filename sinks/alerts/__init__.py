"""Violations that somebody must hear of now."""
