"""Log lines in the vendors' own formats: each module writes one format, a line a function."""
