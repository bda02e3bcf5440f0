"""A small context for tests of approvals and identity: tables in, look-ups out; times are minutes after 09:00 UTC."""

from detectors.kit.approvals import Act, Row, judge
from detectors.kit.context import ContextStore, View
from detectors.kit.groups import containing
from detectors.kit.identity import who
from schemas import instant, tables

NINE = instant.parse("2026-03-02T09:00:00Z")
MIN = instant.MINUTE
DAY = 24 * 60


def at(minutes: float) -> int:
    return NINE + int(minutes * MIN)


def text(minutes: float) -> str:
    return instant.text(at(minutes))


def person(id_: str, **fields):
    return ("persons", {"person": id_, "from": "2020-01-01T00:00:00Z"} | fields, None)


def account(name: str, owner: str = "", **fields):
    return ("accounts", {"account": name, "person": owner, "from": "2020-01-01T00:00:00Z"} | fields, None)


def post(role: str, holder: str, **fields):
    return ("posts", {"role": role, "person": holder, "from": "2020-01-01T00:00:00Z"} | fields, None)


def member(group: str, name: str, **fields):
    return ("groups", {"group": group, "member": name, "from": "2020-01-01T00:00:00Z"} | fields, None)


def snapshot(updated: float, o: float | None = None, **fields):
    """One exported state of CHG1; decision and window in minutes; observed when updated unless ``o`` says otherwise."""
    data = {"approval": "CHG1", "requester": "rita", "approvers": [{"account": "anna"}], "scope": {"targets": ["fw-a"]}} | fields
    for name in ("decision_time", "valid_from", "valid_to", "emergency_at"):
        if isinstance(data.get(name), int | float):
            data[name] = text(data[name])
    data["updated"] = text(updated)
    return ("approvals", data, at(updated if o is None else o))


def approved(decided: float = 0, *, updated: float | None = None, o: float | None = None, **fields):
    """CHG1 approved at ``decided`` for 09:30 to 11:30 on fw-a by Anna, asked by Rita."""
    window = {"valid_from": 30, "valid_to": 150}
    return snapshot(
        decided if updated is None else updated, o, decision="approved", decision_time=decided, **(window | fields)
    )


PEOPLE = [
    person("P-ANNA"), person("P-RITA", manager="P-BOSS"), person("P-IAN"), person("P-BOSS"),
    account("anna", "P-ANNA"), account("rita", "P-RITA"), account("ian", "P-IAN"), account("boss", "P-BOSS"),
    post("firewall_approver", "P-ANNA"),
]  # fmt: skip


def context(*records) -> View:
    store = ContextStore()
    for table, data, o in records:
        store.put(tables.envelope(table, data, o=o, source="tickets"))
    return View(store, "test")


def act(ctx, t: float = 60, **fields) -> Act:
    """Ian edits fw-a at 10:00, seen at once."""
    host = fields.pop("host", "fw-a")
    name = fields.pop("account", "ian")
    for minutes in ("o", "until", "earliest"):
        if fields.get(minutes) is not None:
            fields[minutes] = at(fields[minutes])
    base = {
        "t": at(t), "o": at(t), "host": host, "targets": containing(ctx, host, at(t)), "account": name,
        "who": who(ctx, name, at(t)), "actions": ("edit",), "objects": ("firewall.policy/12",),
        "role": "firewall_approver", "bare_names": True,
    }
    return Act(**(base | fields))


COVERED = ("covered",)
SCOPE = {"targets": ["fw-a"], "objects": ["firewall.policy/12"], "accounts": ["ian"], "actions": ["edit"]}


def opened(*names):
    """The outcome "open" with these rows, in this order."""
    return ("open", *(Row(name) for name in names))


def verdict(*records, people=PEOPLE, t: float = 60, **fields):
    """The verdict over Ian's act at 10:00 with these approvals known."""
    ctx = context(*people, *records)
    return judge(ctx, act(ctx, t, **fields))


def rows(*records, **fields):
    found = verdict(*records, **fields)
    return (found.state, *found.rows)
