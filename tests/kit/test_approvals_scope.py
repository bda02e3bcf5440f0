"""The approval verdict table: what of the act lies outside the approved scope (minutes after 09:00)."""

import pytest

from tests.kit.world import COVERED, SCOPE, approved, member, opened, rows, verdict


def test_one_rule_too_many():
    found = verdict(approved(0, scope=SCOPE), objects=("firewall.policy/12", "firewall.policy/13"))
    assert (found.subtype, found.difference) == ("SCOPE_EXCEEDED", "objects: firewall.policy/13")


def test_right_host_wrong_account():
    found = verdict(approved(0, scope=SCOPE), account="boss")
    assert (found.subtype, found.difference) == ("SCOPE_EXCEEDED", "accounts: boss")


def test_other_person_than_approved_even_on_the_approved_account():
    scope = {"targets": ["fw-a"], "accounts": ["ian"], "persons": ["P-RITA"]}
    assert verdict(approved(0, scope=scope)).difference == "persons: P-IAN"


def test_unresolved_person_is_outside_named_persons():
    found = verdict(approved(0, scope={"targets": ["fw-a"], "persons": ["P-IAN"]}), account="ghost")
    assert (found.subtype, found.difference) == ("SCOPE_EXCEEDED", "persons: unknown person of ghost")


def test_action_outside():
    assert verdict(approved(0, scope=SCOPE), actions=("delete",)).difference == "actions: delete"


def test_words_of_change_systems_mean_the_same_action():
    assert rows(approved(0, scope=SCOPE | {"actions": ["modify"]})) == COVERED


def test_artefact_hash_outside():
    scope = {"targets": ["fw-a"], "hashes": ["aa" * 32]}
    assert rows(approved(0, scope=scope), hashes=("AA" * 32,)) == COVERED
    assert rows(approved(0, scope=scope), hashes=("bb" * 32,)) == opened("SCOPE_EXCEEDED")


def test_one_host_of_the_group_too_many():
    """Approved for web-1 and web-2; the same person goes on to web-3 of the same farm."""
    farm = [member("farm", f"web-{n}") for n in (1, 2, 3)]
    chg = approved(0, scope={"targets": ["web-1", "web-2"], "accounts": ["ian"]})
    assert rows(chg, *farm, host="web-2", role="") == COVERED
    found = verdict(chg, *farm, host="web-3", role="")
    assert (found.subtype, found.approval, found.difference) == ("SCOPE_EXCEEDED", "CHG1", "targets: web-3")


def test_neighbours_approval_for_somebody_else_says_nothing():
    farm = [member("farm", f"web-{n}") for n in (1, 3)]
    chg = approved(0, scope={"targets": ["web-1"], "accounts": ["rita"]})
    assert rows(chg, *farm, host="web-3", role="") == opened("UNAPPROVED")


@pytest.mark.parametrize("scope", [{}, {"accounts": ["ian"], "objects": ["firewall.policy/99"]}], ids=["anybody", "another object"])
def test_neighbours_approval_must_name_this_actor_and_differ_in_the_host_only(scope):
    farm = [member("farm", f"web-{n}") for n in (1, 3)]
    assert rows(approved(0, scope={"targets": ["web-1"]} | scope), *farm, host="web-3", role="") == opened("UNAPPROVED")


@pytest.mark.parametrize(
    ("allowed", "done", "covered"),
    [("set", "add", True), ("set", "edit", True), ("set", "delete", False), ("add", "set", True), ("delete", "set", False)],
)
def test_set_is_to_add_or_to_edit(allowed, done, covered):
    found = verdict(approved(0, scope={"targets": ["fw-a"], "actions": [allowed]}), actions=(done,))
    assert (found.state == "covered") is covered


def test_object_patterns_and_bare_names():
    names = ("firewall.policy/Web-In",)
    assert rows(approved(0, scope={"targets": ["fw-a"], "objects": ["firewall.policy/web-*"]}), objects=names) == COVERED
    bare = approved(0, scope={"targets": ["fw-a"], "objects": ["web-in"]})
    assert rows(bare, objects=names) == COVERED
    assert rows(bare, objects=names, bare_names=False) == opened("SCOPE_EXCEEDED")


def test_group_object_is_approved_by_naming_the_rules_it_alters():
    group, rules = "firewall.addrgrp/partners", ("firewall.policy/12", "firewall.policy/15")
    one = approved(0, scope={"targets": ["fw-a"], "objects": ["firewall.policy/12"]})
    both = approved(0, scope={"targets": ["fw-a"], "objects": list(rules)})
    assert rows(one, objects=(group,), used_by={group: rules}) == opened("SCOPE_EXCEEDED")
    assert rows(both, objects=(group,), used_by={group: rules}) == COVERED


def test_scope_edited_after_the_decision_does_not_count():
    wider = {"targets": ["fw-a"], "objects": ["firewall.policy/12", "firewall.policy/13"]}
    edited = [approved(0, scope=SCOPE), approved(0, updated=20, scope=wider)]
    assert rows(*edited, objects=("firewall.policy/13",)) == opened("SCOPE_EXCEEDED")
    renewed = [approved(0, scope=SCOPE), approved(25, scope=wider)]
    assert rows(*renewed, objects=("firewall.policy/13",)) == COVERED


def test_target_edited_into_an_approved_request_does_not_count():
    edited = [approved(0, scope={"targets": ["fw-z"]}), approved(0, updated=20, scope={"targets": ["fw-z", "fw-a"]})]
    assert rows(*edited)[0] == "open"


def test_target_edited_out_of_an_approved_request_still_counts():
    assert rows(approved(0), approved(0, updated=20, scope={"targets": ["fw-z"]})) == COVERED


def test_window_edited_after_the_decision_does_not_count():
    assert rows(approved(0), approved(0, updated=160, valid_to=300), t=180) == opened("EXPIRED")


def test_renewed_decision_replaces_the_earlier_one():
    narrower = {"targets": ["fw-a"], "objects": ["firewall.policy/13"]}
    assert rows(approved(0), approved(25, scope=narrower)) == opened("SCOPE_EXCEEDED")
    assert rows(approved(0), approved(65, scope=narrower)) == COVERED
