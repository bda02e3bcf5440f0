"""Numbers and names of ``root_use_without_approval`` that are ours, not the regulation's; durations in µs."""

from detectors.kit.contract import SKEW
from schemas import instant
from schemas.context import Duration, Record


class Limits(Record):
    """What counts as privileged, what runs as root without anybody, and how long things take.

    ``accounts``: highest-privilege accounts of operating systems, databases and applications, folded; beside them counts
    whatever account a system itself says was given special privileges. ``programs``: schedulers, service managers, agents and
    installers that run as root without an interactive session. ``probes``: where only root can put the commands of monitoring;
    accounts that are nobody's run them without a terminal.
    ``join``: records within it tell one use, where no process number joins them. ``timeout``: a use whose end was never told
    has ended. ``pam``: how far a check-out may lie from the use. ``recorded_within``: for filing the session record, after
    the end. ``brief``: an overrun up to it is less severe. ``uses``: most uses remembered as under way on one host.
    ``shown``: most lines of one use cited as evidence.
    """

    accounts: frozenset[str] = frozenset({
        "root", "toor", "administrator", "sa", "sys", "sysdba", "superuser", "enterprise admin", "admin@system",
    })
    programs: frozenset[str] = frozenset({
        "cron", "crond", "anacron", "atd", "run-parts", "systemd", "systemd-user", "init", "launchd", "cloud-init", "snapd",
        "puppet", "puppet-agent", "chef-client", "salt-minion", "cfengine", "wazuh-agentd", "ossec-execd", "zabbix_agentd",
        "nrpe", "unattended-upgrade", "unattended-upgrades", "packagekitd", "dpkg", "apt", "apt-get", "rpm", "yum", "dnf",
        "msiexec.exe", "services.exe", "svchost.exe", "taskeng.exe", "taskhostw.exe", "containerd-shim", "dockerd", "conmon",
        "runc",
    })
    probes: tuple[str, ...] = (
        "/usr/lib/nagios/plugins/*", "/usr/lib64/nagios/plugins/*", "/usr/libexec/nagios/plugins/*",
        "/usr/local/nagios/libexec/*",
        "/usr/lib/monitoring-plugins/*", "/usr/lib64/monitoring-plugins/*", "/usr/libexec/monitoring-plugins/*",
        "/usr/lib/zabbix/*", "/usr/share/zabbix/*", "/usr/local/share/zabbix/*", "/etc/zabbix/*", "/usr/lib/icinga/*",
        "/usr/lib/icinga2/*", "/usr/lib64/icinga2/*", "/etc/icinga2/*", "/usr/bin/check_mk_agent", "/usr/lib/check_mk_agent/*",
        "/usr/lib/nrpe/*", "/usr/local/nrpe/*", "/etc/telegraf/*", "/usr/share/munin/*", "/etc/munin/plugins/*",
        "/usr/bin/node_exporter", "/usr/local/bin/node_exporter",
    )
    join: Duration = 5 * instant.SECOND
    timeout: Duration = 12 * instant.HOUR
    pam: Duration = 2 * instant.MINUTE
    recorded_within: Duration = 24 * instant.HOUR
    brief: Duration = 15 * instant.MINUTE
    told_after: Duration = SKEW
    uses: int = 512
    shown: int = 8


LIMITS = Limits()
