"""The catalogue's checker: what one clause says in data is read again from its Chinese text and compared."""

import re

from tests.catalogue.deadlines import check_deadline
from tests.catalogue.text import roc_dates, squeeze
from tests.catalogue.vocabulary import DURATION, DURATION_WORDS, ENUMS, NUMERALS
from tests.catalogue.words import english, member


def check_parameter(errors, where, param, text):
    for key in param:
        if key not in ("type", "value", "unit", "op", "recommended", "examples_only", "quote_zh"):
            errors.append(f"{where}: unknown field {key}")
    kind, value, quote = param.get("type"), param.get("value"), param.get("quote_zh", "")
    member(errors, where + ".type", kind, ENUMS["parameter_type"])
    if "op" in param:
        member(errors, where + ".op", param["op"], ENUMS["parameter_op"])
    if not quote or squeeze(quote) not in squeeze(text):
        errors.append(f"{where}: quote_zh {quote!r} is not in the clause")
    if kind == "integer":
        if type(value) is not int or "unit" not in param or "op" not in param:
            errors.append(f"{where}: integer needs an int value, unit and op")
        elif not any(n in quote for n in NUMERALS.get(value, (str(value),))):
            errors.append(f"{where}: {value} is not in its quotation {quote!r}")
    elif kind == "duration":
        if not isinstance(value, str) or not DURATION.match(value) or "op" not in param:
            errors.append(f"{where}: duration needs an ISO 8601 value and op")
        elif not any(w in quote for w in DURATION_WORDS.get(value, ())):
            errors.append(f"{where}: {value} is not in its quotation {quote!r}")
    elif kind == "boolean" and type(value) is not bool:
        errors.append(f"{where}: boolean value expected")
    elif kind == "enum" and not (isinstance(value, str) and value):
        errors.append(f"{where}: string value expected")
    elif kind == "string_list" and not (isinstance(value, list) and value and all(isinstance(v, str) for v in value)):
        errors.append(f"{where}: list of strings expected")


def check_duty(errors, c, vocabulary, frequency):
    i, text = c["id"], c.get("heading_zh", "") + c["text_zh"]
    flat = squeeze(text)
    check_interval(errors, c, flat)
    check_parameters(errors, c, text)
    check_modality(errors, c, text)
    check_monitoring(errors, c, vocabulary, frequency)
    severity = c["severity"]
    if not isinstance(severity, dict) or set(severity) != {"level", "reason"}:
        errors.append(f"{i}: severity needs level and reason")
    else:
        member(errors, f"{i}.severity", severity["level"], ENUMS["severity"])
        english(errors, f"{i}.severity.reason", severity["reason"])
    if "condition_en" in c:
        english(errors, f"{i}.condition_en", c["condition_en"])


def check_interval(errors, c, flat):
    i, own = c["id"], c["own_interval"]
    if own is not None:
        if not isinstance(own, str) or not DURATION.match(own):
            errors.append(f"{i}: own_interval {own!r} is no ISO 8601 duration")
        quote = c.get("own_interval_quote_zh", "")
        if not quote or squeeze(quote) not in flat:
            errors.append(f"{i}: own_interval_quote_zh {quote!r} is not in the clause")
        elif not any(w in quote for w in DURATION_WORDS.get(own, ())):
            errors.append(f"{i}: own_interval {own} is not in its quotation {quote!r}")
    elif "own_interval_quote_zh" in c:
        errors.append(f"{i}: own_interval_quote_zh without own_interval")
    if re.search(r"每年|每半年|逐日|每三個月|每月|每日", flat) and own is None:
        errors.append(f"{i}: the clause names an interval but own_interval is null")


def check_parameters(errors, c, text):
    i, own, flat = c["id"], c["own_interval"], squeeze(text)
    params = c.get("parameters") or {}
    if re.search(r"定期|週期性|不定期", flat) and own is None and not any(
            p.get("value") in ("periodic_unspecified", "periodic_or_as_needed", "periodic_or_ad_hoc", "by_grade")
            for p in params.values()):
        errors.append(f"{i}: the clause says 'periodically' but has neither own_interval nor a periodicity parameter")
    if re.search(r"立即", flat) and not any(p.get("value") == "immediate" for p in params.values()):
        errors.append(f"{i}: the clause says 'immediately' but has no timeliness parameter")
    if re.search(r"及時(?!間)", flat) and not any(p.get("value") == "timely" for p in params.values()):
        errors.append(f"{i}: the clause says 'promptly' but has no timeliness parameter")
    if re.search(r"三年", flat) and not any(p.get("value") == "P3Y" for p in params.values()):
        errors.append(f"{i}: three years in the clause but not in parameters")
    if re.search(r"三個月", flat) and not any(p.get("value") == "P3M" for p in params.values()):
        errors.append(f"{i}: three months in the clause but not in parameters")
    for number, word in ((15, "十五小時"), (3, "三小時"), (3, "達三次"), (6, "6個字元")):
        if word in flat and not any(p.get("value") == number for p in params.values()):
            errors.append(f"{i}: {word} in the clause but not in parameters")
    for name, param in params.items():
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            errors.append(f"{i}: parameter name {name!r}")
        check_parameter(errors, f"{i}.parameters.{name}", param, text)


