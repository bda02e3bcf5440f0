"""Hard cases and false-positive traps of detector 2 (firewall changes without approval)."""

from streams.simulator.acts import FORTIGATES, PANORAMA, FirewallAct
from streams.simulator.clock import H, M, S
from streams.simulator.firm import Person
from streams.simulator.registry import case
from streams.simulator.scene import Scene
from streams.simulator.truth import FIREWALL
from streams.simulator.writers import fortigate, panos


@case("d2.hard.itemgroup", FIREWALL)
def itemgroup(s: Scene) -> None:
    """An address group is widened: rules change that nobody touched, and no approval exists."""
    act = FirewallAct(s, vendor="fortigate")
    item = f"firewall.addrgrp/g-traders-{s.rng.randrange(100)}"
    s.violation("UNAPPROVED", act.do(s.t, item=item, attributes="member[h-1 h-2->h-1 h-2 any-vendor]"))


@case("d2.hard.itemgroup_approved", FIREWALL)
def itemgroup_approved(s: Scene) -> None:
    """The address group itself is in the approved scope."""
    act = FirewallAct(s, vendor="fortigate")
    act.item = f"firewall.addrgrp/g-vendors-{s.rng.randrange(100)}"
    s.approved(act.ticket())
    s.none("UNAPPROVED", act.do(s.t, attributes="member[h-1->h-1 h-2]"))


@case("d2.hard.itemgroup_rule_approved", FIREWALL, tail=4 * H)
def itemgroup_rule_approved(s: Scene) -> None:
    """The one rule that uses a group is approved; widening the group alters that rule and nothing else."""
    act, group = _rules_with_group(s, 1)
    s.approved(act.ticket())
    s.none("UNAPPROVED", act.do(s.t, item=f"firewall.addrgrp/{group}", attributes="member[h-1->h-1 h-2]"))


@case("d2.hard.itemgroup_second_rule", FIREWALL, tail=4 * H)
def itemgroup_second_rule(s: Scene) -> None:
    """Two rules use a group and one of them is approved; widening the group alters the other as well."""
    act, group = _rules_with_group(s, 2)
    s.approved(act.ticket())
    s.violation("SCOPE_EXCEEDED", act.do(s.t, item=f"firewall.addrgrp/{group}", attributes="member[h-1->h-1 h-2]"))


def _rules_with_group(s: Scene, count: int) -> tuple[FirewallAct, str]:
    """Approved commits two hours before, each under a request of its own, add rules which refer to one address group."""
    act, group = FirewallAct(s, vendor="fortigate"), f"g-partners-{s.rng.randrange(100)}"
    for step, rule in enumerate((act.item, act.other)[:count]):
        at = s.t - 2 * H + step * 10 * M
        s.approved(act.ticket(objects=(rule,), valid_from=at - M, valid_to=at + M), at - 10 * M)
        subject = act.do(at, item=rule, action="add", attributes=f"dstaddr[{group}]action[accept]")
        s.none("UNAPPROVED", subject, since=at)
    return act, group


@case("d2.hard.reorder", FIREWALL)
def reorder(s: Scene) -> None:
    """Approved to edit a rule; the rule is moved, which changes what the rule set does."""
    act = FirewallAct(s)
    s.approved(act.ticket(actions=("edit",)))
    s.violation("SCOPE_EXCEEDED", act.do(s.t, action="move", attributes="position[14->2]"))


@case("d2.hard.several_commits", FIREWALL, tail=4 * H)
def several_commits(s: Scene) -> None:
    """Three commits under one approval that sets no limit of uses."""
    act = FirewallAct(s)
    s.approved(act.ticket())
    for step in range(3):
        s.none("UNAPPROVED", act.do(s.t + step * 20 * M), since=s.t + step * 20 * M)


@case("d2.hard.roll_back", FIREWALL)
def roll_back(s: Scene) -> None:
    """An unapproved change is rolled back after 20 minutes, also unapproved: two findings."""
    act = FirewallAct(s, vendor="fortigate")
    s.violation("UNAPPROVED", act.do(s.t, attributes="action[deny->accept]"))
    back = act.do(s.t + 20 * M, attributes="action[accept->deny]")
    s.violation("UNAPPROVED", back, since=s.t + 20 * M, note="the roll-back is itself a change")


@case("d2.hard.pushed_to_many", FIREWALL)
def pushed_to_many(s: Scene) -> None:
    """A management server pushes one approved change to four firewalls within seconds."""
    acts = [FirewallAct(s, vendor="fortigate") for _ in range(4)]
    ticket = acts[0].ticket(targets=tuple(act.target for act in acts))
    s.approved(ticket)
    for step, act in enumerate(acts):
        act.item = acts[0].item
        s.firm.post("firewall_admin", acts[0].person, objects=(act.target,))
        subject = act.do(s.t + step * 2 * S, account=acts[0].account)
        s.none("UNAPPROVED", subject, since=s.t + step * 2 * S)


