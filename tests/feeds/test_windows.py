"""Windows events. The committed ones are written after Microsoft's event descriptions ("4624(S)", "4625(F)", "4634(S)", "4672(S)",
"4740(S)", "4771(F)", "4776(S, F)", "1102(S)" ... in "Advanced security audit policy settings") and the Sysmon page, with other names.
"""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import instant
from schemas.event import Activity, Rank, Reason, SecurityEvent
from streams.feeds.kit.contract import RawRecord, Unreadable
from streams.feeds.windows import feed
from streams.normalize import normalize
from tests.feeds.reading import BASE, event, read

TIME = "2026-03-02T09:00:00.1234567Z"
T = instant.parse("2026-03-02T09:00:00.123456Z")
SUBJECT = {"SubjectUserSid": "S-1-5-21-1-2-3-500", "SubjectUserName": "adm1", "SubjectDomainName": "CORP", "SubjectLogonId": "0x6A868"}
TARGET = {"TargetUserSid": "S-1-5-21-1-2-3-1001", "TargetUserName": "alice", "TargetDomainName": "CORP"}
CLIENT = {"IpAddress": "192.0.2.7", "IpPort": "50022", "WorkstationName": "PC-7"}


def beat(number: int, data: dict, **more) -> dict:
    log = {
        "event_id": str(number), "channel": "Security", "provider_name": "Microsoft-Windows-Security-Auditing", "computer_name": "dc1.corp.example",
        "record_id": 77, "time_created": TIME, "event_data": data, "keywords": ["Audit Success"], **more,
    }
    return {"@timestamp": "2026-03-02T09:05:00Z", "winlog": log}


def several(document: dict) -> list[SecurityEvent]:
    return [item for item in read("windows", json.dumps(document)) if isinstance(item, SecurityEvent)]


def one(number: int, data: dict, **more) -> SecurityEvent:
    return event("windows", json.dumps(beat(number, data, **more)))


def test_a_log_on():
    found = one(4624, SUBJECT | TARGET | CLIENT | {"LogonType": "10", "TargetLogonId": "0x8DCDC"})
    assert (found.activity, found.outcome, found.rank, found.user, found.user_domain) == (Activity.LOGIN, "success", Rank.SUCCESS, "alice", "CORP")
    assert (found.src_ip, found.src_port, found.src_host, found.host) == ("192.0.2.7", 50022, "PC-7", "dc1.corp.example")
    assert (found.session, found.seq, found.t, found.code) == ("dc1.corp.example/0x8dcdc", 77, T, "4624")
    assert found.extra["winlog.logon.type"] == "RemoteInteractive"


@pytest.mark.parametrize(
    ("status", "sub", "reason"),
    [
        ("0xc000006d", "0xc000006a", Reason.WRONG_PASSWORD), ("0xC000006D", "0xC0000064", Reason.UNKNOWN_USER), ("0xc000006d", "0x0", Reason.WRONG_PASSWORD),
        ("0xc000006e", "0xc0000072", Reason.DISABLED), ("0xc0000193", "0x0", Reason.EXPIRED), ("0xc000006e", "0xc0000071", Reason.EXPIRED),
        ("0xc0000234", "0x0", Reason.LOCKED), ("0xc000006e", "0xc0000070", Reason.NOT_ALLOWED), ("0xc000005e", "0x0", Reason.OTHER), ("junk", "", Reason.OTHER),
    ],
)
def test_why_a_log_on_failed(status, sub, reason):
    found = one(4625, SUBJECT | TARGET | CLIENT | {"LogonType": "3", "Status": status, "SubStatus": sub}, keywords=["Audit Failure"])
    assert (found.activity, found.outcome, found.rank, found.user, found.reason) == (Activity.LOGIN, "failure", Rank.ACT, "alice", reason)


