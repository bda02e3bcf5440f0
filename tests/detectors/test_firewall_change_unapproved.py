"""Firewall changes: what the findings say, snapshots of the configuration, and what no raw line of a feed shows."""

import msgspec
import pytest

from detectors.firewalls import devices, records
from detectors.firewalls.devices import Device
from schemas import instant, tables
from schemas.event import Activity, SecurityEvent
from tests.detectors.harness import BASE, at, judged

ID = "firewall_change_unapproved"
HOUR = 3600


def event(seconds, number, *, activity=Activity.FIREWALL_CHANGE, ref="", attributes="dstaddr[a->b]", **more):
    fields = {"host": "fw-a", "user": "ian", "action": "edit", "objects": ("firewall.policy/12",)} | more
    extra = {"fortinet.firewall.cfgattr": attributes} | fields.pop("extra", {})
    return SecurityEvent(
        id=f"event-{number:08}", t=at(seconds), o=at(seconds), feed="fortigate", source="fgt", activity=activity, ref=ref,
        extra=extra, original=f"line {number}", **fields,
    )  # fmt: skip


def approval(decided=-HOUR, **fields):
    data = {"approval": "CHG1", "decision": "approved", "decision_time": at(decided), "scope": {"targets": ["fw-a"]}}
    data |= {"updated": at(decided)} | fields
    return tables.envelope("approvals", data, o=at(decided))


def shown(violations):
    return [(v.subtype, v.subject["commit"]) for v in violations]


def test_finding_cites_every_record_of_the_transaction():
    edits = [event(0, 1, ref="7"), event(3, 2, ref="7", objects=("firewall.policy/13",))]
    [found] = judged(ID, edits)
    assert [item.event_id for item in found.evidence] == ["event-00000001", "event-00000002"]
    assert [item.original for item in found.evidence] == ["line 1", "line 2"]
    assert (found.anchor, found.anchor_time, found.last_time, found.count) == ("event-00000001", BASE, at(3), 2)
    assert (found.user_name, found.host_name, found.severity) == ("ian", "fw-a", "high")


def test_pause_in_a_transaction_ends_it():
    assert len(judged(ID, [event(0, 1, ref="7"), event(119, 2, ref="7")])) == 1
    assert len(judged(ID, [event(0, 1, ref="7"), event(121, 2, ref="7")])) == 2


def test_transactions_side_by_side_end_each_by_its_own_pause():
    edits = [event(0, 1, ref="7"), event(60, 2, ref="8"), event(150, 3, ref="8")]
    assert shown(sorted(judged(ID, edits), key=lambda v: v.anchor)) == [("UNAPPROVED", "7"), ("UNAPPROVED", "8")]


def test_values_compared_are_in_the_evidence():
    late = approval(valid_from=at(-HOUR), valid_to=at(-600))
    [found] = judged(ID, [event(0, 1)], [late])
    values = found.evidence[0].values
    assert (found.subtype, values["approval"], values["overrun_s"]) == ("EXPIRED", "CHG1", "600")
    assert values["approval.valid_to"] == instant.text(at(-600))


def test_roll_back_tells_what_it_rolls_back():
    there, back = event(0, 1, ref="7"), event(900, 2, ref="8", attributes="dstaddr[b->a]")
    found = {v.subject["commit"]: v for v in judged(ID, [there, back])}
    assert "rolls_back" not in found["7"].evidence[0].values
    assert found["8"].evidence[0].values["rolls_back"] == "7"


def test_delete_rolls_back_an_add():
    there, back = event(0, 1, ref="7", action="add"), event(900, 2, ref="8", action="delete", attributes="")
    found = {v.subject["commit"]: v for v in judged(ID, [there, back])}
    assert found["8"].evidence[0].values["rolls_back"] == "7"


