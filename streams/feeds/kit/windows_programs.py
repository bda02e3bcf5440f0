"""Data of Windows events that programs log for themselves (Sysmon, PowerShell) -> fields of events (feed windows).

Sources: Sysinternals' Sysmon page; Microsoft, "about_Logging_Windows" (PowerShell) and "about_Eventlogs".
"""

import re

from schemas.event import Activity
from streams.feeds.kit import values
from streams.feeds.kit.fields import Fields
from streams.feeds.kit.windows_record import WindowsEvent

# "UserId=DOMAIN\\user" of the classic log, "User = DOMAIN\\user" of the operational one
_USER = re.compile(r"^[ \t]{0,16}User(?:Id)? ?= ?(?:([^\\\r\n]{1,255})\\)?([^\\\r\n]{1,255})$", re.MULTILINE)
_COMMAND = re.compile(r"^[ \t]{0,16}Host ?Application ?= ?([^\r\n]{1,8192})$", re.MULTILINE)


def file_name(path: str) -> str:
    """Last part of a Windows path."""
    return path.rpartition("\\")[2]


def number(text: str) -> int:
    """Decimal or hexadecimal number of event data, 0 if it is none."""
    try:
        return values.number(int(text, 16 if text[:2].lower() == "0x" else 10))
    except ValueError:
        return 0


def sysmon(found: WindowsEvent) -> Fields:
    """Read an event of Sysmon; its Hashes are "SHA1=...,MD5=...,SHA256=..."."""
    data = found.data
    domain, _, user = data.get("user", "").rpartition("\\")
    executable = data.get("image") or data.get("sourceimage", "")
    hashes = dict(part.partition("=")[::2] for part in data.get("hashes", "").split(","))
    return {
        "user": user, "user_domain": domain, "executable": executable, "process": file_name(executable),
        "pid": number(data.get("processid", "")), "parent": file_name(data.get("parentimage", "")),
        "ppid": number(data.get("parentprocessid", "")), "command": data.get("commandline", ""),
        "path": data.get("targetfilename", ""), "hash": hashes.get("SHA256", "").lower(),
        "src_ip": values.address(data.get("sourceip", "")), "src_port": values.port(data.get("sourceport", "")),
        "dst_ip": values.address(data.get("destinationip", "")), "dst_port": values.port(data.get("destinationport", "")),
        "transport": data.get("protocol", "").lower(),
    }


def powershell(found: WindowsEvent) -> Fields:
    """Read an event of PowerShell, whose parameters are text of one "name=value" a line."""
    text = "\n".join(found.data.get(name, "") for name in ("param2", "param3", "contextinfo"))[:16_384]
    fields: Fields = {
        "activity": Activity.PROCESS, "category": ("process",), "type": ("info",), "path": found.data.get("path", ""),
        "command": found.data.get("scriptblocktext", ""),
    }
    if (user := _USER.search(text)) is not None:
        fields |= {"user_domain": user[1] or "", "user": user[2]}
    if (command := _COMMAND.search(text)) is not None:
        fields["command"] = fields["command"] or command[1]
    return fields
