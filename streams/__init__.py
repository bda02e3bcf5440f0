"""The shell: feeds, topics, agents and runners that carry records from raw line to stored violation."""
