"""ECS documents as SIEMs, Filebeat modules and Elasticsearch hand them on: JSON, nested or dotted, one a line."""

from streams.feeds.kit import document, strict
from streams.feeds.kit.contract import Feed, Parsed, RawRecord


def parse(record: RawRecord) -> Parsed:
    """Yield the event of one document; raises Unreadable for bad JSON or a bad time."""
    yield document.read(record, strict.mapping(record.text))


feed = Feed(
    title="Elastic Common Schema documents",
    kinds=("siem",),
    parse=parse,
    aliases=("elasticsearch",),
    reference="https://www.elastic.co/docs/reference/ecs/ecs-category-field-values-reference",
)
