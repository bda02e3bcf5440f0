"""Collectors: files, syslog, stdin. They put raw records into a bounded queue and are told when these are stored."""
