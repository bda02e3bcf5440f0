"""PAN-OS lines; the committed ones are written after "Syslog Field Descriptions" of the PAN-OS administrator's guide.

Pages "Config Log Fields", "System Log Fields", "Traffic Log Fields", "Threat Log Fields", "GlobalProtect Log Fields" and
"Event Descriptions for the GlobalProtect Logs in PAN-OS"; names and addresses are made up.
"""

from zoneinfo import ZoneInfo

import pytest

from schemas import instant
from schemas.event import Activity, Rank, Reason
from streams.feeds.kit.contract import Unreadable
from streams.feeds.kit.panos_path import configured_object
from tests.feeds.reading import event, facts

TIME = "2026/03/02 09:15:30"
RULE = "vsys  vsys1 rulebase security rules  web-out"


def config(command: str, result: str, path: str = RULE, *, details: bool = True, fine: str = "") -> str:
    middle = ",," if details else ""
    end = f",,,,{fine}" if fine else ""
    return (
        f"<14>Mar  2 09:15:30 relay 1,{TIME},001801000001,CONFIG,0,2561,{TIME},192.0.2.7,,{command},carl,Web,{result},{path},"
        f"{middle}7102233445566,0x8000000000000000,0,0,0,0,,fw-edge-1{end}"
    )


def system(subtype: str, name: str, description: str) -> str:
    return f'1,{TIME},001801000001,SYSTEM,{subtype},0,{TIME},,{name},,0,0,general,medium,"{description}",5211100,0x0,0,0,0,0,,fw-edge-1'


def traffic(subtype: str, action: str) -> str:
    return (
        f"1,{TIME},001801000001,TRAFFIC,{subtype},2561,{TIME},10.0.0.7,198.51.100.9,0.0.0.0,0.0.0.0,staff-out,corp\\amy,,ssl,vsys1,"
        f"trust,untrust,ethernet1/2,ethernet1/1,default,{TIME},4711,1,51000,443,0,0,0x53,tcp,{action},900,400,500,9,{TIME},3,"
        "any,,32091112,0x0,Taiwan,Japan,,5,4,tcp-fin,0,0,0,0,,fw-edge-1,from-policy"
    )


def globalprotect(name: str, stage: str, status: str, reason: str = "") -> str:
    return (
        f"1,{TIME},001801000001,GLOBALPROTECT,0,2561,{TIME},vsys1,{name},{stage},LDAP,,corp\\dora,TW,LAPTOP-9,203.0.113.9,,"
        f"192.168.1.5,,a1b2,SER1,6.2.0,Windows,Win11,1,{reason},,,{status},,0,,0,gp-gate,77,0x0"
    )


@pytest.mark.parametrize("details", [True, False])
@pytest.mark.parametrize("command", ["set", "edit", "delete", "rename", "move", "clone"])
def test_a_changed_object_is_a_firewall_change(command, details):
    found = event("panos", config(command, "Succeeded", details=details))
    assert found.activity == Activity.FIREWALL_CHANGE
    assert (found.action, found.user, found.src_ip, found.outcome) == (command, "carl", "192.0.2.7", "success")
    assert found.objects == ("rulebase/security/rules/web-out",)
    assert (found.host, found.observer, found.seq) == ("fw-edge-1", "fw-edge-1", 7102233445566)


@pytest.mark.parametrize(
    ("result", "activity", "outcome"),
    [
        ("Succeeded", Activity.FIREWALL_COMMIT, "success"),
        ("Submitted", Activity.OTHER, ""),
        ("Failed", Activity.OTHER, "failure"),
    ],
)
def test_only_a_commit_that_succeeded_takes_effect(result, activity, outcome):
    facts("panos", config("commit", result, ""), activity=activity, outcome=outcome, action="commit", objects=())


def test_a_commit_is_also_told_by_the_job_that_did_it():
    facts("panos", system("general", "general", "Commit job succeeded for user carl"), activity=Activity.FIREWALL_COMMIT, user="carl")
    facts("panos", system("general", "general", "Commit job failed for user carl"), activity=Activity.OTHER)


def test_a_refused_change_changes_nothing():
    facts("panos", config("set", "Unauthorized"), activity=Activity.OTHER, outcome="failure")