def test_a_domain_controller_tells_the_same_attempt_in_its_own_way():
    kerberos = one(4771, {"TargetUserName": "alice", "TargetSid": "S-1-5-21-1-2-3-1001", "Status": "0x18", "IpAddress": "::ffff:192.0.2.7", "IpPort": "50022"})
    assert (kerberos.activity, kerberos.user, kerberos.src_ip, kerberos.reason) == (Activity.LOGIN, "alice", "192.0.2.7", Reason.WRONG_PASSWORD)
    ntlm = one(4776, {"TargetUserName": "alice", "Workstation": "PC-7", "Status": "0xc0000064"})
    assert (ntlm.activity, ntlm.outcome, ntlm.src_host, ntlm.reason) == (Activity.LOGIN, "failure", "PC-7", Reason.UNKNOWN_USER)
    assert one(4776, {"TargetUserName": "alice", "Workstation": "PC-7", "Status": "0x0"}).outcome == "success"
    assert one(4768, {"TargetUserName": "alice", "Status": "0x6"}).reason == Reason.UNKNOWN_USER


def test_special_privileges_are_a_privileged_session_until_log_off():
    opened = one(4672, SUBJECT | {"PrivilegeList": "SeDebugPrivilege"})
    assert (opened.activity, opened.rank, opened.effective_user, opened.session) == (Activity.PRIVILEGE_OPEN, Rank.OPEN, "adm1", "dc1.corp.example/0x6a868")
    closed, privilege = several(beat(4634, {"TargetUserName": "adm1", "TargetUserSid": "S-1-5-21-1-2-3-500", "TargetLogonId": "0x6A868", "LogonType": "2"}))
    assert (closed.activity, privilege.activity, privilege.session) == (Activity.SESSION_CLOSE, Activity.PRIVILEGE_CLOSE, opened.session)
    assert closed.id != privilege.id


@pytest.mark.parametrize(("name", "sid"), [("SYSTEM", "S-1-5-18"), ("DC1$", "S-1-5-21-1-2-3-1000"), ("DWM-1", "S-1-5-90-0-1"), ("", "")])
def test_the_system_itself_uses_no_privileged_account(name, sid):
    assert one(4672, {"SubjectUserName": name, "SubjectUserSid": sid, "SubjectLogonId": "0x3e7"}).activity == Activity.OTHER


@pytest.mark.parametrize(
    ("number", "activity", "target"),
    [
        (4720, Activity.ACCOUNT_CHANGE, "alice"), (4722, Activity.ACCOUNT_CHANGE, "alice"), (4724, Activity.ACCOUNT_CHANGE, "alice"),
        (4725, Activity.ACCOUNT_CHANGE, "alice"), (4726, Activity.ACCOUNT_CHANGE, "alice"), (4738, Activity.ACCOUNT_CHANGE, "alice"),
        (4740, Activity.LOCK, "alice"), (4767, Activity.UNLOCK, "alice"), (4719, Activity.CONFIG_CHANGE, ""), (4697, Activity.CONFIG_CHANGE, ""),
    ],
)
def test_accounts_and_policy(number, activity, target):
    found = one(number, SUBJECT | {"TargetUserName": "alice", "TargetSid": "S-1-5-21-1-2-3-1001"})
    assert (found.activity, found.user, found.target_user, found.outcome) == (activity, "adm1", target, "success")
    assert found.rank == (Rank.LOCK if activity == Activity.LOCK else Rank.ACT)


def test_a_member_of_a_group():
    data = SUBJECT | {"TargetUserName": "Domain Admins", "TargetSid": "S-1-5-21-1-2-3-512", "MemberSid": "S-1-5-21-1-2-3-9"}
    found = one(4728, data | {"MemberName": "CN=Bob,OU=Users,DC=corp,DC=example"})
    assert (found.target_user, found.extra["group.name"], found.action) == ("Bob", "Domain Admins", "added-member-to-group")
    assert one(4732, data | {"MemberName": "-"}).target_user == "S-1-5-21-1-2-3-9"


