"""The event of a CEF or LEEF record: named fields, and what two common senders carry in their own."""

from typing import Any

from schemas.event import Activity, SecurityEvent
from streams.feeds.kit import named, stamps, syslog
from streams.feeds.kit.cef import Message
from streams.feeds.kit.contract import RawRecord
from streams.feeds.kit.panos_path import configured_object
from streams.feeds.kit.values import filled, rank


def event(record: RawRecord, message: Message) -> SecurityEvent:
    """The event of ``message``, which was read from ``record``."""
    fields = message.fields
    t, result = named.read(fields, record, name=f"{message.name} {message.code}", product=f"{message.vendor} {message.product}")
    result |= _config(message)
    if t is None:
        stamp = stamps.find(message.prefix, record)
        t = named.arrived(fields, record) if stamp is None else stamp.t
    header = syslog.split(f"{message.prefix}-") if message.prefix else None
    sender = fields.get("dvchost") or fields.get("deviceHostName") or (header.host if header is not None else "")
    host = result.pop("host", "") or sender or fields.get("dvc", "")
    if result.get("activity") == Activity.LOGIN:
        # The account that was logged in to, and the system it is on.
        result["user"] = fields.get("duser") or result.get("user", "")
        host = fields.get("dhost") or host
    if not result.get("message"):
        result["message"] = message.name
    result["extra"] = filled({
        "observer.vendor": message.vendor, "observer.product": message.product, "event.severity": message.severity,
    }) | result["extra"]
    return record.event(
        t=t, code=message.code, host=host, observer=sender or host,
        rank=rank(result.get("activity", ""), result.get("outcome", "")), **result,
    )


def _config(message: Message) -> dict[str, Any]:
    """Changes of firewalls, where their own fields name the object: FortiGate, and PAN-OS with its default CEF format."""
    fields = message.fields
    path = fields.get("FTNTFGTcfgpath", "")
    if path:
        name, transaction = fields.get("FTNTFGTcfgobj", ""), fields.get("FTNTFGTcfgtid", "")
        return {
            "activity": Activity.FIREWALL_CHANGE, "category": ("configuration",), "type": ("change",), "outcome": "success",
            "action": fields.get("act", "").lower(), "objects": (f"{path}/{name}" if name else path,),
            "ref": "" if transaction == "0" else transaction,
        }
    if message.product == "PAN-OS" and "CONFIG" in (message.name, message.code):
        command = fields.get("act", "").lower()
        said = (message.code if message.name == "CONFIG" else message.name).lower()
        done = said == "succeeded" or fields.get("PanOSResult", "").lower() == "succeeded"
        commit = command.startswith("commit")
        name = configured_object(fields.get("msg", ""))
        changed = Activity.FIREWALL_COMMIT if commit and done else Activity.OTHER if commit else Activity.FIREWALL_CHANGE
        return {
            "activity": changed, "category": ("configuration",), "type": ("change",), "action": command,
            "outcome": "success" if done else "", "objects": (name,) if name else (),
        }
    return {}
