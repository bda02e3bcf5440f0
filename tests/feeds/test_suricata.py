"""Suricata EVE records, after "Eve JSON Format" of the Suricata user guide (docs.suricata.io)."""

import json

import pytest

from schemas import instant
from schemas.event import Activity
from streams.feeds.kit.contract import Unreadable
from tests.feeds.reading import event, facts

BASE = {
    "timestamp": "2026-03-02T09:15:30.123456+0800", "flow_id": 1805461738637437, "in_iface": "eth1", "src_ip": "203.0.113.5",
    "src_port": 40122, "dest_ip": "10.0.0.8", "dest_port": 80, "proto": "TCP", "app_proto": "http", "host": "sensor-1",
}
HTTP = {"hostname": "www.example.com", "url": "/login?next=/", "http_user_agent": "curl/8", "http_method": "GET", "status": 404}


def eve(kind: str, **more: object) -> str:
    return json.dumps(BASE | {"event_type": kind} | more)


@pytest.mark.parametrize(("action", "verdict"), [("allowed", "allowed"), ("blocked", "denied")])
def test_alerts(action, verdict):
    alert = {"action": action, "signature_id": 2100498, "signature": "Test rule", "category": "Bad", "severity": 2}
    found = event("suricata", eve("alert", alert=alert, http=HTTP))
    assert (found.activity, found.kind, found.type) == (Activity.ALERT, "alert", (verdict,))
    assert (found.rule, found.rule_id, found.host, found.transport, found.protocol) == ("Test rule", "2100498", "sensor-1", "tcp", "http")
    assert (found.src_ip, found.dst_port, found.url_path, found.status) == ("203.0.113.5", 80, "/login", 404)
    assert found.t == instant.parse("2026-03-02T01:15:30.123456Z")
    assert found.extra["url.domain"] == "www.example.com"


def test_other_records():
    facts("suricata", eve("http", http=HTTP), activity=Activity.WEB_REQUEST, outcome="failure", method="GET", url="/login?next=/")
    facts("suricata", eve("flow", flow={"state": "closed", "reason": "timeout"}), activity=Activity.FLOW, type=("connection", "end"))
    facts("suricata", eve("flow", flow={"action": "drop"}), type=("connection", "denied"))
    facts("suricata", eve("drop", drop={"len": 40}), activity=Activity.FLOW, type=("connection", "denied"))
    facts("suricata", eve("fileinfo", fileinfo={"filename": "/a.exe", "sha256": "ab"}), path="/a.exe", hash="ab")
    facts("suricata", eve("stats", stats={"uptime": 9}), kind="metric", activity=Activity.OTHER)
    facts("suricata", eve("new_kind"), action="new_kind", category=("network",))
    assert event("suricata", eve("dns", dns={"type": "query", "rrname": "example.com"})).extra["dns.question.name"] == "example.com"
    assert event("suricata", eve("tls", tls={"sni": "example.com"})).extra["tls.client.server_name"] == "example.com"


def test_behind_a_syslog_header():
    record = {key: value for key, value in BASE.items() if key != "host"} | {"event_type": "flow"}
    facts("suricata", "<134>Mar  2 09:15:30 ids-2 suricata[77]: " + json.dumps(record), host="ids-2", activity=Activity.FLOW)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "bad_json"), ("[]", "wrong_type"), ('{"event_type":"dns"}', "missing_field"), (eve("dns", timestamp=7), "wrong_type"),
        (eve("dns", timestamp="now"), "bad_time"), ('{"timestamp":"2026-03-02T09:15:30Z"}', "missing_field"),
        ('{"event_type":"dns","timestamp":"2026-03-02T09:15:30Z","event_type":"alert"}', "duplicate_key"),
    ],
)
def test_refused(line, reason):
    with pytest.raises(Unreadable) as refused:
        event("suricata", line)
    assert refused.value.reason == reason


@pytest.mark.corpora
def test_public_lines(corpora):
    folder = corpora / "elastic/suricata.eve"
    alert = event("suricata", (folder / "test-eve-6-0.log").read_text().strip())
    assert (alert.rule, alert.src_ip, alert.method, alert.status) == ("GPL ATTACK_RESPONSE id check returned root", "175.16.199.1", "GET", 200)
    queries = [event("suricata", line) for line in (folder / "test-eve-dns-4-1-4.log").read_text().splitlines()]
    assert len(queries) == 24
    assert {query.extra["dns.question.name"] for query in queries[:4]} == {"google.com"}