def test_rules_behind_a_group_are_named_through_groups_of_groups():
    edits = [
        event(-3 * HOUR, 1, ref="1", attributes="srcaddr[lan->all-partners]"),
        event(-2 * HOUR, 2, ref="2", objects=("firewall.addrgrp/all-partners",), attributes="member[p1->p1 new-partners]"),
        event(0, 3, ref="3", objects=("firewall.addrgrp/new-partners",), attributes="member[x->x y]"),
    ]
    found = {v.subject["commit"]: v for v in judged(ID, edits)}
    assert found["3"].evidence[0].values["alters"] == "firewall.policy/12"


def test_number_of_the_request_in_the_comment_is_judged_although_long_over():
    old = approval(-30 * 24 * HOUR, valid_from=at(-30 * 24 * HOUR), valid_to=at(-29 * 24 * HOUR), approval="CHG0000024")
    cited = event(0, 1, extra={"fortinet.firewall.cfgcomment": "as agreed in CHG0000024"})
    assert [v.subtype for v in judged(ID, [cited], [old])] == ["EXPIRED"]
    assert [v.subtype for v in judged(ID, [event(0, 1)], [old])] == ["UNAPPROVED"]


def test_act_that_was_not_allowed_consumes_no_use_and_is_not_reused():
    one = approval(max_uses=1, valid_from=at(-HOUR), valid_to=at(HOUR))
    found = judged(ID, [event(0, 1, ref="1"), event(2 * HOUR, 2, ref="2")], [one])
    assert [(v.subject["commit"], v.reasons) for v in found] == [("2", ("EXPIRED",))]


def test_third_use_of_two():
    two = approval(max_uses=2)
    found = judged(ID, [event(n * HOUR, n, ref=str(n), attributes=f"dstaddr[a->b{n}]") for n in (1, 2, 3)], [two])
    assert [(v.subtype, v.subject["commit"], v.approval) for v in found] == [("REUSED", "3", "CHG1")]


def test_one_stock_of_uses_over_two_approvals():
    both = [approval(max_uses=1), approval(max_uses=1, approval="CHG2")]
    edits = [event(n * HOUR, n, ref=str(n), attributes=f"dstaddr[a->b{n}]") for n in (1, 2, 3)]
    assert shown(judged(ID, edits, both)) == [("REUSED", "3")]


def test_saved_with_an_equal_hash():
    assert judged(ID, [event(0, 1, hash="aa", hash_before="aa")]) == []
    assert len(judged(ID, [event(0, 1, hash="ab", hash_before="aa")])) == 1


def seen(seconds, number, digest):
    return event(seconds, number, activity=Activity.FIREWALL_SNAPSHOT, hash=digest, user="", action="", objects=(), attributes="")


def test_change_while_no_log_came_is_found_by_the_next_snapshot():
    [found] = judged(ID, [seen(0, 1, "aa"), seen(HOUR, 2, "bb")])
    assert (found.subtype, found.first_time, found.last_time) == ("UNAPPROVED", at(0), at(HOUR))
    assert found.subject == {"group": "fw-a", "commit": "event-000000"}


def test_change_of_unknown_time_is_covered_if_any_part_is():
    inside = approval(valid_from=at(600), valid_to=at(1200))
    before = approval(-4 * HOUR, valid_from=at(-3 * HOUR), valid_to=at(-2 * HOUR))
    assert judged(ID, [seen(0, 1, "aa"), seen(HOUR, 2, "bb")], [inside]) == []
    assert [v.subtype for v in judged(ID, [seen(0, 1, "aa"), seen(HOUR, 2, "bb")], [before])] == ["EXPIRED"]


@pytest.mark.parametrize(
    "between", [event(600, 9, attributes="comments[a->b]"), event(600, 9, ref="7")], ids=["remark", "transaction"]
)
def test_snapshot_after_a_record_is_explained_by_it(between):
    found = judged(ID, [seen(0, 1, "aa"), between, seen(HOUR, 2, "bb")])
    assert [v.subject["commit"] for v in found] == (["7"] if between.ref else [])


def test_equal_snapshots_say_nothing():
    assert judged(ID, [seen(0, 1, "aa"), seen(HOUR, 2, "aa")]) == []


