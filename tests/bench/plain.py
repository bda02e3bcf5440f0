"""Contender (e): a plain loop in one process. No Kafka, nothing durable: what the work itself costs."""

from schemas import log
from tests.bench.inorder import InOrder
from tests.bench.material import digest_of_log, ruleset
from tests.bench.records import Reader
from tests.bench.run import Run


def run(run: Run) -> None:
    """Every record of the part, one after the other."""
    rules, facts = ruleset(), run.material.facts
    reader = Reader(rules, run.material.recording().sources)
    driver = InOrder(rules)
    values = run.material.chunks("log" if run.part == "detect" else "raw")
    read, apply, window = reader.read, driver.apply, run.window
    window.open()
    for chunk in values:
        if run.part == "both":
            for value in chunk:
                for record in read(value):
                    apply(record)
        elif run.part == "normalize":
            for value in chunk:
                read(value)
        else:
            for value in chunk:
                apply(log.decode(value))
    if run.part != "normalize":
        driver.end(facts.truth_time)
    window.close()
    run.violations = driver.violations
    if run.part == "normalize":
        again = Reader(rules, run.material.recording().sources)
        run.log = digest_of_log(
            log.encode(record) for chunk in run.material.chunks("raw") for value in chunk for record in again.read(value)
        )
