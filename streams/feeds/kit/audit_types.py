"""Record types of the Linux audit system in ECS terms, and the system calls that change files (feeds auditd*).

The actions, categories and types follow the table ``aucoalesce/normalizations.yaml`` of go-libaudit (Elastic, Apache-2.0);
the type numbers are those of ``linux/audit.h`` and ``libaudit.h``, the system call numbers those of the kernel's tables.
"""

from collections.abc import Mapping

_GROUPS: tuple[tuple[tuple[str, ...], tuple[str, ...], str], ...] = (
    (("driver",), ("start",),
     "KERN_MODULE=loaded-kernel-module"),
    (("host",), ("change",),
     "TIME_ADJNTPVAL=changed-system-time TIME_INJOFFSET=changed-system-time SYSTEM_RUNLEVEL=changed-to-runlevel"),
    (("iam",), ("user", "info"),
     "ACCT_LOCK=locked-account ACCT_UNLOCK=unlocked-account"),
    (("iam",), ("group", "creation"),
     "ADD_GROUP=added-group-account-to"),
    (("iam",), ("user", "creation"),
     "ADD_USER=added-user-account"),
    (("iam",), ("group", "deletion"),
     "DEL_GROUP=deleted-group-account-from"),
    (("iam",), ("user", "deletion"),
     "DEL_USER=deleted-user-account"),
    (("iam",), ("group", "change"),
     "GRP_MGMT=modified-group-account GRP_CHAUTHTOK=changed-group-password"),
    (("iam",), ("user", "change"),
     ("ROLE_ASSIGN=assigned-user-role-to ROLE_REMOVE=removed-user-role-from USER_MGMT=modified-user-account "
      "USER_CHAUTHTOK=changed-password")),
    (("iam",), ("change",),
     "ROLE_MODIFY=modified-role"),
    (("authentication",), ("info",),
     ("CRED_ACQ=acquired-credentials CRED_DISP=disposed-credentials CRED_REFR=refreshed-credentials "
      "GRP_AUTH=authenticated-to-group USER_ACCT=was-authorized USER_AUTH=authenticated USER_ERR=error")),
    (("authentication",), ("start",),
     "LOGIN=changed-login-id-to USER_LOGIN=logged-in"),
    (("session",), ("end",),
     "USER_END=ended-session"),
    (("authentication",), ("end",),
     "USER_LOGOUT=logged-out"),
    ((), (),
     ("USER_ROLE_CHANGE=changed-role-to TTY=typed USER_TTY=typed AVC=violated-selinux-policy "
      "FS_RELABEL=relabeled-filesystem LABEL_LEVEL_CHANGE=modified-level-of LABEL_OVERRIDE=overrode-label-of "
      "MAC_CHECK=mac-permission USER_AVC=access-permission USER_SELINUX_ERR=access-error "
      "SECCOMP=violated-seccomp-policy SELINUX_ERR=caused-mac-policy-error CRYPTO_LOGIN=crypto-officer-logged-in "
      "DAC_CHECK=access-result USER=sent-message")),
    (("session",), ("start",),
     "USER_START=started-session"),
    (("host",), ("info",),
     ("VIRT_CONTROL=issued-vm-control VIRT_CREATE=created-vm-image VIRT_DESTROY=deleted-vm-image "
      "VIRT_INTEGRITY_CHECK=checked-integrity-of VIRT_MIGRATE_IN=migrated-vm-from "
      "VIRT_MIGRATE_OUT=migrated-vm-to VIRT_RESOURCE=assigned-vm-resource")),
    (("process",), ("change",),
     ("CHGRP_ID=changed-group CHUSER_ID=changed-user-id DAEMON_RESUME=resumed-audit-logging "
      "DAEMON_ROTATE=rotated-audit-logs")),
    (("process",), ("info",),
     ("TEST=sent-test TRUSTED_APP=unknown DAEMON_ERR=audit-error KERNEL=initialized-audit-subsystem "
      "CRYPTO_KEY_USER=negotiated-crypto-key CRYPTO_LOGOUT=crypto-officer-logged-out "
      "CRYPTO_SESSION=started-crypto-session")),
    (("process",), ("start",),
     "USER_CMD=ran-command SERVICE_START=started-service DAEMON_START=started-audit"),
    (("host",), ("start",),
     "SYSTEM_BOOT=booted-system"),
    (("host",), ("end",),
     "SYSTEM_SHUTDOWN=shutdown-system"),
    (("process",), ("end",),
     ("SERVICE_STOP=stopped-service DAEMON_ABORT=aborted-auditd-startup DAEMON_END=shutdown-audit "
      "ANOM_ABEND=crashed-program")),
    (("process", "configuration"), ("change",),
     "CONFIG_CHANGE=changed-audit-configuration DAEMON_CONFIG=changed-auditd-configuration"),
    (("network",), ("connection", "start"),
     "DAEMON_ACCEPT=remote-audit-connected DAEMON_CLOSE=remote-audit-disconnected"),
    (("process", "configuration"), ("info",),
     "DAEMON_RECONFIG=reconfigured-auditd"),
    (("configuration",), ("change",),
     ("USYS_CONFIG=changed-configuration NETFILTER_CFG=loaded-firewall-rule-to FEATURE_CHANGE=changed-audit-feature "
      "MAC_CONFIG_CHANGE=changed-selinux-boolean MAC_STATUS=changed-selinux-enforcement "
      "USER_MAC_CONFIG_CHANGE=changed-mac-configuration")),
    (("configuration",), ("access",),
     "MAC_POLICY_LOAD=loaded-selinux-policy USER_MAC_POLICY_LOAD=loaded-mac-policy"),
    (("process", "intrusion_detection"), ("start", "info"),
     "ANOM_EXEC=attempted-execution-of-forbidden-program"),
    (("file", "intrusion_detection"), ("access", "info"),
     "ANOM_LINK=used-suspicious-link ANOM_ACCESS_FS=accessed-watched-file-or-directory"),
    (("authentication", "intrusion_detection"), ("start", "denied"),
     ("ANOM_LOGIN_FAILURES=failed-log-in-too-many-times-to ANOM_LOGIN_LOCATION=attempted-log-in-from-unusual-place-to "
      "ANOM_LOGIN_SESSIONS=opened-too-many-sessions-to ANOM_LOGIN_TIME=attempted-log-in-during-unusual-hour-to "
      "ANOM_LOGIN_SERVICE=service-account-attempted-login ANOM_LOGIN_ACCT=attempted-log-in-to-watched-account")),
    (("intrusion_detection",), ("info", "change"),
     "ANOM_PROMISCUOUS=changed-promiscuous-mode-on-device"),
    (("intrusion_detection",), ("info",),
     ("ANOM_RBAC_INTEGRITY_FAIL=tested-file-system-integrity-of "
      "ANOM_MAX_DAC=max-discretionary-access-control-failures-reached "
      "ANOM_MAX_MAC=max-mandatory-access-control-failures-reached ANOM_AMTU_FAIL=abstract-machine-test-utility-failure "
      "ANOM_RBAC_FAIL=rbac-self-test-failure ANOM_CRYPTO_FAIL=crypto-system-test-failure")),
    (("file", "intrusion_detection"), ("change", "info"),
     "ANOM_MK_EXE=made-an-executable"),
    (("iam", "intrusion_detection"), ("user", "creation", "info"),
     "ANOM_ADD_ACCT=added-user-account"),
    (("iam", "intrusion_detection"), ("user", "deletion", "info"),
     "ANOM_DEL_ACCT=deleted-user-account"),
    (("iam", "intrusion_detection"), ("user", "change", "info"),
     "ANOM_MOD_ACCT=modified-user-account"),
    (("authentication", "intrusion_detection"), ("start", "info"),
     "ANOM_ROOT_TRANS=user-became-root"),
    (("package",), ("info",),
     "SOFTWARE_UPDATE=package-updated"),
    (("host",), ("creation",),
     "VIRT_MACHINE_ID=assigned-vm-id"),
)

