"""Announced deployments, from told file changes to judged acts: the folds of ``unannounced_web_or_program_change``."""