def test_copies_of_a_log_over_two_ways_are_one_event():
    direct = config("set", "Succeeded")
    assert event("panos", direct).id == event("panos", direct.replace("relay", "panorama")).id


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (RULE, "rulebase/security/rules/web-out"),
        (" config devices localhost.localdomain vsys  vsys1 rulebase nat rules  web out source", "rulebase/nat/rules/web out"),
        ("/config/devices/entry[@name='localhost.localdomain']/vsys/entry[@name='vsys1']/address-group/entry[@name='farm']", "address-group/farm"),
        ("/config/shared/address/entry[@name='a/b']/ip-netmask", "address/a%2Fb"),
        ("rulebase security rules web-out source", "rulebase/security/rules/web-out"),
        (" config shared log-settings iptag match-list  ip-tag", "log-settings/iptag/match-list/ip-tag"),
        ("device-group  branches pre-rulebase security rules  r1", "device-group/branches/pre-rulebase/security/rules/r1"),
        ("template  t1 config devices localhost.localdomain vsys  vsys1 zone  trust", "zone/trust"),
        ("deviceconfig system", "deviceconfig/system"),
        ("", ""),
    ],
)
def test_paths_name_the_object(path, name):
    assert configured_object(path) == name


@pytest.mark.parametrize(
    ("name", "description", "outcome", "reason", "user", "source"),
    [
        ("auth-fail", "failed authentication for user 'admin'. Reason: Invalid username/password. From: 192.0.2.7.", "failure", Reason.WRONG_PASSWORD, "admin", "192.0.2.7"),
        ("auth-fail", "failed authentication for user 'corp\\eve'. Reason: User is not in allow list. auth profile 'gp', From: 192.0.2.7.", "failure", Reason.NOT_ALLOWED, "eve", "192.0.2.7"),
        ("auth-fail", "failed authentication for user 'admin'. Reason: Authentication profile not found for the user. From: 2001:db8::7.", "failure", Reason.UNKNOWN_USER, "admin", "2001:db8::7"),
        ("auth-success", "authenticated for user 'admin'.   auth profile 'p', vsys 'shared', From: 192.0.2.7.", "success", "", "admin", "192.0.2.7"),
        ("globalprotectportal-auth-fail", "GlobalProtect portal user authentication failed. Login from: 203.0.113.9, User name: dora, Reason: Authentication failed: Invalid username or password, Auth type: profile.", "failure", Reason.WRONG_PASSWORD, "dora", "203.0.113.9"),
    ],
)
def test_log_ins_in_the_system_log(name, description, outcome, reason, user, source):
    found = event("panos", system("auth", name, description))
    assert (found.activity, found.outcome, found.reason) == (Activity.LOGIN, outcome, reason)
    assert (found.user, found.src_ip) == (user, source)
    assert found.rank == (Rank.SUCCESS if outcome == "success" else Rank.ACT)


def test_a_user_name_cannot_pass_as_the_address():
    text = "failed authentication for user 'x From: 6.6.6.6'. Reason: Invalid username/password. From: 192.0.2.7."
    facts("panos", system("auth", "auth-fail", text), src_ip="192.0.2.7", user="x From: 6.6.6.6")
    text = "GlobalProtect portal user authentication failed. Login from: 203.0.113.9, User name: x from 6.6.6.6, Reason: no."
    facts("panos", system("auth", "globalprotectportal-auth-fail", text), src_ip="203.0.113.9", user="x from 6.6.6.6")


def test_sessions_of_administrators():
    facts("panos", system("general", "general", "User carl logged in via Web from 192.0.2.7 using https"), activity=Activity.SESSION_OPEN, user="carl", src_ip="192.0.2.7")
    facts("panos", system("general", "general", "User carl logged out via CLI from 192.0.2.7"), activity=Activity.SESSION_CLOSE, user="carl")


@pytest.mark.parametrize(
    ("subtype", "action", "types", "outcome", "name"),
    [
        ("end", "allow", {"allowed", "end", "connection"}, "success", "flow_terminated"),
        ("start", "allow", {"allowed", "start", "connection"}, "success", "flow_started"),
        ("deny", "deny", {"denied", "connection"}, "failure", "flow_denied"),
        ("drop", "drop", {"denied", "connection"}, "failure", "flow_dropped"),
        ("end", "reset-both", {"denied", "end", "connection"}, "failure", "flow_terminated"),
    ],
)
def test_traffic(subtype, action, types, outcome, name):
    found = event("panos", traffic(subtype, action))
    assert (set(found.type), found.outcome, found.action) == (types, outcome, name)
    assert (found.src_ip, found.src_port, found.dst_ip, found.dst_port) == ("10.0.0.7", 51000, "198.51.100.9", 443)
    assert (found.user_domain, found.user, found.rule, found.transport) == ("corp", "amy", "staff-out", "tcp")
    assert (found.activity, found.host, found.seq) == (Activity.FLOW, "fw-edge-1", 32091112)