# Record type -> (event.action, event.category, event.type)
TYPES: Mapping[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    name: (action, category, kind)
    for category, kind, words in _GROUPS
    for name, _, action in (word.partition("=") for word in words.split())
}

# Where a record gives only the number of its type, as in kernel messages of syslog.
NUMBERS: Mapping[str, str] = {
    "1006": "LOGIN", "1100": "USER_AUTH", "1101": "USER_ACCT", "1102": "USER_MGMT", "1103": "CRED_ACQ", "1104": "CRED_DISP",
    "1105": "USER_START", "1106": "USER_END", "1107": "USER_AVC", "1108": "USER_CHAUTHTOK", "1109": "USER_ERR",
    "1110": "CRED_REFR", "1112": "USER_LOGIN", "1113": "USER_LOGOUT", "1114": "ADD_USER", "1115": "DEL_USER", "1116": "ADD_GROUP",
    "1117": "DEL_GROUP", "1123": "USER_CMD", "1127": "SYSTEM_BOOT", "1128": "SYSTEM_SHUTDOWN", "1130": "SERVICE_START",
    "1131": "SERVICE_STOP", "1134": "ACCT_LOCK", "1135": "ACCT_UNLOCK", "1300": "SYSCALL", "1302": "PATH",
    "1305": "CONFIG_CHANGE",
    "1306": "SOCKADDR", "1307": "CWD", "1309": "EXECVE", "1326": "SECCOMP", "1327": "PROCTITLE", "1400": "AVC",
}

