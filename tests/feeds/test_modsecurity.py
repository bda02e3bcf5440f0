"""ModSecurity records, after "ModSecurity 2 Data Formats" (wiki of owasp-modsecurity/ModSecurity) and its JSON audit logs.

The lines of Apache and nginx follow the same page, section "Alert Action Description" and "Alert Tail".
"""

import json

import pytest

from schemas import instant
from schemas.event import Activity
from streams.feeds.kit.contract import Unreadable
from streams.feeds.modsecurity import feed
from tests.feeds.reading import event, facts

MESSAGE = (
    'Warning. Matched phrase "bin/bash" at ARGS:exec. [file "/crs/REQUEST-932.conf"] [line "485"] [id "932160"] [msg "Remote Command '
    'Execution"] [data "found within ARGS:exec: \\"] [id \\"1\\"] [msg \\"x"] [severity "CRITICAL"] [tag "attack-rce"]'
)
DENIED = 'Access denied with code 403 (phase 2). Operator GE matched 5. [id "949110"] [msg "Inbound Anomaly Score Exceeded"] [severity "CRITICAL"]'
NATIVE = f"""--6b253045-A--
[02/Mar/2026:09:15:30 +0800] SojdH8AAQEAAAugAQAAAAAA 203.0.113.5 40122 10.0.0.8 80
--6b253045-B--
GET /run?exec=/bin/bash HTTP/1.1
Host: www.example.com
User-Agent: curl/8

--6b253045-C--
--00000000-A--
[01/Jan/2000:00:00:00 +0000] forged 6.6.6.6 1 6.6.6.6 1
--6b253045-F--
HTTP/1.1 403 Forbidden
Content-Length: 202

--6b253045-H--
Message: {MESSAGE}
Message: {DENIED}
Action: Intercepted (phase 2)
Engine-Mode: "ENABLED"

--6b253045-Z--
"""
JSON2 = {
    "transaction": {
        "time": "02/Mar/2026:09:15:30.250000 +0800", "transaction_id": "Yospoq1AV2oonr8Z9ZoDTgAAAEU", "remote_address": "203.0.113.5",
        "remote_port": 40122, "local_address": "10.0.0.8", "local_port": 443,
    },
    "request": {"request_line": "POST /run?exec=/bin/bash HTTP/1.1", "headers": {"Host": "www.example.com:443", "User-Agent": "curl/8"}},
    "response": {"protocol": "HTTP/1.1", "status": 403, "headers": {}},
    "audit_data": {"messages": [DENIED, MESSAGE], "action": {"intercepted": True, "phase": 2}, "engine_mode": "ENABLED"},
}
JSON3 = {
    "transaction": {
        "client_ip": "203.0.113.5", "time_stamp": "Mon Mar  2 09:15:30 2026", "client_port": 40122, "host_ip": "10.0.0.8", "host_port": 80,
        "unique_id": "158392", "request": {"method": "GET", "uri": "/run?exec=1", "headers": {"Host": "www.example.com"}},
        "response": {"http_code": 200, "headers": {}}, "producer": {"secrules_engine": "DetectionOnly"},
        "messages": [{"message": "SQL Injection", "details": {"ruleId": "942100", "severity": "2", "tags": []}}],
    }
}


@pytest.mark.parametrize("text", [NATIVE, NATIVE.replace("\n", " "), "Mar  2 09:15:31 waf-1 modsec: " + NATIVE])
def test_native_records(text):
    facts(
        "modsecurity", text, activity=Activity.ALERT, t="2026-03-02T01:15:30Z", src_ip="203.0.113.5", src_port=40122, dst_ip="10.0.0.8",
        method="GET", url_path="/run", url="/run?exec=/bin/bash", status=403, rule_id="932160", rule="Remote Command Execution",
        action="blocked", outcome="failure",
    )
    assert event("modsecurity", text).extra["modsec.audit.rules"] == ["932160", "949110"]
    assert event("modsecurity", text).extra["url.domain"] == "www.example.com"


def test_json_of_version_2():
    facts(
        "modsecurity", json.dumps(JSON2), activity=Activity.ALERT, t="2026-03-02T01:15:30.25Z", src_ip="203.0.113.5", dst_port=443,
        method="POST", url_path="/run", status=403, rule_id="932160", outcome="failure",
    )


