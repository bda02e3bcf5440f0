"""Who approved what for whom, over several requests: folds of ``self_approved_change``."""
