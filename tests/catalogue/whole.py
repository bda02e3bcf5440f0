"""The catalogue's checker: places, kinds, vocabulary, frequency and applicability of all records together."""

import re

from tests.catalogue.duties import check_duty
from tests.catalogue.text import full_text, squeeze
from tests.catalogue.vocabulary import DUTY_KINDS, ENUMS, ID, OPTIONAL, REQUIRED
from tests.catalogue.words import english, member


def applicability_of(control, by_id):
    """Applicability read from the text: of the clause, else of the nearest ancestor that says something."""
    node = control
    while node is not None:
        text = squeeze(full_text(node))
        # CC-17010: 另a、b、e項並適用於所有證券商
        parent = by_id.get(node["parent"])
        if parent is not None:
            extra = re.search(r"另((?:[a-z]、?)+)項並適用於所有證券商", squeeze(full_text(parent)))
            if extra and node["label"].strip("().") in extra.group(1).split("、"):
                return "all"
        if "適用網際網路下單證券商" in text:
            return "internet_order_firms"
        if text.startswith(node["label"] + "證券經紀商"):
            return "brokers"
        if "公司如屬公開發行公司者" in text:
            return "public_companies"
        node = parent
    return "all"


def check_catalogue(catalogue):
    """Every error in the records, by itself and against the Chinese text."""
    errors = []
    vocabulary, controls, head = catalogue["vocabulary"], catalogue["controls"], catalogue["catalogue"]
    for name, values in ENUMS.items():
        if set(vocabulary.get(name, ())) != values:
            errors.append(f"vocabulary.{name} is not {sorted(values)}")
    by_id = {}
    for c in controls:
        where = c.get("id", "?")
        if where in by_id:
            errors.append(f"{where}: doubled id")
        by_id.setdefault(where, c)
    if head["records"] != len(controls) or head["leaf_clauses"] != sum(c.get("kind") == "clause" for c in controls):
        errors.append("catalogue.records or catalogue.leaf_clauses is wrong")
    frequencies, previous_line = {}, 0
    for c in controls:
        i, kind = c.get("id", "?"), c.get("kind")
        member(errors, f"{i}.kind", kind, ENUMS["kind"])
        family = "duty" if kind in DUTY_KINDS else "group"
        missing = [f for f in REQUIRED[family] if f not in c]
        unknown = [f for f in c if f not in REQUIRED[family] + OPTIONAL[family]]
        if missing or unknown:
            errors.append(f"{i}: missing fields {missing}, unknown fields {unknown}")
        if missing:
            continue
        check_place(errors, c, controls, by_id)
        numbers = c["source_lines"]
        if not numbers or numbers != sorted(numbers) or numbers[0] <= previous_line:
            errors.append(f"{i}: source_lines {numbers} are not in order")
        previous_line = numbers[-1] if numbers else previous_line
        check_text(errors, c)
        check_scope(errors, c, frequencies, by_id)
        if family == "duty":
            try:
                check_duty(errors, c, vocabulary, frequencies.get(c["section"]))
            except (KeyError, TypeError, AttributeError) as problem:
                errors.append(f"{i}: malformed record ({problem!r})")
    unused = set(vocabulary["feeds"]) - {f for c in controls for f in c.get("feeds", ())}
    if unused:
        errors.append(f"vocabulary.feeds: never used {sorted(unused)}")
    roles = {(c.get("evidence") or {}).get("owner_role") for c in controls}
    if set(vocabulary["owner_role"]) - roles:
        errors.append(f"vocabulary.owner_role: never used {sorted(set(vocabulary['owner_role']) - roles)}")
    return errors


def check_place(errors, c, controls, by_id):
    i, kind = c["id"], c["kind"]
    if not ID.match(i):
        errors.append(f"{i}: id does not follow the scheme")
    if c["section"] != i.split(".")[0]:
        errors.append(f"{i}: section {c['section']}")
    coded = "." not in i
    if coded != (kind in ("section", "subsection")):
        errors.append(f"{i}: kind {kind} does not fit the id")
    if coded and i not in c["text_zh"]:
        errors.append(f"{i}: code is not in the heading")
    if not coded and (c["parent"] != i.rsplit(".", 1)[0] or c["label"].strip("().") != i.rsplit(".", 1)[1]):
        errors.append(f"{i}: parent or label do not fit the id")
    if kind == "section" and c["parent"] is not None:
        errors.append(f"{i}: a section has no parent")
    if kind == "subsection" and c["parent"] != i[:5] + "000":
        errors.append(f"{i}: parent {c['parent']} of a subsection")
    if c["parent"] is not None and (c["parent"] not in by_id or controls.index(by_id[c["parent"]]) > controls.index(c)):
        errors.append(f"{i}: parent {c['parent']} does not come before it")
    children = [d for d in controls if d.get("parent") == i]
    if (kind == "clause") == bool(children):
        errors.append(f"{i}: kind {kind} with {len(children)} children")


def check_text(errors, c):
    i = c["id"]
    if re.search(r"\*\*|\]\(|\\|^\s|\s$|\n|^- ", c["text_zh"] + c.get("heading_zh", "")):
        errors.append(f"{i}: artefact or stray white space in the Chinese text")
    english(errors, f"{i}.title_en", c["title_en"], words=10)
    english(errors, f"{i}.summary_en", c["summary_en"])
    if not c["summary_en"].endswith(".") or re.search(r"\.\s+[A-Z]", c["summary_en"]):
        errors.append(f"{i}: summary_en is not one sentence")
    if "notes_en" in c:
        english(errors, f"{i}.notes_en", c["notes_en"])


def check_scope(errors, c, frequencies, by_id):
    """Frequency and applicability against the text; ``frequencies`` of the coded chapters are filled on the way."""
    i = c["id"]
    if "." not in i:
        found = re.search(r"(年度|半年度?|每月)查核", c["text_zh"])
        names = {"年度": "annual", "半年": "half_year", "半年度": "half_year", "每月": "monthly"}
        frequencies[i] = names[found.group(1)] if found else frequencies.get(c["parent"])
    frequency = frequencies.get(c["section"])
    if c["frequency"] != frequency:
        errors.append(f"{i}: frequency {c['frequency']!r}, the section says {frequency!r}")
    if c["frequency"] is None and i != "CC-17000":
        errors.append(f"{i}: no frequency")
    member(errors, f"{i}.applicability", c["applicability"], ENUMS["applicability"])
    if c["applicability"] != applicability_of(c, by_id):
        errors.append(f"{i}: applicability {c['applicability']}, the text says {applicability_of(c, by_id)}")
