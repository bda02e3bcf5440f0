"""The folds of ``repeated_failed_logins``: by session, by account, by client address. Pure."""
