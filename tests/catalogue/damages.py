"""Damages to the catalogue and to the regulation, each of which the checker must notice."""

import copy


def damages(catalogue):
    index = {c["id"]: n for n, c in enumerate(catalogue["controls"])}

    def edit(identifier, change):
        def damage(data):
            change(data["controls"][index[identifier]])
        return damage

    def drop(data):
        del data["controls"][index["CC-18000.3.e"]]

    def double(data):
        data["controls"].insert(index["CC-18000.3.e"], copy.deepcopy(data["controls"][index["CC-18000.3.e"]]))

    def swap(data):
        a, b = index["CC-18000.3.e"], index["CC-18000.3.f"]
        data["controls"][a], data["controls"][b] = data["controls"][b], data["controls"][a]

    def swap_texts(data):
        a, b = (data["controls"][index[i]] for i in ("CC-17010.b.a", "CC-17010.b.b"))
        a["text_zh"], b["text_zh"] = b["text_zh"], a["text_zh"]

    def put(field, value):
        return lambda c: c.__setitem__(field, value)

    return {
        "clause dropped": drop,
        "clause doubled": double,
        "clauses swapped": swap,
        "texts swapped": swap_texts,
        "character changed": edit("CC-17010.b.c", lambda c: put("text_zh", c["text_zh"].replace("三年", "五年"))(c)),
        "sentence dropped": edit("CC-12000.3", lambda c: put("text_zh", c["text_zh"][:20])(c)),
        "sentence doubled": edit("CC-17010.b.a", lambda c: put("text_zh", c["text_zh"] * 2)(c)),
        "page-break half lost": edit("CC-21100.1.b", lambda c: put("text_zh", c["text_zh"].split("包含")[0])(c)),
        "heading lost": edit("CC-17010.c", lambda c: c.pop("heading_zh")),
        "markdown kept": edit("CC-13000.6", lambda c: put("text_zh", c["text_zh"] + "**")(c)),
        "id outside scheme": edit("CC-17010.b.e", put("id", "CC-17010-b-e")),
        "wrong parent": edit("CC-17010.b.e", put("parent", "CC-17010.a")),
        "wrong source line": edit("CC-17010.b.e", put("source_lines", [100])),
        "field missing": edit("CC-17010.b.e", lambda c: c.pop("severity")),
        "field unknown": edit("CC-17010.b.e", put("colour", "red")),
        "bad monitoring": edit("CC-17010.b.e", put("monitoring", ["streams"])),
        "bad severity": edit("CC-17010.b.e", put("severity", {"level": "urgent", "reason": "x"})),
        "bad frequency": edit("CC-17010.b.e", put("frequency", "annual")),
        "bad applicability": edit("CC-17010.b.e", put("applicability", "internet_order_firms")),
        "bad applicability 2": edit("CC-17010.c", put("applicability", "all")),
        "bad applicability 3": edit("CC-20000.3", put("applicability", "all")),
        "wrong date": edit("CC-14000.3", put("effective_from", "2021-01-31")),
        "date lost": edit("CC-20000.4", put("effective_from", None)),
        "stage lost": edit("CC-12000.8", lambda c: c.pop("effective_stages")),
        "grade lost": edit("CC-13000.3", lambda c: c.update(depends_on_grade=False)),
        "recommended lost": edit("CC-17010.e.h", lambda c: c.update(recommended=False, modality="shall")),
        "partly recommended lost": edit("CC-18000.3.f", lambda c: c.pop("recommended_part_zh")),
        "interval lost": edit("CC-19000.9", lambda c: (c.update(own_interval=None), c.pop("own_interval_quote_zh"))),
        "interval wrong": edit("CC-19000.9", put("own_interval", "P1Y")),
        "parameter wrong": edit("CC-13000.3", lambda c: c["parameters"]["security_staff_training_hours_per_year"].update(value=3)),
        "retention wrong": edit("CC-17010.b.c", lambda c: c["parameters"]["min_retention"].update(value="P1Y")),
        "parameters lost": edit("CC-18000.4.c", lambda c: c.pop("parameters")),
        "quotation invented": edit("CC-18000.3.e", lambda c: c["parameters"]["action"].update(quote_zh="應予停權")),
        "unknown feed": edit("CC-17010.b.e", lambda c: c["feeds"].append("oracle")),
        "examples lost": edit("CC-17010.b.e", lambda c: c.pop("violation_examples_en")),
        "evidence lost": edit("CC-11000.3", lambda c: c.pop("evidence")),
        "deadline wrong": edit("CC-11000.3", lambda c: c["evidence"]["deadline"].update(interval="P2Y")),
        "owner unknown": edit("CC-11000.3", lambda c: c["evidence"].update(owner_role="janitor")),
        "title too long": edit("CC-11000.3", put("title_en", "one two three four five six seven eight nine ten eleven")),
        "Chinese in English": edit("CC-11000.3", put("summary_en", "The 公司 assesses.")),
    }
