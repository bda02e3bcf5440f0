"""FortiGate lines; the committed ones are written after Fortinet's documents, with other names and addresses.

FortiOS Log Message Reference 7.6 (messages 32001, 32002, 32003, 32021, 43010, 39426, 44546, 44547, 41000, 0000000013,
0419016384) and Technical Tip 387138, "Difference between logid 0100044547 and 0100044546".
"""

from zoneinfo import ZoneInfo

import pytest

from schemas import instant
from schemas.event import Activity, Rank, Reason
from streams.feeds.kit.contract import Unreadable
from tests.feeds.reading import event, facts

HEAD = 'date=2026-03-02 time=09:15:30 devname="fw-core-1" devid="FG100FTK20000001" eventtime=1772414130123456789 tz="+0800" '
CONFIG = (
    'logid="0100044547" type="event" subtype="system" level="information" vd="root" logdesc="Object attribute configured" '
    'user="carl" ui="ssh(192.0.2.7)" action="{action}" cfgtid=126746708 cfgpath="firewall.policy" cfgobj="8" '
    'cfgattr="dstintf[port1->port2]" msg="{action} firewall.policy 8"'
)
LOGIN = (
    'logid="01000320{id}" type="event" subtype="system" level="alert" vd="root" logdesc="Admin login" sn="0" user="carl" '
    'ui="https(192.0.2.7)" method="https" srcip=192.0.2.7 dstip=10.0.0.1 action="{action}" status="{status}" '
    'reason="{reason}" msg="Administrator carl"'
)
TRAFFIC = (
    'logid="0000000013" type="traffic" subtype="forward" level="notice" vd="root" srcip=10.0.0.7 srcport=51000 srcintf="lan" '
    'dstip=198.51.100.9 dstport=443 dstintf="wan1" sessionid=77 proto=6 action="{action}" policyid=12 policytype="policy" '
    'policyname="staff-out" service="HTTPS" sentbyte=60 rcvdbyte=0'
)


@pytest.mark.parametrize(("action", "kind"), [("Add", "creation"), ("Edit", "change"), ("Delete", "deletion"), ("Move", "change")])
def test_a_configured_object_is_a_firewall_change(action, kind):
    found = event("fortigate", "<190>" + HEAD + CONFIG.format(action=action))
    assert found.activity == Activity.FIREWALL_CHANGE
    assert (found.host, found.observer, found.user, found.src_ip) == ("fw-core-1", "fw-core-1", "carl", "192.0.2.7")
    assert (found.ref, found.action, found.type) == ("126746708", action.lower(), (kind,))
    assert found.objects == ("firewall.policy/8",)
    assert found.extra["fortinet.firewall.cfgattr"] == "dstintf[port1->port2]"
    assert found.category == ("configuration",)
    assert (found.t, found.seq) == (instant.parse("2026-03-02T01:15:30.123456Z"), 789)


def test_a_change_without_object_or_transaction():
    line = HEAD + 'logid="0100044546" type="event" subtype="system" user="carl" ui="console" action=Edit cfgtid=0 cfgpath="log.setting"'
    facts("fortigate", line, activity=Activity.FIREWALL_CHANGE, ref="", objects=("log.setting",), src_ip="", code="0100044546")


@pytest.mark.parametrize(
    ("message", "action", "status", "reason", "expected"),
    [
        ("01", "login", "success", "none", (Activity.LOGIN, "success", "", Rank.SUCCESS)),
        ("02", "login", "failed", "passwd_invalid", (Activity.LOGIN, "failure", Reason.WRONG_PASSWORD, Rank.ACT)),
        ("02", "login", "failed", "name_invalid", (Activity.LOGIN, "failure", Reason.UNKNOWN_USER, Rank.ACT)),
        ("02", "login", "failed", "exceed_limit", (Activity.LOGIN, "failure", Reason.LOCKED, Rank.ACT)),
        ("02", "login", "failed", "none", (Activity.LOGIN, "failure", Reason.WRONG_PASSWORD, Rank.ACT)),
        ("02", "login", "failed", "something new", (Activity.LOGIN, "failure", Reason.OTHER, Rank.ACT)),
        ("03", "logout", "success", "timeout", (Activity.SESSION_CLOSE, "", "", Rank.CLOSE)),
        ("21", "login", "failed", "exceed_limit", (Activity.LOCK, "failure", Reason.LOCKED, Rank.LOCK)),
    ],
)
def test_administrators_log_in(message, action, status, reason, expected):
    found = event("fortigate", HEAD + LOGIN.format(id=message, action=action, status=status, reason=reason))
    assert (found.activity, found.outcome, found.reason, found.rank) == expected
    assert (found.host, found.user, found.src_ip) == ("fw-core-1", "carl", "192.0.2.7")
    assert found.category == ("authentication",)


