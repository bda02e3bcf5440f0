"""What is written to Elasticsearch for one violation, and how it is read back. Dotted names are objects to Elasticsearch."""

from typing import Any

import orjson

from schemas.violation import Transition, Violation
from sinks.elasticsearch.bulk import Action
from sinks.encoding import Encoded

Json = dict[str, Any]

NUMBER = "controlwatch.number"
DIGEST = "controlwatch.digest"
LAST_TIME = "controlwatch.last_time"
INGESTED = "controlwatch.ingested"  # added when the document is sent

_DEFAULTS: Json = {
    field.alias or name: field.get_default() for name, field in Violation.model_fields.items() if not field.is_required()
}


def current_action(index: str, item: Encoded) -> Action:
    """Write ``item`` as the current document, every field filled in, unless a newer number is there."""
    own = {NUMBER: item.number, DIGEST: item.digest, LAST_TIME: item.violation.last_time}
    document = orjson.dumps({**_DEFAULTS, **item.fields, **own})
    return Action(index=index, id=item.violation.id, document=document, version=item.number)


def history_action(index: str, item: Encoded) -> Action:
    """Write the transition that made ``item``, with the whole document of that time, once."""
    made = item.violation.transition.model_dump(mode="json")
    own = {NUMBER: item.number, DIGEST: item.digest}
    document = orjson.dumps({"id": item.violation.id, **made, **own, "document": item.fields})
    return Action(index=index, id=f"{item.violation.id}:{item.number}", document=document)


def violation(source: Json) -> Violation:
    """The violation of a current document."""
    return Violation.model_validate(_without_own(source))


def transition(source: Json) -> Transition:
    """The transition of a document of the history."""
    return Transition.model_validate({name: value for name, value in _without_own(source).items() if name not in _AROUND})


_AROUND = frozenset({"id", "document"})


def _without_own(source: Json) -> Json:
    return {name: value for name, value in source.items() if not name.startswith("controlwatch.")}
