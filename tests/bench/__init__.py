"""The benchmark: what the pipeline costs beside what people would write without it. `make bench`; not a timed test."""
