"""The composition root: builds clients, passes them down, and offers the command ``controlwatch``."""

__version__ = "0.1.0"
"""The same as in ``pyproject.toml``; a checkout that is not installed has no other place to ask."""
