"""Each target of ``make fuzz`` takes its seeds and what hypothesis makes of them: the harness is sound, and nothing crashes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz import targets


@pytest.mark.parametrize("name", targets.TARGETS)
def test_seeds_cut_and_joined(name):
    target = targets.TARGETS[name]
    seeds = st.sampled_from(targets.seeds(name))

    @given(seeds | st.builds(lambda a, b, cut, rest: a[: cut % (len(a) + 1)] + rest + b[cut % (len(b) + 1) :], seeds, seeds,
                             st.integers(0, 4000), st.binary(max_size=20)))  # fmt: skip
    @settings(max_examples=40, deadline=None)
    def holds(data):
        target(data)

    holds()