def test_a_failed_vpn_login_comes_from_the_remote_address():
    line = HEAD + (
        'logid="0101039426" type="event" subtype="vpn" level="alert" vd="root" logdesc="SSL VPN login fail" '
        'action="ssl-login-fail" tunneltype="ssl-web" tunnelid=0 remip=203.0.113.9 user="dora" group="N/A" dst_host="N/A" '
        'reason="sslvpn_login_unknown_user" msg="SSL user failed to logged in"'
    )
    facts(
        "fortigate", line, activity=Activity.LOGIN, outcome="failure", reason=Reason.UNKNOWN_USER, src_ip="203.0.113.9",
        user="dora",
    )


@pytest.mark.parametrize(
    ("action", "verdict"), [("accept", "allowed"), ("close", "allowed"), ("deny", "denied"), ("ip-conn", "allowed")]
)
def test_sessions(action, verdict):
    found = event("fortigate", HEAD + TRAFFIC.format(action=action))
    assert found.activity == Activity.FLOW
    assert verdict in found.type
    assert (found.src_ip, found.src_port, found.dst_ip, found.dst_port) == ("10.0.0.7", 51000, "198.51.100.9", 443)
    assert (found.transport, found.protocol, found.rule, found.rule_id) == ("tcp", "https", "staff-out", "12")


def test_an_intrusion_is_an_alert():
    line = HEAD + (
        'logid="0419016384" type="utm" subtype="ips" eventtype="signature" level="alert" vd="root" severity="critical" '
        'srcip=203.0.113.5 dstip=10.0.0.8 srcport=40122 dstport=445 action="dropped" proto=6 service="SMB" policyid=3 '
        'attack="SMB.Test.Exploit" attackid=38255 msg="smb: SMB.Test.Exploit,"'
    )
    facts(
        "fortigate", line, activity=Activity.ALERT, kind="alert", rule="SMB.Test.Exploit", type=("denied",),
        category=("network", "intrusion_detection"),
    )


def test_database_updates_are_no_change_of_the_firewall():
    line = HEAD + 'logid="0100041000" type="event" subtype="system" logdesc="FortiGate update succeeded" action="update" status="success" msg="virdb updated"'
    facts("fortigate", line, activity=Activity.CONFIG_CHANGE, outcome="success")


def test_cluster_events_keep_the_vendors_fields():
    line = HEAD + 'logid="0108037894" type="event" subtype="ha" logdesc="HA member joined" ha_role="primary" sn="FG1" msg="HA sync"'
    assert event("fortigate", line).extra["fortinet.firewall.ha_role"] == "primary"


@pytest.mark.parametrize(
    ("eventtime", "t", "seq"),
    [
        ("1772414130", "2026-03-02T01:15:30Z", 0),
        ("1772414130123", "2026-03-02T01:15:30.123Z", 0),
        ("1772414130123456", "2026-03-02T01:15:30.123456Z", 0),
        ("1772414130123456789", "2026-03-02T01:15:30.123456Z", 789),
        # 25 years off: the date is what people set and see.
        ("972414130", "2026-03-02T01:15:30Z", 0),
        ("soon", "2026-03-02T01:15:30Z", 0),
    ],
)
def test_times(eventtime, t, seq):
    facts("fortigate", f'date=2026-03-02 time=09:15:30 devname="f" eventtime={eventtime} tz="+0800" type="event"', t=t, seq=seq)


def test_a_date_without_zone_is_read_in_the_zone_of_the_source():
    found = event("fortigate", "date=2026-03-02 time=09:15:30 devname=f type=event", zone=ZoneInfo("Asia/Taipei"))
    assert found.t == instant.parse("2026-03-02T01:15:30Z")