_X86_64 = {
    "1": "write", "2": "open", "59": "execve", "76": "truncate", "77": "ftruncate", "82": "rename", "85": "creat", "86": "link",
    "87": "unlink", "88": "symlink", "133": "mknod", "257": "openat", "259": "mknodat", "263": "unlinkat", "264": "renameat",
    "265": "linkat", "266": "symlinkat", "316": "renameat2", "322": "execveat", "437": "openat2",
}
_I386 = {
    "4": "write", "5": "open", "8": "creat", "9": "link", "10": "unlink", "11": "execve", "14": "mknod", "38": "rename",
    "83": "symlink", "92": "truncate", "93": "ftruncate", "295": "openat", "297": "mknodat", "301": "unlinkat", "302": "renameat",
    "303": "linkat", "304": "symlinkat", "353": "renameat2", "358": "execveat", "437": "openat2",
}
_AARCH64 = {
    "33": "mknodat", "35": "unlinkat", "36": "symlinkat", "37": "linkat", "38": "renameat", "45": "truncate", "46": "ftruncate",
    "56": "openat", "64": "write", "221": "execve", "276": "renameat2", "281": "execveat", "437": "openat2",
}
# AUDIT_ARCH_* of linux/audit.h, as a record has it in hexadecimal or by name.
_CALLS: Mapping[str, Mapping[str, str]] = {
    "c000003e": _X86_64, "x86_64": _X86_64, "40000003": _I386, "i386": _I386,
    "c00000b7": _AARCH64, "aarch64": _AARCH64,
}

# System calls that change what a file holds or whether it is there -> index of the argument with open(2)'s flags, if any.
CHANGES_FILE: Mapping[str, int | None] = {
    "open": 1, "openat": 2, "openat2": None, "creat": None, "truncate": None, "ftruncate": None, "write": None, "rename": None,
    "renameat": None, "renameat2": None, "link": None, "linkat": None, "symlink": None, "symlinkat": None, "unlink": None,
    "unlinkat": None, "mknod": None, "mknodat": None,
}


def call_name(arch: str, number: str) -> str:
    """Name of a system call, or ``number`` itself where it is a name already or not one of interest."""
    return _CALLS.get(arch, {}).get(number, number)
