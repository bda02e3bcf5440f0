"""Cases of detector 2: changes of FortiGate firewalls, each on a device or pair of its own."""

from collections.abc import Callable
from functools import partial

from tests.chaos.oracle.said import HOUR, Edited
from tests.chaos.planting import acts, firm
from tests.chaos.planting.acts import Act
from tests.chaos.planting.field import BEGIN, SECOND, Field, local

_PLAIN = {"dstaddr": ("web", "web2")}


def edit(
    field: Field, act: Act, device: str, *, at: int = 0, rule: str = "12", number: int = 0, action: str = "Edit",
    told: dict[str, tuple[str, str]] | None = None, lag: int | None = None,
) -> None:  # fmt: skip
    """One record: ``rule`` was changed ``at`` µs after the act, in transaction ``number``; ``told``: attribute -> before, after."""
    t = act.t + at
    told = _PLAIN if told is None else told
    attributes = "".join(f"{name}[{old}->{new}]" for name, (old, new) in told.items())
    number = number or int(act.scope["ref"])
    line = (
        f'{local(t, "date=%Y-%m-%d time=%H:%M:%S")} eventtime={t}000 tz="+0800" devname="{device}" devid="FG{number}" '
        f'logid="0100044547" type="event" subtype="system" user="{act.doer}" ui="https(10.1.1.5)" action="{action}" '
        f'cfgtid={number} cfgpath="firewall.policy" cfgobj="{rule}" cfgattr="{attributes}" msg="{action} firewall.policy {rule}"'
    )
    o = t + (field.lag() if lag is None else lag)
    field.say(Edited(
        **field.write(f"fortigate@hub-{number % 6}", "fortigate", line, o), t=t, device=device, user=act.doer,
        transaction=str(number), action=action.lower(), object=f"firewall.policy/{rule}",
        before={name: old for name, (old, _) in told.items()}, after={name: new for name, (_, new) in told.items()},
    ))  # fmt: skip


def _act(field: Field, *, waived: bool = False, designated: bool = True, t: int | None = None) -> tuple[Act, str]:
    n = field.number()
    device = f"{'waived' if waived else 'fw'}-{n:06d}"
    t = field.moment(room=2 * HOUR) if t is None else t
    act = Act(field, [device], t - t % SECOND, t - t % SECOND, firm.staff(field, admins=designated), {"objects": ["12"]})
    act.scope["ref"] = str(n)
    return act, device


def _request(situation: Callable[[Act], int], field: Field) -> int:
    """An edit under a request in some situation."""
    act, device = _act(field)
    edit(field, act, device, lag=SECOND if situation in acts.PROMPT else None)
    number = act.scope.pop("ref")
    if field.chance.random() < 0.3:
        edit(field, act, device, at=20 * SECOND, number=int(number), told={"service": ("ALL", "HTTPS")})
    return situation(act)


def opened_to_all(field: Field) -> int:
    """A rule from anywhere to anywhere."""
    act, device = _act(field)
    edit(field, act, device, told={"srcaddr": ("lan", "all"), "dstaddr": ("web", "all")})
    return 1


def way_to_the_core(field: Field) -> int:
    """A rule that opens a way to a core system."""
    act, device = _act(field)
    edit(field, act, device, action="Add", told={"dstaddr": ("", "matching-engine")})
    return 1


def one_rule_too_many(field: Field) -> int:
    """Two rules changed, one approved."""
    act, device = _act(field)
    edit(field, act, device)
    edit(field, act, device, at=5 * SECOND, rule="13")
    del act.scope["ref"]
    act.approve()
    return 1


def used_twice(field: Field) -> int:
    """Two commits under an approval for one."""
    act, device = _act(field)
    edit(field, act, device)
    number = int(act.scope.pop("ref"))
    act.approve(max_uses=1, valid_to=act.t + HOUR)
    edit(field, act, device, at=600 * SECOND, number=number + 900_000, told={"dstaddr": ("web2", "web3")})
    return 1


def not_designated(field: Field) -> int:
    """Approved, but done by somebody not designated for firewalls."""
    act, device = _act(field, designated=False)
    edit(field, act, device)
    del act.scope["ref"]
    return 1 + acts.in_time(act)


def excepted(field: Field) -> int:
    """Unapproved, with an exception in force."""
    act, device = _act(field, waived=True, t=BEGIN + field.gap(9 * 3600, 31 * 3600))
    edit(field, act, device)
    return 1


def exception_expired(field: Field) -> int:
    """Unapproved, with an exception that has expired."""
    act, device = _act(field, waived=True, t=BEGIN + field.gap(32 * 3600, 50 * 3600))
    edit(field, act, device)
    return 1


def told_by_both(field: Field) -> int:
    """One unapproved commit of a pair, told by both members, is one."""
    act, device = _act(field)
    for member in (device, f"{device}b"):
        field.state("groups", {"group": f"pair-{device}", "member": member, "kind": "firewall"})
    edit(field, act, device)
    own = field.chance.random() < 0.5  # the member counts its transactions by itself
    edit(field, act, f"{device}b", at=3 * SECOND, number=int(act.scope["ref"]) + 900_000 if own else 0)
    return 1


def pair_approved(field: Field) -> int:
    """The pair is named by the request, a member was changed."""
    act, device = _act(field)
    for member in (device, f"{device}b"):
        field.state("groups", {"group": f"pair-{device}", "member": member, "kind": "firewall"})
    edit(field, act, device)
    del act.scope["ref"]
    act.targets[:] = [f"pair-{device}"]
    return acts.in_time(act)


def remark_only(field: Field) -> int:
    """Nothing but a comment was edited."""
    act, device = _act(field)
    edit(field, act, device, told={"comments": ("", "checked")})
    return 0


def used_twice_of_two(field: Field) -> int:
    """Two commits under an approval for two."""
    act, device = _act(field)
    edit(field, act, device)
    number = int(act.scope.pop("ref"))
    act.approve(max_uses=2, valid_to=act.t + HOUR)
    edit(field, act, device, at=600 * SECOND, number=number + 900_000, told={"dstaddr": ("web2", "web3")})
    return 0


def change_beyond_memory(field: Field) -> int:
    """The record of an unapproved change is observed beyond the memory of 26 hours."""
    act, device = _act(field)
    edit(field, act, device, lag=field.chance.randrange(26 * HOUR + SECOND, 30 * HOUR))
    return 0


def _each(situations: tuple[Callable[[Act], int], ...]) -> tuple[Callable[[Field], int], ...]:
    return tuple(partial(_request, situation) for situation in situations)


VIOLATIONS = (
    *_each(acts.VIOLATIONS), opened_to_all, way_to_the_core, one_rule_too_many, used_twice, not_designated, excepted,
    exception_expired, told_by_both,
)  # fmt: skip
NEAR_MISSES = (*_each(acts.NEAR_MISSES), pair_approved, remark_only, used_twice_of_two, change_beyond_memory)
