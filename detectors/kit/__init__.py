"""What detectors share: the contract, the registry, the engine, approvals, identity. Pure: no clock, no I/O."""
