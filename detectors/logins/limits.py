"""Numbers of ``repeated_failed_logins``: the regulation's from the catalogue, ours in one frozen model."""

from schemas import control, instant
from schemas.context import Record


class Limits(Record):
    """Numbers that are ours, not the regulation's. Times in µs."""

    disconnect_within: int = 10 * instant.SECOND
    session_pause: int = 15 * instant.MINUTE  # ends a session that has no id
    session_longest: int = 60 * instant.MINUTE  # ends one that has an id: process numbers come back
    account_failures: int = 3
    account_window: int = 15 * instant.MINUTE
    spray_accounts: int = 10
    spray_window: int = 10 * instant.MINUTE
    slow_failures: int = 20
    slow_window: int = 24 * instant.HOUR
    guessed_within: int = 15 * instant.MINUTE
    even_pace: int = 60 * instant.SECOND
    even_attempts: int = 8
    client_known: int = 7 * instant.DAY
    known_to: int = 60 * instant.MINUTE  # how exactly it is remembered when a client last logged in
    followed: int = 64  # accounts under one key, failures of one account


LIMITS = Limits()
WRONG_PASSWORDS: int = control.parameter("CC-18000.3.e", "disconnect_at_wrong_passwords")
FEEDS = ("idp", "app_audit", "siem")
ENDED = "login_session_ended"  # kind of fact: an account was cut off; for the sessions
SPRAYED = "login_after_spray"  # kind of fact: a success from a spraying address; for the account
