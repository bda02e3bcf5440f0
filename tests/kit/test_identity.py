"""Accounts to persons, roles with deputies, superiors, groups: as of the event."""

import pytest

from detectors.kit import groups
from detectors.kit.identity import Kind, Relation, holds_role, relation, same_person, superior_of, who
from detectors.kit.tolerance import Fit
from tests.kit.world import account, at, context, member, person, post, text


def test_account_is_the_person_it_belonged_to_at_the_time():
    ctx = context(
        account("mlin", "P-1", **{"from": "2020-01-01T00:00:00Z", "to": text(0)}),
        account("mlin", "P-2", **{"from": text(0)}),
    )
    assert who(ctx, "mlin", at(-1)).person == "P-1"
    assert who(ctx, "MLin", at(0)).person == "P-2"


def test_record_of_the_system_goes_before_one_for_everywhere():
    ctx = context(account("oper", "P-1"), account("oper", "P-2", system="DB-1"))
    assert who(ctx, "oper", at(0), ["db-1"]).person == "P-2"
    assert who(ctx, "oper", at(0), ["web-1"]).person == "P-1"


def test_account_of_another_system_is_unresolved():
    ctx = context(account("oper", "P-2", system="db-1"))
    assert who(ctx, "oper", at(0), ["web-1"]).kind is Kind.UNRESOLVED


def test_domain_is_taken_off_when_the_whole_name_is_unknown():
    ctx = context(account("ian", "P-IAN"))
    assert who(ctx, r"CORP\ian", at(0), []).person == "P-IAN"
    assert who(ctx, "ian@corp.example", at(0), []).person == "P-IAN"


def test_service_account_is_no_person():
    found = who(context(account("svc-deploy", kind="service")), "svc-deploy", at(0))
    assert (found.kind, found.person) == (Kind.SERVICE, "")


def test_two_owners_at_once_are_unresolved():
    found = who(context(account("x", "P-1"), account("x", "P-2")), "x", at(0))
    assert (found.kind, found.person) == (Kind.UNRESOLVED, "")


def checkout(holder: str, since: float, until: float, **fields):
    data = {"checkout": f"C-{holder}", "account": "root", "person": holder, "from": text(since), "to": text(until)}
    return ("checkouts", data | fields, None)


@pytest.mark.parametrize(
    ("t", "persons"),
    [(10, ("P-1",)), (20, ("P-2",)), (31, ("P-2",)), (33, ())],
    ids=["first holder", "handed over", "within tolerance", "after return"],
)
def test_shared_account_is_who_had_it_checked_out(t, persons):
    ctx = context(account("root", kind="shared"), checkout("P-1", 0, 20), checkout("P-2", 20, 30))
    assert who(ctx, "root", at(t), ["web-1"]).persons == persons


def test_check_out_for_another_host_does_not_count():
    ctx = context(checkout("P-1", 0, 20, host="web-2"))
    assert who(ctx, "root", at(10), ["web-1"]).kind is Kind.UNRESOLVED


def test_two_holders_at_once_are_both_named_and_no_one_person():
    ctx = context(checkout("P-1", 0, 20), checkout("P-2", 10, 30))
    found = who(ctx, "root", at(15), ["web-1"])
    assert (found.kind, found.persons, found.person) == (Kind.SHARED, ("P-1", "P-2"), "")


def test_person_id_and_displayed_name_stand_for_the_person():
    ctx = context(person("P-IAN", name="Ian Chen"))
    assert who(ctx, "P-IAN", at(0)).person == "P-IAN"
    assert who(ctx, "ian chen", at(0)).person == "P-IAN"


def test_displayed_name_of_two_persons_is_unresolved():
    ctx = context(person("P-1", name="Ian Chen"), person("P-2", name="Ian Chen"))
    assert who(ctx, "Ian Chen", at(0)).kind is Kind.UNRESOLVED


def test_unresolved_is_never_a_different_person():
    ctx = context(account("ian", "P-IAN"), account("ian.adm", "P-IAN"), account("anna", "P-ANNA"))
    ian, second, anna, unknown = (who(ctx, name, at(0)) for name in ("ian", "ian.adm", "anna", "mailbox"))
    assert relation(ian, second) is Relation.SAME
    assert relation(ian, anna) is Relation.DIFFERENT
    assert relation(ian, unknown) is Relation.UNKNOWN
    assert same_person(unknown, who(ctx, "MAILBOX", at(0)))


@pytest.mark.parametrize(
    ("t", "fit"),
    [(-3, Fit.OUTSIDE), (-1, Fit.TOLERATED), (0, Fit.INSIDE), (59, Fit.INSIDE), (61, Fit.TOLERATED), (63, Fit.OUTSIDE)],
)
def test_deputy_holds_the_role_in_the_deputys_interval(t, fit):
    ctx = context(post("firewall_approver", "P-D", deputy=True, **{"from": text(0), "to": text(60)}))
    assert holds_role(ctx, "firewall_approver", "P-D", ["fw-a"], at(t)) is fit


def test_role_is_held_for_groups_and_patterns_only():
    ctx = context(post("firewall_approver", "P-1", objects=["Edge", "dc-*"]))
    assert holds_role(ctx, "firewall_approver", "P-1", ["fw-a", "edge"], at(0)) is Fit.INSIDE
    assert holds_role(ctx, "firewall_approver", "P-1", ["dc-fw-2"], at(0)) is Fit.INSIDE
    assert holds_role(ctx, "firewall_approver", "P-1", ["fw-b"], at(0)) is Fit.OUTSIDE
    assert holds_role(ctx, "firewall_approver", "P-2", ["edge"], at(0)) is Fit.OUTSIDE


def test_superior_through_others_and_circles_end():
    ctx = context(person("A", manager="B"), person("B", manager="C"), person("C", manager="A"))
    assert superior_of(ctx, "C", "A", at(0))
    assert not superior_of(ctx, "D", "A", at(0))


def test_groups_of_groups_and_systems_name_a_host():
    ctx = context(
        member("web-farm", "Web-1"), member("dmz", "WEB-FARM"),
        ("assets", {"asset": "web-1", "system": "Trading"}, None),
    )  # fmt: skip
    assert groups.containing(ctx, "WEB-1", at(0)) == ("web-1", "web-farm", "dmz", "trading")


def test_group_is_expanded_as_of_the_act():
    ctx = context(member("web-farm", "web-1", to=text(0)))
    assert "web-farm" in groups.containing(ctx, "web-1", at(-1))
    assert "web-farm" not in groups.containing(ctx, "web-1", at(0))


def test_pair_is_one_key_and_either_member_names_it():
    ctx = context(member("Edge", "fw-a", kind="firewall"), member("Edge", "fw-b", kind="firewall"), member("all-fw", "fw-a"))
    assert groups.firewall_group(ctx, "FW-A", at(0)) == "Edge"
    assert groups.firewall_group(ctx, "fw-z", at(0)) == "fw-z"
    assert set(groups.firewall_targets(ctx, "fw-b", at(0))) == {"fw-a", "fw-b", "edge"}
    assert groups.siblings(ctx, "fw-a", at(0)) == ("fw-b",)
