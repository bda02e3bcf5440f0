"""Firewall changes, from records of one device to acts of one pair: the folds of ``firewall_change_unapproved``."""
