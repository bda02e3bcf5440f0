"""Simulator: raw logs of a made-up securities firm in the vendors' own formats, with the truth beside them.

It shares no code with the feeds and detectors it tests: formats come from the vendors' documents, verdicts from the
detectors' text. The one door is :func:`simulate`; :func:`cases` lists what is planted.
"""

from streams.simulator.run import cases, simulate

__all__ = ["cases", "simulate"]
