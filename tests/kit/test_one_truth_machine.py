"""The final set again, step by step: hypothesis chooses what comes, who takes it, where batches end and who dies.

Where ``test_one_truth`` draws a set of records and a way for it, here each step is a rule of its own, so that what failed shrinks
to a story of a few lines. At any rest, not only at the end, the definition (``naive``) must say what has been published.
"""

import random
from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from schemas.event import SecurityEvent
from schemas.log import Keyed, Progress
from tests.kit import naive, shells, toys
from tests.kit.shells import Shell, Way

S = toys.S
PART = st.integers(0, 3)  # of as many as there are
USER = st.sampled_from("aaabc")
AHEAD = st.sampled_from([0, 0, 0, 1, 20, 60, 200, 700])
"""Seconds by which something was observed after what its partition has told to have written."""
DELAY = st.sampled_from([-121, -120, -5, 0, 0, 0, 0, 1, 30, 100, 199, 200, 201, 290, 400])
PACE = st.sampled_from([1, 10, 60, 200, 1000])
WHICH = st.integers(0, 1 << 20)


class Truth(RuleBasedStateMachine):
    """Raw partitions that write, lanes that judge, workers that die; everything in seconds after ``toys.BASE``."""

    def __init__(self):
        super().__init__()
        self.shell: Shell | None = None

    @initialize(
        raw=st.sampled_from([1, 3]), keyed=st.sampled_from([1, 4]), pace=st.sampled_from([0, 100 * S]), most=st.sampled_from([0, 1])
    )
    def begin(self, raw, keyed, pace, most):
        self.shell = Shell(toys.RULES, Way(0, raw=raw, keyed=keyed, most=most))
        self.shell.pace = self.pace = pace
        self.clocks = [1000] * raw
        self.events: list[SecurityEvent] = []
        self.context = []

    def observed(self, part, ahead):
        return self.clocks[part % len(self.clocks)] + ahead

    def send(self, event):
        self.events.append(event)
        self.shell.send(shells.logged(toys.RULES, event))

    # ------------------------------------------------------------------------------------------------ what comes

    @rule(part=PART, ahead=AHEAD, delay=DELAY, user=USER, outcome=st.sampled_from(["failure"] * 5 + ["success"]), seq=st.integers(0, 1))
    def event(self, part, ahead, delay, user, outcome, seq):
        """Observed when it must have been, of a time before that: so in any order."""
        number = len(self.events)
        self.send(toys.login(number, self.observed(part, ahead) - delay, user, outcome, delay=delay, seq=seq))

    @rule(part=PART, ahead=AHEAD, user=USER, gaps=st.lists(st.sampled_from([0, 1, 5, 59, 60, 61, 100]), min_size=2, max_size=6))
    def failures(self, part, ahead, user, gaps):
        """Several in a row, the newest observed at once: facts, deadlines, findings of absence."""
        last = self.observed(part, ahead)
        for gap in gaps:
            delay = last - self.observed(part, ahead)
            self.send(toys.login(len(self.events), last, user, delay=-delay if delay < 0 else 0))
            last -= gap

    @precondition(lambda self: self.events)
    @rule(which=WHICH, part=PART, ahead=AHEAD, times=st.integers(1, 4))
    def copies(self, which, part, ahead, times):
        """The same event, perhaps through another partition, observed earlier or later than the first copy."""
        known = self.events[which % len(self.events)]
        o = toys.BASE + self.observed(part, ahead) * S
        for _ in range(times):
            self.send(SecurityEvent(**{name: getattr(known, name) for name in known.__struct_fields__} | {"o": o}))

    @precondition(lambda self: self.events)
    @rule(which=WHICH, part=PART, ahead=AHEAD, after=st.sampled_from([0, 1, 30]))
    def success_between(self, which, part, ahead, after):
        """Failures that have been counted are no row any more: findings vanish, and facts lose their cause."""
        known = self.events[which % len(self.events)]
        t = (known.t - toys.BASE) // S + after
        self.send(toys.login(len(self.events), t, known.user, "success", delay=self.observed(part, ahead) - t))

    @rule(
        part=PART, ahead=AHEAD, late=st.sampled_from([0, 0, 50, 100, 150, 300, 301, 600]), user=st.sampled_from("abc"),
        owner=st.sampled_from("PQ"), lasts=st.sampled_from([None, 1, 100]), stated=st.integers(0, 3), own=st.sampled_from(["", "A1", "A2"]),
    )  # fmt: skip
    def account(self, part, ahead, late, user, owner, lasts, stated, own):
        """Who an account belongs to: told late, told anew, or corrected."""
        observed = self.observed(part, ahead)
        since = observed - late
        until = None if lasts is None else since + lasts
        self.state(toys.account(user, since, until=until, owner=owner, observed=observed, stated=since + stated, own=own))

    @rule(part=PART, ahead=AHEAD, late=st.sampled_from([0, 100, 350, 600]))
    def post(self, part, ahead, late):
        """What only a fold of a higher stage asks for."""
        observed = self.observed(part, ahead)
        self.state(toys.post(observed - late, observed=observed))

    @rule(
        part=PART, ahead=AHEAD, number=st.integers(0, 1), late=st.sampled_from([0, 50, 250, 350, 700, 2000]), user=st.sampled_from("*abc"),
        lasts=st.sampled_from([1, 100, 1000]), subtypes=st.sampled_from([(), ("QUIET",), ("TOLD", "KNOWN")]),
    )  # fmt: skip
    def exception(self, part, ahead, number, late, user, lasts, subtypes):
        """An exception record, perhaps in the place of an earlier one."""
        observed = self.observed(part, ahead)
        since = observed - late
        self.state(toys.waiver(number, since=since, until=since + lasts, user=user, observed=observed, subtypes=subtypes))

    def state(self, record):
        self.context.append(record)
        self.shell.send(shells.logged(toys.RULES, record))

    @rule(part=PART, pace=PACE)
    def progress(self, part, pace):
        """One raw partition has written everything observed until then."""
        part %= len(self.clocks)
        self.clocks[part] += pace
        self.tell(part)

    def tell(self, part):
        self.shell.send(Progress(part=part, parts=len(self.clocks), observed=toys.BASE + self.clocks[part] * S))

    # ------------------------------------------------------------------------------------------------ who takes it

    def lane(self, which):
        return self.shell.lanes[which % len(self.shell.lanes)]

    @rule(which=PART, number=st.integers(1, 12))
    def take(self, which, number):
        """A lane reads on."""
        for _ in range(number):
            self.lane(which).take()

    @rule(which=PART, trim=st.booleans())
    def commit(self, which, trim):
        """A batch ends: results, changed state and position are one transaction."""
        self.lane(which).commit(trim=trim)

    @rule(which=PART)
    def crash(self, which):
        """The worker is gone with its batch; the next one begins where the last batch ended."""
        self.lane(which).lose()

    @rule(which=PART)
    def hand_over(self, which):
        """Another worker takes the partition between two batches."""
        self.lane(which).commit(trim=False)
        self.lane(which).lose()

    # ------------------------------------------------------------------------------------------------ what must hold

    @invariant()
    def fates_add_up(self):
        """Also in the middle of a batch: routed is what the log says, and all of it has a fate."""
        for lane in self.shell.lanes if self.shell else ():
            fates = lane.engine.counters
            assert fates["routed"] == fates["judged"] + fates["late"] + fates["duplicate"]
            assert not fates["parked"]
            if lane.at == lane.committed:
                read = [record for record in (*lane.log[: lane.at], *lane.looped) if isinstance(record, Keyed)]
                routed = sum(len(toys.RULES.interested(kind, record.event)) for record in read for kind, _ in record.routes)
                assert fates["routed"] == routed
                assert fates["late"] == len(lane.late)

    @rule(seed=st.integers(0, 1000), pace=PACE)
    def rest(self, seed, pace):
        """All is written and judged up to some instant: the definition says what stands."""
        newest = max([*(event.t for event in self.events), *(record.o for record in (*self.events, *self.context)), toys.BASE])
        until = max(*self.clocks, (newest - toys.BASE) // S) + pace
        for part in range(len(self.clocks)):
            self.clocks[part] = until
            self.tell(part)
        self.shell.pace = 0
        self.shell.finish(random.Random(seed))
        self.shell.pace = self.pace
        due = naive.final(toys.RULES, self.events, self.context, toys.BASE + until * S)
        assert {id_: naive.shown(violation) for id_, violation in self.shell.final().items()} == due
        assert not self.shell.gaps

    def teardown(self):
        if self.shell is not None:
            self.rest(0, 5000)
            self.late_are_late()

    def late_are_late(self):
        """Of log-ins the records alone say which copies were too late; what an engine holds already is a copy, whenever it comes."""
        fold = toys.FOLDS[0]
        late = Counter(event.id for lane in self.shell.lanes for rule, event in lane.late if rule == "toy/user")
        out = Counter(event.id for event in self.events if not -naive.SKEW <= event.o - event.t <= fold.memory)
        assert not late - out
        never = {event.id for event in self.events} - {event.id for event in self.events if -naive.SKEW <= event.o - event.t <= fold.memory}
        assert {id_: late[id_] for id_ in never} == {id_: out[id_] for id_ in never}


TestTruth = Truth.TestCase
TestTruth.settings = settings(max_examples=60, stateful_step_count=50, deadline=None)