def check_modality(errors, c, text):
    """Grade, dates and the binding force."""
    i, flat = c["id"], squeeze(text)
    if type(c["depends_on_grade"]) is not bool or c["depends_on_grade"] != bool(re.search(r"資安分級|分級防護", flat)):
        errors.append(f"{i}: depends_on_grade does not agree with the text")
    dates = roc_dates(text)
    if (dates[0] if dates else None) != c["effective_from"]:
        errors.append(f"{i}: effective_from {c['effective_from']!r}, the text says {dates}")
    stages = c.get("effective_stages")
    if (len(dates) > 1) != bool(stages) or (stages and [s["effective_from"] for s in stages] != dates):
        errors.append(f"{i}: effective_stages do not agree with the text {dates}")
    member(errors, f"{i}.modality", c["modality"], ENUMS["modality"])
    if c["recommended"] is not (c["modality"] in ("should", "may")):
        errors.append(f"{i}: recommended does not agree with modality")
    soft = re.search(r"宜|(?<![不取始])得(?!閱覽)", flat.replace("事宜", ""))
    part = c.get("recommended_part_zh")
    if bool(soft) != bool(c["recommended"] or part):
        errors.append(f"{i}: 宜 or 得 in the text does not agree with recommended / recommended_part_zh")
    if part and squeeze(part) not in flat:
        errors.append(f"{i}: recommended_part_zh is not in the clause")
    if bool(re.search(r"(?<!評估)是否", flat)) != (c["modality"] == "question"):
        errors.append(f"{i}: modality question does not agree with the text")
    if (("不得" in flat and flat.startswith(("不得", "資訊閱覽室不得"))) or flat.startswith("勿")) != (c["modality"] == "shall_not"):
        errors.append(f"{i}: modality shall_not does not agree with the text")


def check_monitoring(errors, c, vocabulary, frequency):
    """How it is watched: by examples of violations, by evidence."""
    i, own = c["id"], c["own_interval"]
    modes = c["monitoring"]
    if not isinstance(modes, list) or not modes or len(set(modes)) != len(modes):
        errors.append(f"{i}: monitoring must be a list without doubles")
        modes = []
    for mode in modes:
        member(errors, f"{i}.monitoring", mode, ENUMS["monitoring"])
    examples, feeds = c.get("violation_examples_en") or [], []
    if bool(examples) != bool({"stream", "state"} & set(modes)) or len(examples) > 3:
        errors.append(f"{i}: 1 to 3 violation examples are needed exactly for stream and state clauses")
    for n, example in enumerate(examples):
        if set(example) != {"violation", "sources", "rule"}:
            errors.append(f"{i}: violation example {n} needs violation, sources, rule")
            continue
        english(errors, f"{i}.violation[{n}]", example["violation"])
        english(errors, f"{i}.rule[{n}]", example["rule"])
        feeds += [f for f in example["sources"] if f not in feeds]
    evidence = c.get("evidence")
    if bool(evidence) != bool({"evidence", "attestation"} & set(modes)):
        errors.append(f"{i}: evidence is needed exactly for evidence and attestation clauses")
    if evidence:
        if set(evidence) != {"record_en", "owner_role", "deadline"}:
            errors.append(f"{i}: evidence needs record_en, owner_role, deadline")
        else:
            english(errors, f"{i}.evidence.record_en", evidence["record_en"])
            member(errors, f"{i}.evidence.owner_role", evidence["owner_role"], set(vocabulary["owner_role"]))
            check_deadline(errors, c, evidence["deadline"], own, frequency)
        if "evidence_register" not in feeds:
            feeds.append("evidence_register")
    if c["feeds"] != feeds:
        errors.append(f"{i}: feeds {c['feeds']} differ from the sources used {feeds}")
    for feed in c["feeds"]:
        member(errors, f"{i}.feeds", feed, set(vocabulary["feeds"]))