def test_cleared_logs_boots_and_installed_services():
    cleared = beat(1102, {}, provider_name="Microsoft-Windows-Eventlog", user_data={"SubjectUserName": "adm1", "xml_name": "LogFileCleared"})
    found = event("windows", json.dumps(cleared))
    assert (found.activity, found.user, found.type) == (Activity.CONFIG_CHANGE, "adm1", ("admin", "change"))
    boot = one(4608, {})
    assert (boot.activity, boot.rank) == (Activity.BOOT, 0)
    assert one(12, {}, channel="System", provider_name="Microsoft-Windows-Kernel-General").activity == Activity.BOOT
    assert one(7045, {"ServiceName": "x"}, channel="System", provider_name="Service Control Manager").activity == Activity.CONFIG_CHANGE
    assert one(12, {}, channel="Application", provider_name="Anything").activity == Activity.OTHER


def test_processes_flows_and_files():
    found = one(4688, SUBJECT | {"NewProcessId": "0x11cc", "ProcessId": "0x122c", "NewProcessName": "C:\\Windows\\System32\\cmd.exe",
                                 "ParentProcessName": "C:\\x\\services.exe", "CommandLine": "cmd /c dir"})
    assert (found.activity, found.process, found.pid, found.parent, found.ppid, found.command) == (Activity.PROCESS, "cmd.exe", 4556, "services.exe", 4652, "cmd /c dir")
    flow = one(5157, {"SourceAddress": "192.0.2.7", "SourcePort": "137", "DestAddress": "192.0.2.9", "DestPort": "138", "Protocol": "17", "Application": "System"})
    assert (flow.activity, flow.src_ip, flow.dst_port, flow.transport, flow.type[-1]) == (Activity.FLOW, "192.0.2.7", 138, "udp", "denied")
    path = "C:\\inetpub\\index.html"
    written = one(4663, SUBJECT | {"ObjectType": "File", "ObjectName": path, "AccessMask": "0x2"})
    assert (written.activity, written.path, written.type) == (Activity.FILE_CHANGE, path, ("change",))
    assert one(4663, SUBJECT | {"ObjectType": "File", "ObjectName": path, "AccessMask": "0x10000"}).type == ("deletion",)
    assert one(4663, SUBJECT | {"ObjectType": "File", "ObjectName": path, "AccessMask": "0x1"}).activity == Activity.OTHER
    sysmon = one(11, {"TargetFilename": path, "Image": "C:\\a\\b.exe", "User": "CORP\\alice", "ProcessId": "12"}, channel="Microsoft-Windows-Sysmon/Operational",
                 provider_name="Microsoft-Windows-Sysmon")
    assert (sysmon.activity, sysmon.path, sysmon.user, sysmon.process) == (Activity.FILE_CHANGE, path, "alice", "b.exe")


LOGON = TARGET | CLIENT | {"Status": "0xc000006d", "SubStatus": "0xc000006a", "LogonType": "3"}
TREE = {"Event": {"System": {
    "Provider": {"#attributes": {"Name": "Microsoft-Windows-Security-Auditing"}}, "EventID": 4625, "EventRecordID": 77, "Channel": "Security",
    "Computer": "dc1.corp.example", "Keywords": "0x8010000000000000", "TimeCreated": {"#attributes": {"SystemTime": TIME}}}, "EventData": LOGON}}
LISTED = {"Event": {"System": {"Provider": {"@Name": "Microsoft-Windows-Security-Auditing"}, "EventID": {"#text": "4625"}, "EventRecordID": "77", "Channel": "Security",
                               "Computer": "dc1.corp.example", "TimeCreated": {"@SystemTime": TIME}},
                    "EventData": {"Data": [{"@Name": name, "#text": value} for name, value in LOGON.items()]}}}
WAZUH = {"win": {"system": {"eventID": "4625", "eventRecordID": "77", "channel": "Security", "computer": "dc1.corp.example", "systemTime": TIME,
                            "severityValue": "AUDIT_FAILURE", "providerName": "Microsoft-Windows-Security-Auditing"},
                 "eventdata": {name[0].lower() + name[1:]: value for name, value in LOGON.items()}}}
