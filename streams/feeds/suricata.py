"""Suricata's EVE log: one JSON object a line, for alerts, flows and protocol transactions, with or without a syslog header."""

from typing import Any

from schemas.event import Activity
from streams.feeds.kit import strict, syslog
from streams.feeds.kit.contract import Feed, Parsed, RawRecord, Unreadable
from streams.feeds.kit.typed import Part
from streams.feeds.kit.values import address, filled

Result = dict[str, Any]


def _http(fields: Part) -> Result:
    """What of the HTTP transaction stands in ECS fields."""
    http = fields.part("http")
    if not http.fields:
        return {}
    url = http.text("url")
    return {
        "url": url, "url_path": url.partition("?")[0], "method": http.text("http_method"),
        "status": http.number("status"),
        "extra": filled({
            "url.domain": http.text("hostname"), "user_agent.original": http.text("http_user_agent"),
        }),
    }


def _alert(fields: Part) -> Result:
    alert = fields.part("alert")
    http = _http(fields)
    blocked = alert.text("action") == "blocked"
    return http | {
        "activity": Activity.ALERT, "kind": "alert", "category": ("network", "intrusion_detection"),
        "type": ("denied" if blocked else "allowed",), "rule": alert.text("signature"),
        "rule_id": alert.label("signature_id"), "message": alert.text("category"),
        "extra": http.get("extra", {}) | filled({
            "rule.category": alert.text("category"), "event.severity": alert.number("severity"),
        }),
    }


def _flow(fields: Part) -> Result:
    flow = fields.part("flow" if fields.raw("flow") else "netflow")
    dropped = flow.text("action") in ("drop", "reject") or fields.text("event_type") == "drop"
    return {
        "activity": Activity.FLOW, "type": ("connection", "denied" if dropped else "end"),
        "extra": filled({"suricata.eve.flow.state": flow.text("state"), "event.reason": flow.text("reason")}),
    }


def _web(fields: Part) -> Result:
    result = _http(fields) | {"activity": Activity.WEB_REQUEST, "category": ("network", "web"), "type": ("access", "protocol")}
    status = result.get("status", 0)
    return result | {"outcome": ("success" if status < 400 else "failure") if status else ""}


def _file(fields: Part) -> Result:
    info = fields.part("fileinfo")
    return _http(fields) | {
        "category": ("network", "file"), "type": ("info",), "path": info.text("filename"),
        "hash": info.text("sha256"),
    }


def _dns(fields: Part) -> Result:
    dns = fields.part("dns")
    named = {"dns.question.name": dns.text("rrname"), "dns.type": dns.text("type")}
    return {"type": ("protocol",), "extra": filled(named)}


def _tls(fields: Part) -> Result:
    tls = fields.part("tls")
    return {"type": ("protocol",), "extra": filled({
        "tls.client.server_name": tls.text("sni"), "tls.server.subject": tls.text("subject"),
    })}


_READERS = {
    "alert": _alert, "flow": _flow, "netflow": _flow, "drop": _flow, "http": _web, "fileinfo": _file, "dns": _dns, "tls": _tls,
}
def parse(record: RawRecord) -> Parsed:
    """Yield the event of one EVE record; raises Unreadable for bad JSON or a record without time or type."""
    start = record.text.find("{")
    fields = Part(strict.mapping(record.text[start:] if start > 0 else record.text))
    stamp, kind = fields.text("timestamp"), fields.text("event_type")
    if not stamp or not kind:
        missing = "event_type" if stamp else "timestamp"
        raise Unreadable("missing_field", f"EVE record without {missing}; expected timestamp and event_type as text")
    reader = _READERS.get(kind)
    result: Result = {"category": ("network",), "type": ("protocol",)} | (reader(fields) if reader is not None else {})
    if kind == "stats":
        result |= {"kind": "metric", "category": ("host",), "type": ("info",)}
    result.setdefault("action", kind)
    sensor = fields.text("host")
    host = sensor or (syslog.split(record.text[:start]).host if start > 0 else "")
    result["extra"] = result.get("extra", {}) | filled({
        "network.community_id": fields.label("community_id"),
        "observer.ingress.interface.name": fields.text("in_iface"),
    })
    protocol = fields.text("app_proto") or (kind if kind in ("dns", "http", "tls", "ssh", "smtp", "ftp") else "")
    yield record.event(
        t=record.time(stamp), host=host, observer=host, session=fields.label("flow_id"),
        src_ip=address(fields.text("src_ip")), src_port=fields.port("src_port"),
        dst_ip=address(fields.text("dest_ip")), dst_port=fields.port("dest_port"),
        transport=fields.text("proto").lower(), protocol="" if protocol == "failed" else protocol, **result,
    )


feed = Feed(
    title="Suricata EVE",
    kinds=("ids", "dns"),
    parse=parse,
    aliases=("suricata.eve", "crowdsec.suricata-evelogs"),
    reference="https://docs.suricata.io/en/latest/output/eve/eve-json-format.html",
)
