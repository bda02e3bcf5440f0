"""What feeds share: the contract, strict JSON, syslog headers, key=value and time helpers. Pure."""
