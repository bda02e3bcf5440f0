"""Scaling laws: how cost moves with rules, keys, windows, disorder, findings and history, on the engine alone."""

from tests.bench.laws import disorder, keys, memory, recovery, rules, violations, windows

LAWS = {module.LAW.name: module.LAW for module in (rules, keys, windows, disorder, violations, recovery, memory)}
