"""Detectors: one file = one detector, pure folds over the events of one key, found by being here."""
