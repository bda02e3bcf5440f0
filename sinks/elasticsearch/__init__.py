"""Violations in Elasticsearch: current documents and history, in monthly indices."""
