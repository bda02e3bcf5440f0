"""The composition root: builds clients, passes them down, and offers the command ``controlwatch``."""