FLAT = {"EventID": 4625, "Channel": "Security", "Hostname": "dc1.corp.example", "EventRecordID": 77, "TimeCreated": TIME, "Keywords": "Audit Failure", **LOGON}
NESTED = {"EventID": "4625", "Channel": "Security", "Computer": "dc1.corp.example", "EventRecordID": 77, "EventTime": "2026-03-02 09:00:00.123456", "EventData": LOGON}


@pytest.mark.parametrize("document", [TREE, LISTED, WAZUH, {"data": WAZUH}, FLAT, NESTED])
def test_every_form_says_the_same(document):
    found = event("windows", json.dumps(document))
    assert (found.activity, found.reason, found.user, found.src_ip, found.host) == (Activity.LOGIN, Reason.WRONG_PASSWORD, "alice", "192.0.2.7", "dc1.corp.example")
    assert (found.t, found.seq, found.id) == (T, 77, event("windows", json.dumps(TREE)).id)


def test_a_time_as_powershell_writes_it():
    assert event("windows", json.dumps({"Id": 4608, "TimeCreated": "/Date(1772442000123)/", "LogName": "Security"})).t == instant.parse("2026-03-02T09:00:00.123Z")


@pytest.mark.parametrize(
    ("text", "reason"),
    [("{}", "wrong_type"), ('{"a":1}', "missing_field"), ('{"EventID":"x"}', "wrong_type"), ("[]", "wrong_type"), ('{"EventID":4625,"TimeCreated":"soon"}', "bad_time"),
     ('{"Id":1,"TimeCreated":"/Date(999999999999999)/"}', "bad_time")],
)
def test_unreadable(text, reason):
    with pytest.raises(Unreadable, match=reason):
        read("windows", text)


NAMES = st.sampled_from(["EventID", "winlog.event_id", "winlog.record_id", "Channel", "Keywords", "TargetUserName", "SubStatus", "IpPort", "Hashes", "MemberName", "AccessMask",
                         "ObjectType", "ObjectName", "LogonType", "EventData", "winlog.event_data", "win", "Event", "System", "Data", "@timestamp", "ContextInfo", "Provider"])
LEAF = st.text(max_size=8) | st.integers() | st.booleans() | st.none() | st.sampled_from(["4624", "4625", 4663, 4672, 4634, 1, 104, "0x", "Security", "PowerShell", "0xFFFFFFFFFFFFFFFFFF"])
VALUE = st.recursive(LEAF, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=8)


@given(st.dictionaries(NAMES, VALUE, max_size=12), st.sampled_from([4624, 4625, 4663, 4728, 4771, 4776, 5156, 1]))
def test_any_document_is_read_or_refused(document, number):
    reason = ""
    try:
        normalize(feed, RawRecord(json.dumps({"EventID": number} | document).encode(), "s", "windows", base=BASE))
    except Unreadable as error:
        reason = str(error)
    assert "parser_error" not in reason, reason


@pytest.mark.corpora
def test_log_ons_of_elastic(corpora):
    events = json.loads((corpora / "elastic/system.security/test-security-windows2012r2-logon.json").read_text())["events"]
    found = [event("windows", json.dumps(item)) for item in events]
    assert {item.activity for item in found} == {Activity.LOGIN}
    failed = [item for item in found if item.outcome == "failure"]
    assert failed
    assert all(item.code == "4625" and item.reason for item in failed)


@pytest.mark.corpora
def test_explicit_credentials_of_sigma(corpora):
    found = [event("windows", path.read_text()) for path in corpora.glob("sigma/regression_data/**/*.json") if '"EventID": 4648,' in path.read_text()]
    assert [(item.user, item.effective_user, item.activity) for item in found] == [("xodih", "testuser", Activity.OTHER)]
