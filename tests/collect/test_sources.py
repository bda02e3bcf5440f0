"""What the user may write as a source, and what he is told when it is wrong."""

import pytest

from streams.collect.sources import BadSource, Files, Listen, Standard, Topic, from_file, from_options, host_zone
from streams.recording import read_sources

ZONE = "Asia/Taipei"


def one(option):
    [found] = from_options([option], host_zone=ZONE)
    return found


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("/var/log/auth.log", Files("/var/log/auth.log")),
        ("logs/*.log", Files("logs/*.log")),
        ("file:///var/log/auth.log", Files("/var/log/auth.log")),
        ("a=b.log", Files("a=b.log")),
        ("-", Standard()),
        ("syslog+udp://127.0.0.1:5514", Listen("udp", "127.0.0.1", 5514)),
        ("syslog+tcp://:6514", Listen("tcp", "127.0.0.1", 6514)),
        ("syslog+udp://[::1]:5514", Listen("udp", "::1", 5514)),
        ("syslog+tcp://192.0.2.7", Listen("tcp", "192.0.2.7", 514)),
        ("kafka://intake.linux", Topic("intake.linux")),
    ],
)
def test_inputs(where, expected):
    assert one(f"linux={where}").input == expected


def test_a_feed_an_alias_and_an_instance():
    found = from_options(["linux=a", "system.auth=b", "linux@branch=c"], host_zone=ZONE)
    assert [(item.source.source, item.source.feed) for item in found] == [
        ("linux", "linux"), ("system.auth", "linux"), ("linux@branch", "linux"),
    ]  # fmt: skip


def test_local_files_are_in_the_hosts_zone_and_the_user_is_told():
    item = one("linux=/var/log/auth.log")
    assert item.source.zone == ZONE
    assert any(ZONE in note for note in item.notes)
    item = one("linux=syslog+udp://127.0.0.1:5514")
    assert (item.source.zone, item.notes) == ("UTC", ())


def test_an_unknown_feed_is_read_generically_and_the_nearest_is_named():
    item = one("linus=/x")
    assert item.source.feed == "generic"
    assert any("did you mean 'linux'" in note for note in item.notes)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["linux"], "expected FEED=PATH"),
        (["=x"], "expected FEED=PATH"),
        (["linux=a", "linux=b"], "linux@<instance>"),
        (["linux=syslog://h:1"], r"no input we know.*did you mean syslog\+"),
        (["linux=syslog+udp://h:99999"], "Port out of range"),
        (["linux=syslog+udp://h:1/path"], "nothing after it"),
        (["linux=kafka://"], "no input we know"),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(BadSource, match=message):
        from_options(options, host_zone=ZONE)


def written(tmp_path, text):
    path = tmp_path / "sources.toml"
    path.write_text(text)
    return path


def test_a_file_of_sources(tmp_path):
    path = written(tmp_path, """
[sources."linux@web"]
input = "/var/log/auth.log"
zone = "UTC"
collector = "rsyslog-1"
core = true
expected = [{every = "PT10M", days = ["mon", "fri"], hours = "09:00-13:30"}]

[sources.edge]
feed = "fortigate"
input = "syslog+udp://127.0.0.1:5514"
offset = "PT5S"
""")
    web, edge = from_file(path, host_zone=ZONE)
    assert (web.source.feed, web.source.zone, web.source.core, len(web.source.expected)) == ("linux", "UTC", True, 1)
    assert (edge.source.source, edge.source.feed, edge.source.offset) == ("edge", "fortigate", 5_000_000)


def test_the_same_file_serves_a_replay(tmp_path):
    path = written(tmp_path, "[sources.linux]\ninput = '/var/log/auth.log'\nzone = 'Asia/Taipei'\n")
    assert read_sources(path) == {"linux": from_file(path, host_zone=ZONE)[0].source}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[sources.linux]\ninput = 5\nzone = 'UTC'", 'field "input" is 5'),
        ("[sources.linux]\ninput = 'x'\nzoen = 'UTC'", "field 'zoen' is unknown; did you mean 'zone'"),
        ("[sources.linux]\ninput = 'x'\nzone = 'Asia/Taipeh'", "no time zone"),
        ("[sources.linux]\ninput = 'x'\nexpected = [{every = '10min'}]", r"expected\[0\].every.*PT10M"),
        ("[sources.linux]\ninput = 'x'\nexpected = [{evry = 'PT10M'}]", r"expected\[0\]"),
        ("[source.linux]\ninput = 'x'", "unknown table 'source'"),
        ("sources.linux = 3", "expected a table"),
        ("[sources.linux\n", "sources.toml"),
    ],
)
def test_wrong_files(tmp_path, text, message):
    with pytest.raises(BadSource, match=message):
        from_file(written(tmp_path, text), host_zone=ZONE)


def test_an_absent_file_is_told(tmp_path):
    with pytest.raises(BadSource, match="No such file"):
        from_file(tmp_path / "none.toml", host_zone=ZONE)


def test_the_zone_of_the_host(tmp_path):
    zoneinfo = tmp_path / "zoneinfo" / "Asia"
    zoneinfo.mkdir(parents=True)
    (zoneinfo / "Taipei").touch()
    link = tmp_path / "localtime"
    link.symlink_to(zoneinfo / "Taipei")
    assert host_zone({}, link) == "Asia/Taipei"
    assert host_zone({"TZ": ":Europe/London"}, link) == "Europe/London"
    assert host_zone({"TZ": "nonsense"}, link) == "UTC"
    assert host_zone({}, tmp_path / "absent") == "UTC"