def test_threats_are_alerts():
    line = (
        f"1,{TIME},001801000001,THREAT,vulnerability,2561,{TIME},203.0.113.5,10.0.0.8,0.0.0.0,0.0.0.0,in-web,,,web-browsing,vsys1,"
        f"untrust,dmz,ethernet1/1,ethernet1/3,default,{TIME},4712,1,40122,80,0,0,0x2000,tcp,reset-both,"
        '"www.example.com/a,b",Test SQL Injection(30514),any,critical,client-to-server,98765,0x0,Japan,Taiwan,,,0,,,0,,,,,,,,0,0,0,0,0,,fw-edge-1'
    )
    facts(
        "panos", line, activity=Activity.ALERT, kind="alert", type=("denied",), action="exploit_detected", rule="in-web",
        src_ip="203.0.113.5", host="fw-edge-1", seq=98765,
    )
    assert event("panos", line).extra["panw.panos.threat.name"] == "Test SQL Injection(30514)"


def test_log_ins_of_globalprotect_come_from_the_public_address():
    failed = globalprotect("gateway-auth", "login", "failure", "Invalid username or password")
    facts(
        "panos", failed, activity=Activity.LOGIN, outcome="failure", reason=Reason.WRONG_PASSWORD, src_ip="203.0.113.9",
        user="dora", user_domain="corp", host="001801000001",
    )
    facts("panos", globalprotect("portal-auth", "login", "success"), activity=Activity.LOGIN, outcome="success", reason="")
    facts("panos", globalprotect("gateway-connected", "connected", "success"), activity=Activity.SESSION_OPEN, src_ip="192.168.1.5")
    facts("panos", globalprotect("gateway-logout", "logout", "success"), activity=Activity.SESSION_CLOSE)


def test_times_are_local_to_the_firewall_unless_the_fine_stamp_tells_the_zone():
    line = config("set", "Succeeded")
    assert event("panos", line, zone=ZoneInfo("Asia/Taipei")).t == instant.parse("2026-03-02T01:15:30Z")
    for fine, t in (
        ("2026-03-02T09:15:30.123+08:00", "2026-03-02T01:15:30.123Z"),
        ("2026-03-02T09:15:31.123+08:00", "2026-03-02T01:15:30Z"),
        ("2025-03-02T09:15:31.123+08:00", "2026-03-02T09:15:30Z"),
        ("2026-03-02T99:15:31.123+08:00", "2026-03-02T09:15:30Z"),
    ):
        for details in (True, False):
            facts("panos", config("set", "Succeeded", fine=fine, details=details), t=t)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("words without commas", "bad_header"),
        ("a,b,c", "bad_header"),
        (f"1,{TIME},1,config,0,1,{TIME}", "bad_header"),
        (f"1,{TIME},1,CONFIG,0,1,{TIME},h", "missing_field"),
        (traffic("end", "allow").replace(TIME, "2020/00/00 00:00:00"), "bad_time"),
        (f'1,{TIME},1,CONFIG,0,1,{TIME},"' + "x" * 140_000, "bad_header"),
    ],
)
def test_refused(line, reason):
    with pytest.raises(Unreadable) as refused:
        event("panos", line)
    assert refused.value.reason == reason


def test_a_type_without_layout_is_still_an_event():
    facts("panos", f"1,{TIME},1,NEWTYPE,0,1,{TIME},x", activity=Activity.OTHER, t="2026-03-02T09:15:30Z")


@pytest.mark.corpora
def test_public_lines(corpora):
    folder = corpora / "elastic/panw.panos"

    def lines(name: str) -> list[str]:
        return (folder / f"test-panw-panos-{name}-sample.log").read_text().splitlines()

    first = event("panos", lines("config")[0])
    assert (first.activity, first.action, first.objects) == (Activity.FIREWALL_CHANGE, "set", ("log-settings/iptag/match-list/ip-tag",))
    assert (first.host, first.src_ip) == ("PA-VM", "81.2.69.193")
    flow = event("panos", lines("traffic")[0])
    assert (flow.host, flow.rule, flow.dst_ip, flow.t) == ("PA-220", "new_outbound_from_trust", "175.16.199.1", instant.parse("2018-11-30T16:09:07Z"))
    steps = [event("panos", line) for line in lines("globalprotect")]
    login = next(step for step in steps if step.activity == Activity.LOGIN)
    assert (login.user, login.src_ip, login.outcome) == ("maxmustermann", "10.20.30.40", "success")
    mapped = event("panos", lines("userid")[0])
    assert (mapped.user, mapped.user_domain, mapped.activity) == ("name", "domain", Activity.OTHER)
    encrypted = event("panos", lines("decryption")[0])
    assert (encrypted.t, encrypted.outcome) == (instant.parse("2021-11-11T23:42:44.845Z"), "failure")
