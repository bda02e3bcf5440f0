"""Groups, expanded at look-up as of the act: a host's groups and systems, the key of a firewall pair, the members beside it.

Names are compared case-folded; a group may be a member of another.
"""

from detectors.kit.contract import Context

DEPTH = 8
"""How many levels of groups in groups are followed; also what ends a circle."""

SIBLINGS = 256
"""How many members of its groups are named beside a host; more would make one look-up as dear as an inventory."""


def folded(name: str) -> str:
    """``name`` as compared: case-folded, without blanks around it."""
    return name.strip().casefold()


def containing(ctx: Context, host: str, t: int) -> tuple[str, ...]:
    """Names that stand for ``host`` at ``t``, folded: itself first, then its groups (through groups) and systems."""
    names: dict[str, None] = {folded(host): None}
    level = tuple(names)
    for _ in range(DEPTH):
        above: dict[str, None] = {}
        for name in level:
            for entry in ctx.as_of("groups", f"member:{name}", t):
                above[folded(entry.data.group)] = None
        level = tuple(name for name in above if name not in names)
        if not level:
            break
        names.update(dict.fromkeys(level))
    for entry in ctx.as_of("assets", folded(host), t):
        if entry.data.system:
            names[folded(entry.data.system)] = None
    return tuple(names)


def members(ctx: Context, group: str, t: int) -> tuple[str, ...]:
    """Direct members of ``group`` at ``t``, folded and sorted."""
    found = {folded(entry.data.member) for entry in ctx.as_of("groups", f"group:{folded(group)}", t)}
    return tuple(sorted(found))


def siblings(ctx: Context, host: str, t: int) -> tuple[str, ...]:
    """Other members of the groups ``host`` is in at ``t``, folded and sorted, at most :data:`SIBLINGS`."""
    own = folded(host)
    found: set[str] = set()
    for name in containing(ctx, host, t):
        found.update(members(ctx, name, t))
    return tuple(sorted(found - {own}))[:SIBLINGS]


def firewall_group(ctx: Context, device: str, t: int) -> str:
    """Name of the pair or cluster (kind firewall) that ``device`` is in at ``t``; a device without one is its own."""
    own = [
        entry.data.group for entry in ctx.as_of("groups", f"member:{folded(device)}", t) if entry.data.kind == "firewall"
    ]
    return min(own, key=folded) if own else device


def firewall_targets(ctx: Context, device: str, t: int) -> tuple[str, ...]:
    """Names under which an approval names ``device`` at ``t``: it, its groups, and the members of its pair.

    Members of a pair share one configuration, so naming either is naming both.
    """
    names = dict.fromkeys(containing(ctx, device, t))
    pair = firewall_group(ctx, device, t)
    if folded(pair) != folded(device):
        names.update(dict.fromkeys(members(ctx, pair, t)))
    return tuple(names)
