"""Rows about scope, use counts, scope versions and exceptions, which differ between the kinds of act."""

from schemas import instant
from streams.simulator.acts import FirewallAct, RootAct, WebAct
from streams.simulator.cases_rows import Act, row
from streams.simulator.clock import H, M, S
from streams.simulator.registry import LONG, case
from streams.simulator.scene import Scene
from streams.simulator.truth import FIREWALL, ROOT, SELF, WEB


@case("row.scope_exceeded", FIREWALL)
def scope_object(s: Scene) -> None:
    """Approved for one rule, another is changed."""
    act = FirewallAct(s)
    s.approved(act.ticket())
    s.violation("SCOPE_EXCEEDED", act.do(s.t, item=act.other))


@case("row.scope_exceeded", WEB)
def scope_path(s: Scene) -> None:
    """Announced for one file, another is changed."""
    act = WebAct(s)
    s.approved(act.ticket())
    s.violation("SCOPE_EXCEEDED", act.do(s.t, item=act.other))


@case("row.scope_exceeded", ROOT)
def scope_person(s: Scene) -> None:
    """Approved for one person, another one becomes root."""
    act = RootAct(s, way="su")
    s.approved(act.ticket(persons=(s.person().id,)))
    s.violation("SCOPE_EXCEEDED", act.do(s.t))


@case("p4.06a", FIREWALL)
def one_extra_rule(s: Scene) -> None:
    """One commit changes the approved rule and one more."""
    act = FirewallAct(s)
    s.approved(act.ticket())
    s.violation("SCOPE_EXCEEDED", act.do(s.t, also=act.other), note=f"{act.other} is not approved")


@case("p4.06a", WEB)
def one_extra_file(s: Scene) -> None:
    """Within the minute the announced file changes and one more."""
    act = WebAct(s)
    s.approved(act.ticket())
    s.none("SCOPE_EXCEEDED", act.do(s.t))
    s.violation("SCOPE_EXCEEDED", act.do(s.t + 10 * S, item=act.other), since=s.t + 10 * S)


@case("p4.06b", FIREWALL)
def one_firewall_too_many(s: Scene) -> None:
    """Two firewalls are approved, the third of the roll-out is named by no approval."""
    acts = [FirewallAct(s, vendor="fortigate") for _ in range(3)]
    for act in acts:
        act.item = acts[0].item
    s.approved(acts[0].ticket(targets=(acts[0].target, acts[1].target)))
    for act in acts[:2]:
        s.none("UNAPPROVED", act.do(s.t))
    s.violation("UNAPPROVED", acts[2].do(s.t + M), since=s.t + M, note="no approval names the target")


@case("p4.06b", WEB)
def one_host_too_many(s: Scene) -> None:
    """Two hosts of the farm are announced, the third is named by no announcement."""
    acts = [WebAct(s) for _ in range(3)]
    ticket = acts[0].ticket(targets=(acts[0].target, acts[1].target))
    s.approved(ticket)
    for act in acts:
        act.item, act.before, act.after = acts[0].item, acts[0].before, acts[0].after
    for act in acts[:2]:
        s.none("UNANNOUNCED", act.do(s.t))
    s.violation("UNANNOUNCED", acts[2].do(s.t + M), since=s.t + M, note="no announcement names the host")


@case("p4.06c", FIREWALL)
def wrong_account(s: Scene) -> None:
    """Right firewall and rule, but the account is another than the approved one."""
    act = FirewallAct(s)
    s.approved(act.ticket(accounts=(s.firm.firewall_admin(act.box)[1],)))
    s.violation("SCOPE_EXCEEDED", act.do(s.t))


@case("p4.06c", ROOT)
def wrong_root_account(s: Scene) -> None:
    """Right host and person, but the approval is for another privileged account."""
    act = RootAct(s, way="su")
    s.approved(act.ticket(accounts=("oracle",)))
    s.violation("SCOPE_EXCEEDED", act.do(s.t))


@row("row.reused", "p4.11", acts=(FirewallAct, RootAct), tail=4 * H)
def reused(s: Scene, act: Act) -> None:
    """A single-use approval covers the first act; the second, an hour later, re-uses it."""
    s.approved(act.ticket(max_uses=1, valid_to=s.t + 3 * H))
    s.none("REUSED", act.do(s.t))
    s.violation("REUSED", act.do(s.t + H), since=s.t + H)


@case("row.reused", WEB, tail=4 * H)
@case("p4.11", WEB, tail=4 * H)
def reused_web(s: Scene) -> None:
    """A single-use announcement covers the first change of a file; an hour later it is changed again, to other content."""
    act = WebAct(s)
    s.approved(act.ticket(max_uses=1, hashes=(), valid_to=s.t + 3 * H))
    subject = act.do(s.t, handled=False)
    act.do(s.t + H, before=act.after, after=act.sha())
    s.violation("REUSED", subject, since=s.t + H)