@case("d2.hard.console_while_silent", FIREWALL, tail=6 * H)
def console_while_silent(s: Scene) -> None:
    """A change at the console while the log flow was down; the device sends it three hours later. No approval."""
    act = FirewallAct(s, vendor="fortigate")
    commit = s.firm.next("cfgtid", 2_162_000)
    path, _, item = act.item.rpartition("/")
    line = fortigate.config(s.t, act.box.members[0], commit, act.account, path, item, ui="console")
    s.log(FORTIGATES, s.t, line, s.t + 3 * H)
    s.violation("UNAPPROVED", {"group": act.target, "commit": str(commit)}, note="observed three hours later")


@case("d2.hard.standby_sync", FIREWALL)
def standby_sync(s: Scene) -> None:
    """Both members of the core pair log one approved commit: one use of a single-use approval."""
    act = FirewallAct(s, box=s.firm.core)
    s.approved(act.ticket(max_uses=1))
    subject = act.do(s.t)
    act.sync(s.t + 2 * S, subject)
    s.none("REUSED", subject)


@case("d2.hard.standby_sync_unapproved", FIREWALL)
def standby_sync_unapproved(s: Scene) -> None:
    """Both members of a pair log one unapproved commit: one finding."""
    act = FirewallAct(s, vendor="fortigate", pair=True)
    subject = act.do(s.t)
    act.sync(s.t + S, subject)
    s.violation("UNAPPROVED", subject)


@case("d2.hard.standby_own_number", FIREWALL)
def standby_own_number(s: Scene) -> None:
    """The second member logs its copy under a number of its own: still one use of a single-use approval."""
    act = FirewallAct(s, vendor="fortigate", pair=True)
    s.approved(act.ticket(max_uses=1))
    subject = act.do(s.t)
    number = s.firm.next("cfgtid own", 900)
    act.sync(s.t + 2 * S, subject, number=number)
    s.none("REUSED", subject)
    s.none("REUSED", {"group": act.target, "commit": str(number)})


@case("d2.hard.commit_counts", FIREWALL)
def commit_counts(s: Scene) -> None:
    """PAN-OS: edited inside the approval's window, committed 40 minutes after its end: the commit is the act."""
    act = FirewallAct(s, vendor="panos")
    s.approved(act.ticket(valid_from=s.t - 2 * H, valid_to=s.t - 40 * M), s.t - 130 * M)
    line = panos.config(
        s.t - H, act.box.members[0], s.firm.next("seqno", 7_300_000), act.account, "edit",
        path=panos.rule(act.item.rpartition("/")[2]), before="action deny;", after="action allow;",
    )
    s.log(PANORAMA, s.t - H, line)
    s.violation("EXPIRED", act.commit(s.t))


@case("d2.hard.edited_without_commit", FIREWALL)
def edited_without_commit(s: Scene) -> None:
    """PAN-OS: a rule is edited in the candidate configuration and never committed: nothing took effect."""
    act = FirewallAct(s, vendor="panos")
    line = panos.config(
        s.t, act.box.members[0], s.firm.next("seqno", 7_300_000), act.account, "edit",
        path=panos.rule(act.item.rpartition("/")[2]), before="action deny;", after="action allow;",
    )
    s.log(PANORAMA, s.t, line)
    s.none("UNAPPROVED", {"group": act.target})


@case("d2.designated.nowhere", FIREWALL)
def designated_nowhere(s: Scene) -> None:
    """An approved change by somebody who is on no list of firewall administrators."""
    _by(s, FirewallAct(s), s.person(), listed=False)


@case("d2.designated.elsewhere", FIREWALL)
def designated_elsewhere(s: Scene) -> None:
    """An approved change by the designated administrator of another firewall."""
    _by(s, FirewallAct(s), FirewallAct(s).person, listed=False)


@case("d2.designated.ended", FIREWALL)
def designation_ended(s: Scene) -> None:
    """An approved change by an administrator whose designation ended an hour before."""
    act, person = FirewallAct(s), s.person()
    s.firm.post("firewall_admin", person, objects=(act.target,), until=s.t - H)
    _by(s, act, person, listed=False)


@case("d2.designated.deputy", FIREWALL)
def designated_deputy(s: Scene) -> None:
    """An approved change by the administrator's deputy, inside the deputy's interval."""
    act, person = FirewallAct(s), s.person()
    s.firm.post("firewall_admin", person, objects=(act.target,), deputy=True, since=s.t - 2 * H, until=s.t + H)
    _by(s, act, person, listed=True)


