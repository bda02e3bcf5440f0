"""Numbers and lists of ``unannounced_web_or_program_change`` that are ours, not the regulation's; durations in µs."""

from schemas import instant
from schemas.context import Duration, Record


class Limits(Record):
    r"""Windows, and the files that change by themselves.

    ``burst``: within it several tellings of one path by the host's audit log, and by an integrity monitor, are one change.
    ``scan_settle``: an end of a scan counts as the scan before only if it lies at least this long before the telling (alerts
    of a scan may leave the agent after the scan's own end). ``notify_within`` and ``handle_within``: from the detection to the
    notification and to the record of handling. ``drill``: longest drill without a stated end. ``remembered``: earlier
    contents of one path, and ends of scans of one host, remembered. ``reset``: within it several tellings of one host's baseline
    made anew are one reset (a command, the database it writes, the scan that follows). ``directories`` of one host remembered as
    scanned for the first time, ``shown`` tellings of one reset that stand in the evidence.

    Patterns are shell wildcards over the whole path (``*`` also matches ``/``), compared case-folded, ``\`` read as ``/``:
    ``moving``: files that ordinary operation rewrites (logs and their rotation, caches, certificates, account files,
    the database that ``aide --init`` writes and that nothing compares with until it takes the place of ``aide.db``);
    ``delivered``: places where users or other programs put files. ``programs`` are watched in all of these places: a program
    does not move by itself (a log of one, ``x.php.log``, is a log). ``baselines``:
    databases of integrity monitors that are written only when the baseline is made anew (AIDE, Tripwire, samhain); ``stores``:
    those that the monitor writes all the time, whose removal makes it begin anew (Wazuh, Auditbeat).
    """

    burst: Duration = instant.MINUTE
    scan_settle: Duration = 10 * instant.MINUTE
    notify_within: Duration = 15 * instant.MINUTE
    handle_within: Duration = 24 * instant.HOUR
    drill: Duration = instant.DAY
    remembered: int = 16
    reset: Duration = instant.HOUR
    directories: int = 64
    shown: int = 16
    moving: tuple[str, ...] = (
        "*.log", "*.log.*", "*.log-*", "*/cache/*", "*/caches/*", "*/.cache/*", "*/ld.so.cache",
        "*.crt", "*.cer", "*.pem", "*.key", "*.csr", "*.p12", "*.pfx", "*.ocsp", "*/letsencrypt/*",
        "/etc/passwd", "/etc/passwd-", "/etc/shadow", "/etc/shadow-", "/etc/group", "/etc/group-", "/etc/gshadow",
        "/etc/gshadow-", "/etc/mtab", "/etc/adjtime", "/etc/resolv.conf", "*/aide.db.new", "*/aide.db.new.gz",
    )  # fmt: skip
    delivered: tuple[str, ...] = ("*/log/*", "*/logs/*", "*/upload/*", "*/uploads/*")
    programs: tuple[str, ...] = (
        "*.php", "*.php?", "*.phtml", "*.phar", "*.jsp", "*.jspx", "*.asp", "*.aspx", "*.ashx", "*.cgi", "*.pl", "*.py", "*.rb",
        "*.sh", "*.js", "*.mjs", "*.exe", "*.dll", "*.so", "*.ps1", "*.bat", "*.cmd", "*.jar", "*.war", "*.class", "*.htaccess",
    )  # fmt: skip
    baselines: tuple[str, ...] = ("*/aide.db", "*/aide.db.gz", "*/tripwire/*.twd", "*/samhain/samhain_file")
    stores: tuple[str, ...] = ("*/queue/fim/db/fim.db", "*/queue/syscheck/syscheck", "*/beat.db")


LIMITS = Limits()