@case("row.several_expired_scope", FIREWALL)
def several_expired_scope(s: Scene) -> None:
    """The approved rule and one more, after the window's end: EXPIRED stands before SCOPE_EXCEEDED."""
    act = FirewallAct(s)
    s.approved(act.ticket(valid_from=s.t - 150 * M, valid_to=s.t - 30 * M), s.t - 155 * M)
    s.violation("EXPIRED", act.do(s.t, also=act.other), note="also SCOPE_EXCEEDED")


@case("row.scope_edited_after", FIREWALL)
def scope_widened(s: Scene) -> None:
    """The scope is widened after the decision: the approved version decides."""
    act = FirewallAct(s)
    ticket = s.approved(act.ticket())
    ticket.objects = (act.item, act.other)
    s.export(ticket, s.t - 30 * M)
    s.violation("SCOPE_EXCEEDED", act.do(s.t, item=act.other), note="added to the scope after the decision")


@case("row.scope_edited_after_kept", FIREWALL)
def scope_narrowed(s: Scene) -> None:
    """The approved object is taken out of the scope after the decision: the approved version still covers it."""
    act = FirewallAct(s)
    ticket = s.approved(act.ticket())
    ticket.objects = (act.other,)
    s.export(ticket, s.t - 30 * M)
    s.none("SCOPE_EXCEEDED", act.do(s.t))


@case("row.scope_edited_after", ROOT)
def scope_widened_root(s: Scene) -> None:
    """The person is added to the scope after the decision: the approved version decides."""
    act = RootAct(s, way="su")
    other = s.person()
    ticket = s.approved(act.ticket(persons=(other.id,)))
    ticket.persons = (other.id, act.person.id)
    s.export(ticket, s.t - 30 * M)
    s.violation("SCOPE_EXCEEDED", act.do(s.t))


@case("row.scope_edited_after", WEB)
def scope_widened_web(s: Scene) -> None:
    """A file is added to the announcement after the decision: the approved version decides."""
    act = WebAct(s)
    ticket = s.approved(act.ticket(hashes=()))
    ticket.objects = (act.item, act.other)
    s.export(ticket, s.t - 30 * M)
    s.violation("SCOPE_EXCEEDED", act.do(s.t, item=act.other))


@row("p4.08d", tail=LONG)
def ratified_by_implementer(s: Scene, act: Act) -> None:
    """The implementer ratifies the emergency himself: no ratification, and self-approved."""
    s.firm.post(act.role, act.person)
    ticket = act.ticket(emergency_at=s.t - 10 * M, approvers=(act.account,))
    s.request(ticket, s.t - 10 * M)
    s.decide(ticket, s.t + 5 * H)
    s.violation("EMERGENCY_UNRATIFIED", act.do(s.t), until=s.t + 24 * H)
    s.violation("SELF_APPROVED", {"approval": ticket.number}, detector=SELF)


@row("p4.17a")
def exception_active(s: Scene, act: Act) -> None:
    """An approved exception is in force at the act: written as excepted, not dropped."""
    subject = act.do(s.t)
    _exception(s, act, subject["group"] if isinstance(act, FirewallAct) else act.target, until=s.t + 30 * 24 * H)
    s.violation(act.unapproved, subject, verdict="excepted")


@row("p4.17b")
def exception_expired(s: Scene, act: Act) -> None:
    """The exception ended an hour before the act."""
    subject = act.do(s.t)
    _exception(s, act, subject["group"] if isinstance(act, FirewallAct) else act.target, until=s.t - H)
    s.violation(act.unapproved, subject)


def _exception(s: Scene, act: Act, name: str | None, *, until: int) -> None:
    part = "group" if isinstance(act, FirewallAct) else "host"
    s.firm.state(
        "exceptions", exception=f"EX-{s.firm.next('exception', 301)}", detector=act.detector, subject={part: name},
        reason="replacement of the device under way", approver=s.firm.head.id, since=s.t - 48 * H, until=until,
        recorded=instant.text(s.t - 48 * H),
    )


@case("p4.13", FIREWALL)
def doubled_commit(s: Scene) -> None:
    """PAN-OS records delivered twice, the copies ten minutes later: their sequence numbers make them one."""
    act = FirewallAct(s, vendor="panos")
    first = len(s.script.lines)
    subject = act.do(s.t)
    _again(s, first, 10 * M)
    s.violation("UNAPPROVED", subject)


@case("p4.13", WEB)
def doubled_alert(s: Scene) -> None:
    """A Wazuh alert delivered twice, the copy ten minutes later: its id makes it one."""
    act = WebAct(s)
    first = len(s.script.lines)
    subject = act.do(s.t)
    _again(s, first, 10 * M)
    s.violation("UNANNOUNCED", subject)


@case("p4.13", ROOT)
def doubled_session(s: Scene) -> None:
    """Every line of a root session delivered twice, the copies ten minutes later: one session."""
    act = RootAct(s)
    first = len(s.script.lines)
    subject = act.do(s.t)
    _again(s, first, 10 * M)
    s.violation("UNAPPROVED", subject)


def _again(s: Scene, first: int, later: int) -> None:
    for observed, _, source, line in s.script.lines[first:]:
        s.log(source, observed, line, observed + later)