def test_json_of_version_3():
    facts(
        "modsecurity", json.dumps(JSON3), activity=Activity.ALERT, t="2026-03-02T09:15:30Z", src_ip="203.0.113.5", dst_ip="10.0.0.8",
        method="GET", url_path="/run", status=200, rule_id="942100", action="detected", outcome="",
    )


def test_a_request_that_no_rule_matched_is_a_web_request():
    quiet = JSON2 | {"audit_data": {"engine_mode": "ENABLED"}}
    facts("modsecurity", json.dumps(quiet), activity=Activity.WEB_REQUEST, rule_id="", outcome="")


APACHE = (
    "[Mon Mar 02 09:15:30.123456 2026] [:error] [pid 17679] [client 203.0.113.5:55123] [client 203.0.113.5] ModSecurity: " + DENIED
    + ' [hostname "www.example.com"] [uri "/a?b"] [unique_id "VNkA238AAQEAAEUP9hIAAAAI"]'
)
NGINX = (
    "2026/03/02 09:15:30 [error] 86596#86596: *1083 ModSecurity: " + MESSAGE + ' [hostname "10.0.0.8"] [uri "/x, client: 6.6.6.6, server: y"] '
    '[unique_id "163722446755.059797"] [ref "o8"], client: 203.0.113.5, server: www.example.com, request: "GET /x?y HTTP/1.1", host: "h"'
)


def test_error_lines_of_apache():
    facts(
        "modsecurity", APACHE, activity=Activity.ALERT, t="2026-03-02T09:15:30.123456Z", src_ip="203.0.113.5", src_port=55123,
        url_path="/a", status=403, rule_id="949110", outcome="failure",
    )
    facts("modsecurity", APACHE.replace("203.0.113.5:55123", "[2001:db8::5]:55123"), src_ip="2001:db8::5", src_port=55123)
    facts("modsecurity", APACHE.replace("203.0.113.5:55123", "2001:db8::5"), src_ip="2001:db8::5", src_port=0)
    facts("modsecurity", APACHE.replace("203.0.113.5:55123", "2001:db8::5:55123"), src_ip="2001:db8::5", src_port=55123)


def test_error_lines_of_nginx():
    facts(
        "modsecurity", NGINX, activity=Activity.ALERT, t="2026-03-02T09:15:30Z", src_ip="203.0.113.5", method="GET", url="/x?y",
        rule_id="932160", action="detected",
    )


def test_a_defect_of_the_module_is_no_alert():
    text = '[Mon Mar 02 09:15:30 2026] [:error] [pid 1] [client 203.0.113.5] ModSecurity: Audit log: Failed to lock global mutex [hostname "h"]'
    facts("modsecurity", text, activity=Activity.OTHER, type=("error",))


def test_which_lines_begin_a_record():
    assert feed.starts is not None
    begins = [line for line in NATIVE.splitlines() if feed.starts(line)]
    assert begins == ["--6b253045-A--", "--00000000-A--"]
    assert feed.starts(APACHE)
    assert feed.starts(NGINX)
    assert feed.starts(json.dumps(JSON2, separators=(",", ":")))
    assert not feed.starts("{}")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("words", "bad_header"), ("--6b253045-A--\nnothing", "bad_header"), ('{"transaction":7}', "wrong_type"),
        ('{"transaction":{"time":"31/Feb/2026:00:00:00 +0000"}}', "bad_time"), ('{"transaction":{}}', "bad_time"),
        ("ModSecurity: without a time", "bad_time"), ('{"transaction":', "bad_json"),
    ],
)
def test_refused(text, reason):
    with pytest.raises(Unreadable) as refused:
        event("modsecurity", text)
    assert refused.value.reason == reason


@pytest.mark.corpora
def test_public_records(corpora):
    lines = (corpora / "elastic/modsecurity.auditlog/test-apache-audit.log").read_text().splitlines()
    found = [event("modsecurity", line) for line in lines]
    assert [item.rule_id for item in found] == ["932160", "942100", "", "920350"]
    assert [item.action for item in found] == ["blocked", "blocked", "", "detected"]
    assert found[3].t == instant.parse("2023-02-27T23:24:08.850127Z")
    nginx = (corpora / "crowdsec/logs/modsecurity-nginx.log").read_text().splitlines()
    assert [event("modsecurity", line).src_ip for line in nginx if line] == ["82.64.145.141", "143.198.55.184"]
