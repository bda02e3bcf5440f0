"""Windows event ids in ECS terms: what happened, by provider and number (feed windows).

The meaning of the numbers is from Microsoft's "Advanced security audit policy settings", "Appendix L: Events to Monitor" and
Sysinternals' Sysmon page; the action names are those that Elastic's integration publishes, so that its queries work.
"""

from collections.abc import Mapping

from schemas.event import Activity, Reason

Row = tuple[str, tuple[str, ...], tuple[str, ...]]

_GROUPS: tuple[tuple[tuple[str, ...], tuple[str, ...], str], ...] = (
    (("process",), ("end",), "1100=logging-service-shutdown 4689=exited-process"),
    (("process",), ("start",), "4688=created-process"),
    (("host",), ("start",), "4608=booted-system"),
    (("host",), ("end",), "4609=shutdown-system"),
    (("iam",), ("admin", "change"), "1102=audit-log-cleared"),
    (("iam",), ("admin",),
     ("1104=logging-full 1105=auditlog-archieved 1108=logging-processing-error 4672=logged-in-special "
      "4673=privileged-service-called 4674=privileged-operation 4964=logged-in-special")),
    (("authentication",), ("start",),
     ("4624=logged-in 4625=logon-failed 4648=logged-in-explicit 4768=kerberos-authentication-ticket-requested "
      "4769=kerberos-service-ticket-requested 4770=kerberos-service-ticket-renewed 4771=kerberos-preauth-failed "
      "4776=credential-validated")),
    (("authentication",), ("end",), "4634=logged-out 4647=logged-out"),
    (("authentication", "session"), ("start",), "4778=session-reconnected"),
    (("authentication", "session"), ("end",), "4779=session-disconnected"),
    (("session",), ("start",), "4801=workstation-unlocked"),
    (("session",), ("end",), "4800=workstation-locked"),
    (("iam",), ("user", "creation"), "4720=added-user-account"),
    (("iam",), ("user", "change"),
     ("4722=enabled-user-account 4723=changed-password 4724=reset-password 4738=modified-user-account "
      "4740=locked-out-user-account 4767=unlocked-user-account 4781=renamed-user-account")),
    (("iam",), ("user", "deletion"), "4725=disabled-user-account 4726=deleted-user-account"),
    (("iam",), ("user", "info"), "4797=query-existence-of-blank-password 4798=group-membership-enumerated"),
    (("iam",), ("group", "info"), "4799=user-member-enumerated"),
    (("iam",), ("group", "creation"),
     ("4727=added-group-account 4731=added-group-account 4754=added-group-account 4744=added-distribution-group-account "
      "4749=added-distribution-group-account 4759=added-distribution-group-account")),
    (("iam",), ("group", "change"),
     ("4728=added-member-to-group 4732=added-member-to-group 4756=added-member-to-group 4729=removed-member-from-group "
      "4733=removed-member-from-group 4757=removed-member-from-group 4735=modified-group-account 4737=modified-group-account "
      "4755=modified-group-account 4764=type-changed-group-account 4745=changed-distribution-group-account "
      "4750=changed-distribution-group-account 4760=changed-distribution-group-account 4746=added-member-to-distribution-group "
      "4751=added-member-to-distribution-group 4761=added-member-to-distribution-group "
      "4747=removed-member-from-distribution-group 4752=removed-member-from-distribution-group "
      "4762=removed-member-from-distribution-group")),
    (("iam",), ("group", "deletion"),
     ("4730=deleted-group-account 4734=deleted-group-account 4758=deleted-group-account 4748=deleted-distribution-group-account "
      "4753=deleted-distribution-group-account 4763=deleted-distribution-group-account")),
    (("iam",), ("creation", "admin"), "4741=added-computer-account"),
    (("iam",), ("change", "admin"), "4742=changed-computer-account"),
    (("iam",), ("deletion", "admin"), "4743=deleted-computer-account"),
    (("configuration",), ("access",),
     "4610=authentication-package-loaded 4614=notification-package-loaded 4622=security-package-loaded"),
    (("configuration",), ("change",),
     ("4611=trusted-logon-process-registered 4616=system-time-changed 4713=kerberos-policy-changed "
      "4714=encrypted-data-recovery-policy-changed 4715=object-audit-policy-changed 4716=trusted-domain-information-changed "
      "4739=domain-policy-changed 4946=windows-firewall-rule-added 4947=windows-firewall-rule-changed "
      "4948=windows-firewall-rule-deleted 4950=windows-firewall-setting-changed 4954=windows-firewall-group-policy-changed")),
    (("configuration",), ("creation",), "4706=domain-trust-added"),
    (("configuration",), ("deletion",), "4707=domain-trust-removed"),
    (("registry", "configuration"), ("change",), "4657=registry-value-modified"),
    (("iam", "configuration"), ("admin", "change"),
     ("4670=permissions-changed 4697=service-installed 4717=system-security-access-granted 4719=changed-audit-config "
      "4817=object-audit-changed 4904=security-event-source-added 4906=crash-on-audit-changed 4907=audit-setting-changed "
      "4908=special-group-table-changed 4912=per-user-audit-policy-changed")),
    (("iam", "configuration"), ("admin", "deletion"), "4718=system-security-access-removed 4905=security-event-source-removed"),
    (("iam", "configuration"), ("admin", "creation"), "4902=user-audit-policy-created"),
    (("iam", "configuration"), ("creation", "admin"), "4698=scheduled-task-created"),
    (("iam", "configuration"), ("deletion", "admin"), "4699=scheduled-task-deleted"),
    (("iam", "configuration"), ("change", "admin"),
     "4700=scheduled-task-enabled 4701=scheduled-task-disabled 4702=scheduled-task-updated"),
    (("file",), ("access",), "4656=object-handle-requested 4658=object-handle-closed 4663=object-accessed"),
    (("file",), ("deletion",), "4660=object-deleted"),
    (("network", "file"), ("info", "access"), "5140=network-share-object-accessed 5145=network-share-object-access-checked"),
    (("network", "file"), ("creation",), "5142=network-share-object-added"),
    (("network", "file"), ("change",), "5143=network-share-object-modified"),
    (("network", "file"), ("deletion",), "5144=network-share-object-deleted"),
    (("network",), ("connection", "info", "allowed"), "5154=windows-firewall-listen 5156=windows-firewall-connection"),
    (("network",), ("connection", "info", "denied"),
     ("5152=windows-firewall-packet-drop 5153=windows-firewall-packet-veto 5155=windows-firewall-listen-block "
      "5157=windows-firewall-packet-block 5159=windows-firewall-bind-local-port-block")),
    (("network",), ("info",), "5158=windows-firewall-bind-local-port"),
)
SECURITY: Mapping[int, Row] = {
    int(number): (action, category, kind)
    for category, kind, words in _GROUPS
    for number, _, action in (word.partition("=") for word in words.split())
}
SYSTEM: Mapping[int, Row] = {
    12: ("booted-system", ("host",), ("start",)),
    13: ("shutdown-system", ("host",), ("end",)),
    104: ("event-log-cleared", ("iam",), ("admin", "change")),
    1074: ("shutdown-initiated", ("host",), ("end",)),
    7045: ("service-installed", ("configuration",), ("creation",)),
}
SYSMON: Mapping[int, Row] = {
    1: ("process-created", ("process",), ("start",)),
    2: ("file-creation-time-changed", ("file",), ("change",)),
    3: ("network-connection", ("network",), ("start", "connection", "protocol")),
    4: ("sysmon-state-changed", ("process",), ("change",)),
    5: ("process-terminated", ("process",), ("end",)),
    6: ("driver-loaded", ("driver",), ("start",)),
    7: ("image-loaded", ("process",), ("change",)),
    8: ("remote-thread-created", ("process",), ("change",)),
    9: ("raw-access-read", ("process",), ("access",)),
    10: ("process-accessed", ("process",), ("access",)),
    11: ("file-created", ("file",), ("creation",)),
    12: ("registry-key-changed", ("configuration", "registry"), ("change",)),
    13: ("registry-value-set", ("configuration", "registry"), ("change",)),
    14: ("registry-renamed", ("configuration", "registry"), ("change",)),
    15: ("file-stream-created", ("file",), ("access",)),
    16: ("sysmon-configuration-changed", ("configuration",), ("change",)),
    17: ("pipe-created", ("file",), ("creation",)),
    18: ("pipe-connected", ("file",), ("access",)),
    22: ("dns-query", ("network",), ("connection", "protocol", "info")),
    23: ("file-deleted", ("file",), ("deletion",)),
    25: ("process-tampered", ("process",), ("change",)),
    26: ("file-deleted", ("file",), ("deletion",)),
}

