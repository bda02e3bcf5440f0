"""Where violations end: stores, alerts, dead letters."""