def test_a_line_without_date_has_the_time_of_its_header():
    assert event("fortigate", "<190>Mar  2 09:15:30 fw9 date=x time=y type=event").t == instant.parse("2026-03-02T09:15:30Z")


def test_a_line_whose_date_is_written_empty_has_the_time_of_its_arrival():
    assert event("fortigate", '<190>date= desc="Object update" devname="f"', o=7).t == 7


@pytest.mark.parametrize(
    ("line", "reason"),
    [("just words", "missing_field"), ("date=2026-02-30 time=09:15:30 type=event", "bad_time"), ("a=1 b=2", "missing_field"),
     ('<190>date= time=9 desc="Object update" devname="f"', "bad_time"), ("type=event subtype=system", "bad_time")],
)
def test_refused(line, reason):
    with pytest.raises(Unreadable) as refused:
        event("fortigate", line)
    assert refused.value.reason == reason


def test_a_name_cannot_pass_as_another_field():
    line = HEAD + r'logid="0100032002" type="event" user="x\" srcip=6.6.6.6 z=\"" srcip=192.0.2.7 action="login" status="failed"'
    facts("fortigate", line, src_ip="192.0.2.7", user='x" srcip=6.6.6.6 z="')


def test_headers_and_comma_separated_lines():
    line = HEAD + CONFIG.format(action="Edit")
    for header in ("<190>", "<190>Mar  2 09:15:31 10.0.0.1 ", "<190>1 2026-03-02T09:15:31Z fw - - - - ", "2026 Mar 02 09:15:31 relay->10.0.0.1 "):
        facts("fortigate", header + line, objects=("firewall.policy/8",), host="fw-core-1")
    facts("fortigate", "<190>" + line.replace(" ", ","), objects=("firewall.policy/8",), user="carl")


def test_a_trailing_nul_belongs_to_the_transport():
    facts("fortigate", HEAD + TRAFFIC.format(action="accept") + "\0", activity=Activity.FLOW)


@pytest.mark.corpora
def test_public_lines(corpora):
    lines = (corpora / "elastic/fortinet_fortigate.log/test-fortinet.log").read_text().splitlines()
    blocked = event("fortigate", lines[0])
    assert (blocked.action, blocked.type, blocked.user, blocked.url_path) == ("ftgd_blk", ("denied",), "elasticuser", "/config/")
    assert (blocked.src_ip, blocked.dst_port, blocked.rule_id) == ("192.168.2.1", 443, "100602")
    negotiation = event("fortigate", lines[6])
    assert (negotiation.outcome, negotiation.user, negotiation.dst_ip) == ("failure", "", "67.43.156.13")
    tunnel = event("fortigate", lines[10])
    assert (tunnel.activity, tunnel.user, tunnel.src_ip) == (Activity.SESSION_OPEN, "someuser", "67.43.156.13")
    ping = event("fortigate", lines[13])
    assert (ping.src_ip, ping.transport) == ("2a02:cf40:add:4002:91f2:a9b2:e09a:6fc6", "ipv6-icmp")
    assert len(lines) == 24
    assert all(event("fortigate", line).code for line in lines[:-1])


@pytest.mark.corpora
def test_public_lines_of_older_releases(corpora):
    text = (corpora / "wazuh/tests/fortigate.ini").read_text()
    lines = [line.partition(" = ")[2] for line in text.splitlines() if " pass = " in line]
    changes = [event("fortigate", line) for line in lines[:3]]
    assert [item.objects for item in changes] == [
        ("firewall.service.custom/Custom-TCP_10443",), ("firewall.service.custom/Custom-TCP_10443",), ("log.threat-weight",),
    ]
    assert {item.src_ip for item in changes} == {"4.3.5.8", "10.42.8.253"}
    denied = event("fortigate", lines[4])
    assert (denied.src_ip, denied.dst_ip, denied.type[-1]) == ("10.3.3.3", "10.4.4.4", "denied")
    # The clock in this line is damaged; the header's stamp is used, in the newest year that fits.
    assert denied.t == instant.parse("2025-12-23T11:13:03Z")
