"""ArcSight CEF and what is sent in its name, with or without a syslog header."""

from streams.feeds.kit import cef
from streams.feeds.kit.contract import Feed, Parsed, RawRecord, Unreadable
from streams.feeds.kit.extended import event


def parse(record: RawRecord) -> Parsed:
    """Yield the event of one CEF record; raises Unreadable if the text holds none."""
    message = cef.read(record.text)
    if message is None:
        raise Unreadable("bad_header", f"expected CEF:0|vendor|product|…, got {record.text[:64]!r}")
    yield event(record, message)


feed = Feed(
    title="ArcSight Common Event Format (CEF)",
    kinds=("siem", "firewall", "ids", "waf", "idp"),
    parse=parse,
    aliases=("cef.log", "wazuh.fireeye"),
    reference="ArcSight Common Event Format, version 26",
)
