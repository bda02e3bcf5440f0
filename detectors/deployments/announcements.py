"""Whether a change was announced: the approval table over the requests that announce deployments, with their released hashes.

A release is also what its signers packed anew (``docs/decisions/0010-signed-re-packs.md``).
"""

from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from detectors.kit import identity
from detectors.kit.approvals import Act, Row, Verdict, judge
from detectors.kit.contract import Context, Entry
from detectors.kit.groups import containing, folded
from schemas.approval import Approval
from schemas.identity import digest

APPROVER = "release_approver"

_ACCESS = frozenset({"root", "sudo", "su", "sa", "privileged", "admin", "login", "session"})
"""Actions of requests for access, which announce no deployment."""

_OF_ITS_OWN = frozenset({Row.LATE_APPROVAL, Row.BACKDATED_APPROVAL, Row.EMERGENCY_RATIFIED, Row.EMERGENCY_UNRATIFIED})
"""Rows of a request that speaks of this very content: another one with another hash does not change them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """What the announcements say of a change.

    ``wrong_hash``: an announcement covers host, path and time (``apart`` is the verdict by these alone), but the new content
    is none of its release. ``releases`` and ``hashes``: what was released under the request judged by.
    """

    verdict: Verdict
    apart: Verdict
    wrong_hash: bool
    releases: tuple[str, ...]
    hashes: tuple[str, ...]


def announced(
    ctx: Context, *, t: int, o: int, earliest: int | None, host: str, path: str, new_hash: str, account: str,
    signers: tuple[str, ...] = (),
) -> tuple[Act, Announced]:  # fmt: skip
    """Judge a change of ``path`` to ``new_hash`` (SHA-256; empty: not known) at ``t``, or between ``earliest`` and ``t``.

    ``signers``: names of who signed the new content, folded.
    """
    targets = containing(ctx, host, t)
    act = Act(
        t=t, o=o, earliest=earliest, host=host or "unknown host", targets=targets, account=account,
        who=identity.who(ctx, account, t, targets), objects=(path,), hashes=(new_hash,) if new_hash else (), role=APPROVER,
    )  # fmt: skip
    view = _Announcements(ctx, act, signers)
    verdict = judge(view, act)
    apart, wrong = verdict, False
    if act.hashes and verdict.state != "covered" and (not verdict.rows or verdict.rows[0] not in _OF_ITS_OWN):
        apart = judge(view, replace(act, hashes=()))
        covered = apart.state == "covered" or apart.rows == (Row.EMERGENCY_RATIFIED,)
        wrong = covered or (apart.state == "retracted" and verdict.state == "open")
    number = apart.approval if wrong else verdict.approval
    names, hashes = view.released(number) if number else ((), ())
    return act, Announced(verdict=verdict, apart=apart, wrong_hash=wrong, releases=names, hashes=hashes)


def approved(ctx: Context, act: Act) -> Verdict:
    """Judge an act on a host as a whole, such as making the baseline of its monitor anew."""
    return judge(_Announcements(ctx, act), act)


class _Announcements:
    """Context in which the approvals are those that announce deployments, with the hashes released under them."""

    def __init__(self, ctx: Context, act: Act, signers: tuple[str, ...] = ()) -> None:
        self._ctx = ctx
        self._act = act
        self._signers = frozenset(signers)

    def all(self, table: str, entity: str) -> tuple[Entry, ...]:
        return self._read(table, entity, self._ctx.all(table, entity))

    def as_of(self, table: str, entity: str, t: int) -> tuple[Entry, ...]:
        return self._read(table, entity, self._ctx.as_of(table, entity, t))

    def released(self, number: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Names of the releases of request ``number`` and their hashes for the path; of all their files if none names it."""
        releases = [entry.data for entry in self._ctx.all("releases", f"approval:{number}")]
        names = tuple(sorted({release.release for release in releases}))
        if not self._act.objects:
            return names, ()
        signers = {folded(signer) for release in releases for signer in release.signers}
        again = [
            entry.data for name in names for entry in self._ctx.all("releases", f"release:{name}")
            if not entry.data.approval and not signers.isdisjoint(map(folded, entry.data.signers))
        ]
        path = folded(self._act.objects[0])
        every = {(item.path, item.sha256) for release in (*releases, *again) for item in release.artefacts}
        own = {sha for pattern, sha in every if fnmatchcase(path, folded(pattern))}
        if own and not signers.isdisjoint(self._signers):
            own.update(self._act.hashes)
        return names, tuple(sorted(own or {sha for _, sha in every}))

    def _read(self, table: str, entity: str, entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
        if table != "approvals" or not entries:
            return entries
        whole = not self._act.objects
        known = tuple(entry for entry in entries if _announces(entry.data) or (whole and _maintains(entry.data)))
        # A look-up by target only asks for the numbers.
        return tuple(map(self._with_release, known)) if entity.startswith("approval:") else known

    def _with_release(self, entry: Entry) -> Entry:
        approval: Approval = entry.data
        update: dict[str, tuple[str, ...]] = {}
        if hashes := self.released(approval.approval)[1]:
            update["hashes"] = tuple(sorted({*map(folded, approval.scope.hashes), *hashes}))
        if not self._act.account:
            # An integrity monitor does not see who wrote: nobody to compare with those named.
            update |= {"accounts": (), "persons": ()}
        if not update:
            return entry
        own = digest((entry.id, *(f"{name}={','.join(names)}" for name, names in update.items())))
        return entry._replace(id=own, data=approval.model_copy(update={"scope": approval.scope.model_copy(update=update)}))


def _announces(approval: Approval) -> bool:
    """Whether a request is for a deployment, not for access: it names files, or neither persons nor access."""
    scope = approval.scope
    if scope.objects or scope.hashes:
        return True
    if approval.type == "access" or scope.accounts or scope.persons:
        return False
    return _beyond_access(approval)


def _maintains(approval: Approval) -> bool:
    """Whether a request that names persons is nevertheless for work on the host, by its type."""
    return approval.type in ("release", "maintenance") and _beyond_access(approval)


def _beyond_access(approval: Approval) -> bool:
    actions = {folded(action) for action in approval.scope.actions}
    return not actions or not actions <= _ACCESS
