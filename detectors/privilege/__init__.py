"""Use of privileged accounts, from records of one host to judged intervals: the folds of ``root_use_without_approval``."""