# Why a log-on failed: NTSTATUS values that event 4625 lists (Microsoft, "4625(F)"), and those of 4776.
STATUS: Mapping[int, str] = {
    0xC000006A: Reason.WRONG_PASSWORD, 0xC000006D: Reason.WRONG_PASSWORD, 0xC0000064: Reason.UNKNOWN_USER,
    0xC0000072: Reason.DISABLED, 0xC0000234: Reason.LOCKED, 0xC0000071: Reason.EXPIRED, 0xC0000193: Reason.EXPIRED,
    0xC0000224: Reason.EXPIRED, 0xC000006E: Reason.NOT_ALLOWED, 0xC000006F: Reason.NOT_ALLOWED, 0xC0000070: Reason.NOT_ALLOWED,
    0xC000015B: Reason.NOT_ALLOWED, 0xC0000192: Reason.OTHER, 0xC0000413: Reason.NOT_ALLOWED,
}
# Kerberos error codes (RFC 4120 section 7.5.9) that 4768 and 4771 list.
KERBEROS: Mapping[int, str] = {
    0x6: Reason.UNKNOWN_USER, 0xC: Reason.NOT_ALLOWED, 0x12: Reason.NOT_ALLOWED, 0x17: Reason.EXPIRED,
    0x18: Reason.WRONG_PASSWORD,
}
LOGON_TYPES: Mapping[str, str] = {
    "2": "Interactive", "3": "Network", "4": "Batch", "5": "Service", "7": "Unlock", "8": "NetworkCleartext",
    "9": "NewCredentials", "10": "RemoteInteractive", "11": "CachedInteractive", "12": "CachedRemoteInteractive",
    "13": "CachedUnlock",
}
_ACCOUNTS = frozenset({*range(4720, 4739), *range(4741, 4765), 4781})
ACTIVITIES: Mapping[int, str] = {
    **dict.fromkeys(_ACCOUNTS, Activity.ACCOUNT_CHANGE),
    **dict.fromkeys((
        1102, 4616, 4657, 4697, 4698, 4699, 4700, 4701, 4702, 4706, 4707, 4713, 4714, 4715, 4716, 4717, 4718, 4719, 4739, 4817,
        4902, 4904, 4905, 4906, 4907, 4908, 4912, 4946, 4947, 4948, 4950, 4954,
    ), Activity.CONFIG_CHANGE),
    4608: Activity.BOOT, 4740: Activity.LOCK, 4767: Activity.UNLOCK, 4688: Activity.PROCESS, 4689: Activity.PROCESS,
    4779: Activity.SESSION_CLOSE, 4778: Activity.SESSION_OPEN,
    5152: Activity.FLOW, 5156: Activity.FLOW, 5157: Activity.FLOW,
}
SYSTEM_ACTIVITIES: Mapping[int, str] = {12: Activity.BOOT, 104: Activity.CONFIG_CHANGE, 7045: Activity.CONFIG_CHANGE}
SYSMON_ACTIVITIES: Mapping[int, str] = {
    1: Activity.PROCESS, 3: Activity.FLOW, 5: Activity.PROCESS, 11: Activity.FILE_CHANGE, 23: Activity.FILE_CHANGE,
    26: Activity.FILE_CHANGE, 16: Activity.CONFIG_CHANGE,
}
