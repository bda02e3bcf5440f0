"""Records that flow through the system: events, context, approvals, violations, controls. Pure data."""
