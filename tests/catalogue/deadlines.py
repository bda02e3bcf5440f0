"""The catalogue's checker: by when a duty of evidence is due."""

from tests.catalogue.vocabulary import CHECK_ISO, DURATION, ENUMS
from tests.catalogue.words import english, member


def check_deadline(errors, c, deadline, own, frequency):
    i = c["id"]
    if set(deadline) != {"rule", "interval", "interval_source", "trigger", "logic_en"}:
        errors.append(f"{i}: deadline needs rule, interval, interval_source, trigger, logic_en")
        return
    rule, interval, source = deadline["rule"], deadline["interval"], deadline["interval_source"]
    member(errors, f"{i}.deadline.rule", rule, ENUMS["deadline_rule"])
    member(errors, f"{i}.deadline.interval_source", source, ENUMS["interval_source"])
    english(errors, f"{i}.deadline.logic_en", deadline["logic_en"])
    if interval is not None and not (isinstance(interval, str) and DURATION.match(interval)):
        errors.append(f"{i}: deadline interval {interval!r}")
    if (rule == "event") != (deadline["trigger"] is not None):
        errors.append(f"{i}: a trigger is needed exactly for deadline rule event")
    if source == "check_frequency" and interval != CHECK_ISO[frequency]:
        errors.append(f"{i}: default interval {interval} is not the check frequency {frequency}")
    if source == "clause" and rule != "fiscal_year_end" and interval != own:
        errors.append(f"{i}: deadline interval {interval} differs from own_interval {own}")
    if source in ("grade_annex", "none") and interval is not None:
        errors.append(f"{i}: interval given although its source is {source}")
    if rule in ("rolling", "calendar_year", "fiscal_year_end") and source == "none":
        errors.append(f"{i}: deadline rule {rule} needs an interval source")