def test_move_of_a_rule_is_a_change():
    assert shown(judged(ID, [event(0, 1, ref="7", action="move", attributes="")])) == [("UNAPPROVED", "7")]


@pytest.mark.parametrize(
    ("attributes", "action", "wide"),
    [
        ("srcaddr[all]dstaddr[all]action[accept]", "add", True),
        ("srcaddr[lan->all]dstaddr[web->all]", "edit", True),
        ("srcaddr[all]dstaddr[all]action[deny]", "add", False),
        ("srcaddr[all->lan]dstaddr[all->web]", "edit", False),
        ("srcaddr[lan->all]", "edit", False),
    ],
)
def test_any_to_any_is_critical(attributes, action, wide):
    [found] = judged(ID, [event(0, 1, action=action, attributes=attributes)])
    assert (found.severity == "critical") is wide


def test_device_state_survives_storage_and_is_not_mutated():
    state = Device()
    packed = msgspec.msgpack.encode(state)
    after = state
    for number, edit in enumerate([event(0, 1, ref="7"), event(5, 2, ref="8"), seen(9, 3, "aa")]):
        before = msgspec.msgpack.encode(after)
        step = devices.step(after, edit, None)
        assert msgspec.msgpack.encode(after) == before
        after = step.state
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(after), type=Device) == after, number
    assert msgspec.msgpack.encode(state) == packed
    assert {item.ref for item in after.open} == {"7", "8"}


@pytest.mark.parametrize(
    "attributes",
    ["a[" * 100_000, f"dstaddr[{'a ' * 100_000}]", "".join(f"a{n}[b]" for n in range(10_000))],
    ids=["open", "long", "many"],
)
def test_hostile_attributes_are_bounded(attributes):
    edit = records.edit(event(0, 1, attributes=attributes))
    assert len(str(edit.after)) < 6000


LONG_REMARK = f"comments[{'x' * 1500}->{'y' * 1500}]"


@pytest.mark.parametrize(
    "attributes",
    [LONG_REMARK + "dstaddr[web->all]", "".join(f"label[{n}->b]" for n in range(300)) + "dstaddr[web->all]"],
    ids=["long", "many"],
)
def test_remark_does_not_hide_what_stands_behind_it(attributes):
    assert shown(judged(ID, [event(0, 1, ref="7", attributes=attributes)])) == [("UNAPPROVED", "7")]
    assert judged(ID, [event(0, 1, ref="7", attributes=LONG_REMARK)]) == []


def paloalto(before, after, **more):
    extra = {"panw.panos.before_change_detail": before, "panw.panos.after_change_detail": after}
    return event(0, 1, ref="7", attributes="", extra=extra, **more)


MEMBERS = " ".join(f"host-{n}" for n in range(400))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"rule1 {{ source [ {MEMBERS} ]; action deny; }}", f"rule1 {{ source [ {MEMBERS} ]; action allow; }}"),
        (f"group {{ static [ {MEMBERS} a ]; }}", f"group {{ static [ {MEMBERS} b ]; }}"),
    ],
    ids=["action", "member"],
)
def test_change_far_inside_a_long_record_is_a_change(before, after):
    assert shown(judged(ID, [paloalto(before, after)])) == [("UNAPPROVED", "7")]
    again = before.replace("{", '{ description "who and why";')
    assert judged(ID, [paloalto(before, again)]) == []


def test_any_at_the_end_of_a_long_list_is_seen():
    wide = f"rule1 {{ source any; destination [ {MEMBERS} any ]; action allow; }}"
    [found] = judged(ID, [paloalto("rule1 { source any; destination web; action allow; }", wide)])
    assert found.severity == "critical"


def test_record_that_was_cut_is_never_taken_for_a_remark():
    assert judged(ID, [paloalto("rule1 { action allow; }", "rule1 { action allow; }")]) == []
    event_ = paloalto("rule1 { action allow; }", "rule1 { action allow; }")
    cut = msgspec.structs.replace(event_, extra=event_.extra | {"controlwatch.length": 70_000})
    assert shown(judged(ID, [cut])) == [("UNAPPROVED", "7")]
