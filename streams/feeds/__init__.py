"""Feeds: one file = one log format = one pure parser, found by being here. The file's name is the feed's id."""
