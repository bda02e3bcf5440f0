"""Suricata's EVE log: one JSON object a line, for alerts, flows and protocol transactions, with or without a syslog header."""

from collections.abc import Mapping
from typing import Any

from schemas.event import Activity
from streams.feeds.kit import strict, syslog
from streams.feeds.kit.contract import Feed, Parsed, RawRecord, Unreadable
from streams.feeds.kit.values import address, filled, number, port, string

Result = dict[str, Any]
Fields = Mapping[str, Any]


def _part(fields: Fields, name: str) -> Fields:
    part = fields.get(name)
    return part if isinstance(part, dict) else {}


def _http(fields: Fields) -> Result:
    """What of the HTTP transaction stands in ECS fields."""
    http = _part(fields, "http")
    if not http:
        return {}
    url = string(http.get("url"))
    return {
        "url": url, "url_path": url.partition("?")[0], "method": string(http.get("http_method")),
        "status": number(http.get("status")),
        "extra": filled({
            "url.domain": string(http.get("hostname")), "user_agent.original": string(http.get("http_user_agent")),
        }),
    }


def _alert(fields: Fields) -> Result:
    alert = _part(fields, "alert")
    http = _http(fields)
    blocked = alert.get("action") == "blocked"
    return http | {
        "activity": Activity.ALERT, "kind": "alert", "category": ("network", "intrusion_detection"),
        "type": ("denied" if blocked else "allowed",), "rule": string(alert.get("signature")),
        "rule_id": string(alert.get("signature_id")), "message": string(alert.get("category")),
        "extra": http.get("extra", {}) | filled({
            "rule.category": string(alert.get("category")), "event.severity": number(alert.get("severity")),
        }),
    }


def _flow(fields: Fields) -> Result:
    flow = _part(fields, "flow") or _part(fields, "netflow")
    dropped = flow.get("action") in ("drop", "reject") or fields.get("event_type") == "drop"
    return {
        "activity": Activity.FLOW, "type": ("connection", "denied" if dropped else "end"),
        "extra": filled({"suricata.eve.flow.state": string(flow.get("state")), "event.reason": string(flow.get("reason"))}),
    }


def _web(fields: Fields) -> Result:
    result = _http(fields) | {"activity": Activity.WEB_REQUEST, "category": ("network", "web"), "type": ("access", "protocol")}
    status = result.get("status", 0)
    return result | {"outcome": ("success" if status < 400 else "failure") if status else ""}


def _file(fields: Fields) -> Result:
    info = _part(fields, "fileinfo")
    return _http(fields) | {
        "category": ("network", "file"), "type": ("info",), "path": string(info.get("filename")),
        "hash": string(info.get("sha256")),
    }


def _dns(fields: Fields) -> Result:
    dns = _part(fields, "dns")
    named = {"dns.question.name": string(dns.get("rrname")), "dns.type": string(dns.get("type"))}
    return {"type": ("protocol",), "extra": filled(named)}


def _tls(fields: Fields) -> Result:
    tls = _part(fields, "tls")
    return {"type": ("protocol",), "extra": filled({
        "tls.client.server_name": string(tls.get("sni")), "tls.server.subject": string(tls.get("subject")),
    })}


_READERS = {
    "alert": _alert, "flow": _flow, "netflow": _flow, "drop": _flow, "http": _web, "fileinfo": _file, "dns": _dns, "tls": _tls,
}
_ACTIVITIES = {
    "alert": Activity.ALERT, "flow": Activity.FLOW, "netflow": Activity.FLOW, "drop": Activity.FLOW, "http": Activity.WEB_REQUEST,
}


def parse(record: RawRecord) -> Parsed:
    """Yield the event of one EVE record; raises Unreadable for bad JSON or a record without time or type."""
    start = record.text.find("{")
    fields = strict.mapping(record.text[start:] if start > 0 else record.text)
    stamp, kind = fields.get("timestamp"), fields.get("event_type")
    if not isinstance(stamp, str) or not isinstance(kind, str):
        missing = "event_type" if isinstance(stamp, str) else "timestamp"
        raise Unreadable("missing_field", f"EVE record without {missing}; expected timestamp and event_type as text")
    activity = _ACTIVITIES.get(kind, Activity.OTHER)
    if activity not in record.asked:
        yield record.event(t=record.time(stamp), activity=activity)
        return
    reader = _READERS.get(kind)
    result: Result = {"category": ("network",), "type": ("protocol",)} | (reader(fields) if reader is not None else {})
    if kind == "stats":
        result |= {"kind": "metric", "category": ("host",), "type": ("info",)}
    result.setdefault("action", kind)
    sensor = string(fields.get("host"))
    host = sensor or (syslog.split(record.text[:start]).host if start > 0 else "")
    result["extra"] = result.get("extra", {}) | filled({
        "network.community_id": string(fields.get("community_id")),
        "observer.ingress.interface.name": string(fields.get("in_iface")),
    })
    protocol = string(fields.get("app_proto")) or (kind if kind in ("dns", "http", "tls", "ssh", "smtp", "ftp") else "")
    yield record.event(
        t=record.time(stamp), host=host, observer=host, session=string(fields.get("flow_id")),
        src_ip=address(string(fields.get("src_ip"))), src_port=port(fields.get("src_port")),
        dst_ip=address(string(fields.get("dest_ip"))), dst_port=port(fields.get("dest_port")),
        transport=string(fields.get("proto")).lower(), protocol="" if protocol == "failed" else protocol, **result,
    )


feed = Feed(
    title="Suricata EVE",
    kinds=("ids", "dns"),
    parse=parse,
    aliases=("suricata.eve", "crowdsec.suricata-evelogs"),
    reference="https://docs.suricata.io/en/latest/output/eve/eve-json-format.html",
)
