"""IBM LEEF, versions 1.0 and 2.0, with or without a syslog header."""

from streams.feeds.kit import cef
from streams.feeds.kit.contract import Feed, Parsed, RawRecord, Unreadable
from streams.feeds.kit.extended import event


def parse(record: RawRecord) -> Parsed:
    """Yield the event of one LEEF record; raises Unreadable if the text holds none."""
    message = cef.read(record.text)
    if message is None:
        raise Unreadable("bad_header", f"expected LEEF:1.0|vendor|product|…, got {record.text[:64]!r}")
    yield event(record, message)


feed = Feed(
    title="IBM Log Event Extended Format (LEEF)",
    kinds=("siem", "firewall", "av_edr", "idp"),
    parse=parse,
    aliases=("wazuh.panda_paps",),
    reference="https://www.ibm.com/docs/en/dsm?topic=overview-leef-event-components",
)
