"""The catalogue's checker: allowed words, and the forms of ids and durations."""

import re

DUTY_KINDS = ("clause", "composite")
GROUP_KINDS = ("section", "subsection", "group")
ENUMS = {
    "kind": {"section", "subsection", "group", "composite", "clause"},
    "frequency": {"annual", "half_year", "monthly"},
    "applicability": {"all", "internet_order_firms", "brokers", "public_companies"},
    "modality": {"shall", "shall_not", "should", "may", "question"},
    "monitoring": {"stream", "state", "evidence", "attestation"},
    "severity": {"low", "medium", "high", "critical"},
    "deadline_rule": {"standing", "rolling", "calendar_year", "fiscal_year_end", "validity", "event"},
    "interval_source": {"clause", "check_frequency", "grade_annex", "none"},
    "parameter_type": {"integer", "duration", "boolean", "enum", "string_list"},
    "parameter_op": {"min", "max", "exact"},
}
COMMON = ["id", "kind", "label", "section", "parent", "source_lines", "text_zh", "title_en", "summary_en",
          "frequency", "applicability"]
REQUIRED = {
    "group": COMMON,
    "duty": [*COMMON, "own_interval", "depends_on_grade", "effective_from", "modality", "recommended", "monitoring", "feeds",
             "severity"],
}
OPTIONAL = {
    "group": ["heading_zh", "notes_en"],
    "duty": ["heading_zh", "own_interval_quote_zh", "condition_en", "effective_stages", "recommended_part_zh",
             "parameters", "violation_examples_en", "evidence", "notes_en"],
}
ID = re.compile(r"CC-\d{5}(\.\d{1,2})?(\.[a-z])*\Z")
DURATION = re.compile(r"P(?=\d)(\d+Y)?(\d+M)?(\d+W)?(\d+D)?\Z")
CJK = re.compile(r"[\u3400-\u9fff\u3000-\u303f\uff00-\uffef]")
CHECK_ISO = {"annual": "P1Y", "half_year": "P6M", "monthly": "P1M"}
DURATION_WORDS = {"P1Y": ("每年", "一年", "年度"), "P6M": ("半年",), "P3M": ("三個月",), "P1D": ("逐日", "每日"), "P3Y": ("三年",),
                  "P1M": ("每月", "一個月")}
NUMERALS = {1: ("1", "一", "乙", "每年", "每半年"), 3: ("3", "三"), 6: ("6", "六"), 15: ("15", "十五")}
