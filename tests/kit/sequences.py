"""A detector made of a sequence of steps, some of which must be missing: ``A, not B, C within a second``.

The semantics are those of sequences in EQL, in words: of each length only the newest beginning of a key is followed; a step
takes it along (it is not used twice at that length); the whole sequence, with what must be missing, lies within the span. What
must be missing first and last is missing if there is room for the span between the ones before and after.
"""

import msgspec

from detectors.kit.contract import Detector, Finding, Fold, FoldState, Keying, Step
from detectors.kit.registry import Loaded, Ruleset
from schemas import instant
from schemas.event import Activity
from schemas.violation import Evidence, Severity

MINUTE = instant.MINUTE


class Run(msgspec.Struct, frozen=True):
    """Events matched so far, when what must be missing first was last seen, and until when it must be missing last."""

    ids: tuple[str, ...]
    first: int
    last: int
    before: int | None
    due: int = 0


class Runs(FoldState):
    """The newest run of each length, runs that wait for what must not come, and what must be missing first."""

    growing: dict[int, Run] = {}
    waiting: tuple[Run, ...] = ()
    before: int | None = None


def sequence(*steps, span):
    """The ruleset of one sequence. ``steps``: tags of ``event.action``, ``!tag`` must be missing; ``span`` in µs."""
    present = [step for step in steps if not step.startswith("!")]
    missing = {}  # number of steps matched -> tags that must not come next
    for number, tag in enumerate(steps):
        if tag.startswith("!"):
            missing.setdefault(sum(not earlier.startswith("!") for earlier in steps[:number]), set()).add(tag[1:])
    leading, trailing = missing.get(0, set()), missing.get(len(present), set())

    def stored(growing, waiting, before, out=()):
        times = [run.due for run in waiting] + [run.first + span for run in growing.values()]
        if before is not None:
            times.append(before + span)
        return Step(Runs(growing=growing, waiting=waiting, before=before, deadline=min(times)) if times else None, tuple(out))

    def step(state, event, ctx):
        del ctx
        tag, out = event.action, []
        growing = {
            length: run for length, run in state.growing.items() if length not in missing or tag not in missing[length]
        }  # fmt: skip
        waiting = tuple(run for run in state.waiting if tag not in trailing)
        for length in range(len(present), 0, -1):
            if present[length - 1] != tag:
                continue
            if length == 1:
                run = Run((event.id,), event.t, event.t, state.before)
            elif length - 1 in growing:
                begun = growing.pop(length - 1)
                run = Run((*begun.ids, event.id), begun.first, event.t, begun.before)
            else:
                continue
            if length < len(present):
                growing[length] = run
                continue
            near = run.before is not None and run.last - run.before <= span
            if trailing and (near or not leading):
                waiting += (msgspec.structs.replace(run, due=span + (run.before if near else run.first)),)
            elif not near:
                out.append(found(run))
        return stored(growing, waiting, event.t if tag in leading else state.before, out)

    def overdue(state, at, ctx):
        del ctx
        growing = {length: run for length, run in state.growing.items() if run.first + span > at}
        before = None if state.before is None or state.before + span <= at else state.before
        done = [run for run in state.waiting if run.due <= at]
        waiting = tuple(run for run in state.waiting if run.due > at)
        return stored(growing, waiting, before, [found(run, settle_at=at) for run in done])

    fold = Fold(
        name="sequence", keying=Keying("user", lambda event: (event.user,)), activities=frozenset({Activity.OTHER}), init=Runs(),
        step=step, overdue=overdue, memory=60 * MINUTE,
    )  # fmt: skip
    detector = Detector(clauses=("CC-18000.3.e",), feeds=("idp",), severity=Severity.HIGH, folds=(fold,), subtypes=())
    return Ruleset([Loaded(id="sequences", detector=detector, title="", doc="", version="1")])


def found(run, settle_at=0):
    proof = tuple(Evidence(event_id=id_, source="s", time=run.first) for id_ in run.ids)
    return Finding(
        subtype="SEQUENCE", anchor=run.ids[-1], anchor_time=run.last, subject={}, first_time=run.first, last_time=run.last,
        evidence=proof, settle_at=settle_at,
    )  # fmt: skip