@case("d2.designated.unapproved", FIREWALL)
def undesignated_unapproved(s: Scene) -> None:
    """Neither approved nor by a designated administrator: two findings."""
    act = FirewallAct(s)
    subject = act.do(s.t, account=s.person().account)
    s.violation("UNAPPROVED", subject)
    s.violation("UNDESIGNATED_ADMIN", subject)


def _by(s: Scene, act: FirewallAct, person: Person, *, listed: bool) -> None:
    act.account = person.account
    s.approved(act.ticket())
    subject = act.do(s.t)
    s.none("UNAPPROVED", subject)
    s.violation("UNDESIGNATED_ADMIN", subject, verdict="none" if listed else "violation")


@case("d2.trap.comment_only", FIREWALL)
def comment_only(s: Scene) -> None:
    """Only the comment of a rule is edited."""
    act = FirewallAct(s, vendor="fortigate")
    s.none("UNAPPROVED", act.do(s.t, attributes="comments[temporary->reviewed in March]"))


@case("d2.trap.hit_counter", FIREWALL)
def hit_counter(s: Scene) -> None:
    """Only the hit counter of a rule is reset."""
    act = FirewallAct(s, vendor="fortigate")
    s.none("UNAPPROVED", act.do(s.t, attributes="hit-count[18230->0]"))


@case("d2.trap.resave_equal", FIREWALL)
def resave_equal(s: Scene) -> None:
    """A rule is saved again with every value as it was."""
    act = FirewallAct(s, vendor="fortigate")
    s.none("UNAPPROVED", act.do(s.t, attributes="srcaddr[all->all]action[accept->accept]service[HTTPS->HTTPS]"))


@case("d2.trap.signature_update", FIREWALL)
def signature_update(s: Scene) -> None:
    """Signature databases are updated from the vendor."""
    act = FirewallAct(s, vendor="fortigate")
    rest = 'status="success" msg="Fortigate scheduled update fcni=yes fdni=yes fsci=yes from 208.91.112.68:443"'
    line = fortigate.system(s.t, act.box.members[0], "0100041000", "system", "FortiGate update succeeded", rest)
    s.log(FORTIGATES, s.t, line)
    s.none("UNAPPROVED", {"group": act.target})


@case("d2.trap.dynamic_list", FIREWALL)
def dynamic_list(s: Scene) -> None:
    """An external dynamic list is refreshed."""
    act = FirewallAct(s, vendor="panos")
    message = "EDL(vsys1/bad-addresses) Refresh job success. No changes."
    s.log(PANORAMA, s.t, panos.system(s.t, act.box.members[0], s.firm.next("seqno", 7_300_000), "general", message))
    s.none("UNAPPROVED", {"group": act.target})


@case("d2.trap.routing_update", FIREWALL)
def routing_update(s: Scene) -> None:
    """A routing neighbour goes up and down."""
    act = FirewallAct(s, vendor="fortigate")
    for step, state in enumerate(("Down", "Up")):
        at = s.t + step * 30 * S
        rest = f'msg="BGP: %BGP-5-ADJCHANGE: VRF 0 neighbor 10.20.9.1 {state}"'
        line = fortigate.system(at, act.box.members[0], "0103020300", "router", "BGP neighbor status changed", rest)
        s.log(FORTIGATES, at, line)
    s.none("UNAPPROVED", {"group": act.target})


@case("d2.trap.scheduled_rule", FIREWALL)
def scheduled_rule(s: Scene) -> None:
    """A scheduled rule switches by the clock."""
    act = FirewallAct(s, vendor="fortigate")
    rest = 'action="schedule" stitch="night-batch" trigger="schedule" msg="stitch:night-batch is triggered."'
    line = fortigate.system(s.t, act.box.members[0], "0100046600", "system", "Automation stitch triggered", rest)
    s.log(FORTIGATES, s.t, line)
    s.none("UNAPPROVED", {"group": act.target})


@case("d2.trap.vendor_update", FIREWALL, tail=4 * H)
def vendor_update(s: Scene) -> None:
    """The vendor's automatic updates change objects twice under a standing approval."""
    act = FirewallAct(s, vendor="fortigate")
    account = s.firm.account(f"svc-fortiguard{s.firm.next('service')}", act.person, kind="service")
    s.approved(act.ticket(
        channel="approval", standing=True, implementer=account, objects=("firewall.internet-service-name/*",),
        valid_to=s.t + 300 * 24 * H,
    ))
    for step in range(2):
        item = f"firewall.internet-service-name/Google-Web-{step}"
        at = s.t + step * H
        s.none("UNAPPROVED", act.do(at, item=item, attributes="internet-service-id[65537->65641]"), since=at)
