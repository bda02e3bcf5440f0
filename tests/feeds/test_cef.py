"""CEF and LEEF records, after "ArcSight Common Event Format" (version 26) and "LEEF event components" (IBM Documentation)."""

import pytest

from schemas import instant
from schemas.event import Activity, Rank, Reason
from streams.feeds.kit import cef
from streams.feeds.kit.contract import Unreadable
from tests.feeds.reading import event, facts


def line(extension: str, *, name: str = "Event", product: str = "App", code: str = "100") -> str:
    return f"<134>Mar  2 09:15:31 relay-1 CEF:0|Acme|{product}|1.0|{code}|{name}|5|{extension}"


def test_grammar_escapes_bars_equals_signs_and_line_ends():
    found = cef.read(r"CEF:0|secu\|rity|threat\\manager|1.0|100|detected a \| in message|10|src=10.0.0.1 act=blocked a \| dst=1.1.1.1 msg=one\ntwo k\=v\\")
    assert found is not None
    assert (found.vendor, found.product, found.name) == ("secu|rity", "threat\\manager", "detected a | in message")
    assert found.fields == {"src": "10.0.0.1", "act": "blocked a |", "dst": "1.1.1.1", "msg": "one\ntwo k=v\\"}


def test_a_value_ends_where_the_next_key_begins():
    found = cef.read("CEF:0|v|p|1|1|n|1|cs1Label=Some Rule cs1=Deny all, please fname=C:\\\\a b.txt src=10.0.0.1 src=6.6.6.6")
    assert found is not None
    assert found.fields == {"cs1Label": "Some Rule", "cs1": "Deny all, please", "fname": "C:\\a b.txt", "src": "10.0.0.1"}


def test_failed_and_successful_log_ins():
    failed = line("rt=1772414130123 duser=amy suser=svc dhost=app-1 src=203.0.113.9 outcome=failure reason=Bad password", name="User login")
    facts(
        "cef", failed, activity=Activity.LOGIN, outcome="failure", reason=Reason.WRONG_PASSWORD, user="amy", host="app-1",
        src_ip="203.0.113.9", t="2026-03-02T01:15:30.123Z", observer="relay-1", rank=Rank.ACT,
    )
    passed = line("rt=Mar 02 2026 09:15:30 UTC suser=amy src=203.0.113.9 act=accepted dvchost=idp-1", name="Authentication successful")
    facts("cef", passed, activity=Activity.LOGIN, outcome="success", reason="", user="amy", host="idp-1", rank=Rank.SUCCESS)
    facts("cef", line("suser=amy outcome=success", name="Logout"), activity=Activity.SESSION_CLOSE)
    facts("cef", line("duser=amy", name="Account locked out"), activity=Activity.LOCK, user="amy")


@pytest.mark.parametrize(
    ("name", "extension", "product", "activity", "types"),
    [
        ("Connection", "src=10.0.0.1 dst=10.0.0.2 dpt=22 act=Drop proto=TCP", "FW", Activity.FLOW, ("connection", "denied")),
        ("traffic", "src=10.0.0.1 dst=10.0.0.2 act=accept", "FW", Activity.FLOW, ("connection", "allowed")),
        ("malware-callback", "src=10.0.0.1 dst=10.0.0.2 act=notified", "MPS", Activity.ALERT, ("info",)),
        ("SQL injection attack", "src=10.0.0.1 act=blocked", "WAF", Activity.ALERT, ("denied",)),
        ("Configuration changed", "suser=carl", "VPN-1 & FireWall-1", Activity.FIREWALL_CHANGE, ("change",)),
        ("Configuration changed", "suser=carl", "Mail", Activity.CONFIG_CHANGE, ("change",)),
        ("User created", "suser=carl duser=dora", "Directory", Activity.ACCOUNT_CHANGE, ("change",)),
        ("File modified", "filePath=/etc/passwd fname=passwd", "FIM", Activity.FILE_CHANGE, ("change",)),
        ("Something else", "cnt=3", "App", Activity.OTHER, ()),
    ],
)
def test_what_happened_is_told_by_the_words_of_the_event(name, extension, product, activity, types):
    facts("cef", line(extension, name=name, product=product), activity=activity, type=types)


def test_changes_of_firewalls_that_send_cef():
    fortigate = line(
        "act=Edit FTNTFGTcfgtid=77 FTNTFGTcfgpath=firewall.policy FTNTFGTcfgobj=8 duser=carl", name="event:system Edit", product="Fortigate"
    )
    facts("cef", fortigate, activity=Activity.FIREWALL_CHANGE, objects=("firewall.policy/8",), ref="77", action="edit", user="carl")
    panos = line(
        "rt=Mar 02 2026 09:15:30 dvchost=fw-1 shost=192.0.2.7 act={} duser=carl msg= vsys  vsys1 rulebase security rules  web externalId=9",
        name="CONFIG", product="PAN-OS", code="Succeeded",
    )
    facts("cef", panos.format("set"), activity=Activity.FIREWALL_CHANGE, objects=("rulebase/security/rules/web",), host="fw-1")
    facts("cef", panos.format("commit"), activity=Activity.FIREWALL_COMMIT, outcome="success")
    facts("cef", panos.format("commit").replace("Succeeded", "Submitted"), activity=Activity.OTHER)


def test_leef():
    first = "LEEF:1.0|Acme|Gate|4|login_failed|devTime=2026-03-02 09:15:30.250\tdevTimeFormat=yyyy-MM-dd HH:mm:ss.SSS\tusrName=amy\tsrc=203.0.113.9\tsrcPort=4711\tidentHostName=gate-1"
    facts(
        "leef", first, activity=Activity.LOGIN, outcome="failure", user="amy", src_ip="203.0.113.9", src_port=4711, host="gate-1",
        t="2026-03-02T09:15:30.25Z", code="login_failed",
    )
    for delimiter, name in (("^", "^"), ("^", "x5E"), ("^", "0x5E"), ("\t", "x09"), ("\t", "")):
        second = f"LEEF:2.0|Acme|Gate|4|logout|{name}|" + delimiter.join(("usrName=amy", "src=203.0.113.9", "msg=a b\\=c"))
        facts("leef", second, activity=Activity.SESSION_CLOSE, user="amy", message="a b=c")


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [("cef", "no such thing", "bad_header"), ("cef", "CEF:0|a|b", "bad_header"), ("leef", "LEEF:1.0|a", "bad_header"), ("leef", "x", "bad_header")],
)
def test_refused(name, text, reason):
    with pytest.raises(Unreadable) as refused:
        event(name, text)
    assert refused.value.reason == reason


def test_without_a_time_of_its_own_the_header_tells():
    facts("cef", line("act=x"), t="2026-03-02T09:15:31Z")


@pytest.mark.corpora
def test_public_lines(corpora):
    text = (corpora / "wazuh/tests/fireeye.ini").read_text()
    callback = event("cef", next(row for row in text.splitlines() if row.startswith("log 1")).partition(" = ")[2])
    assert (callback.activity, callback.src_ip, callback.dst_ip) == (Activity.ALERT, "192.168.1.1", "192.168.1.2")
    assert callback.t == instant.parse("2017-09-09T00:31:23Z")
    text = (corpora / "wazuh/tests/panda_paps.ini").read_text()
    change = event("leef", next(row for row in text.splitlines() if row.startswith("log 1")).partition(" = ")[2])
    assert (change.user, change.src_ip, change.code, change.host) == ("SYSTEM", "10.255.44.11", "registrym", "44_CCO_11")
