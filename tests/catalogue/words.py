"""The catalogue's checker: English text and words of the vocabulary."""

from tests.catalogue.vocabulary import CJK


def english(errors, where, value, words=None):
    if not isinstance(value, str) or not value.strip():
        errors.append(f"{where}: empty")
        return
    if CJK.search(value) and not where.endswith("notes_en"):  # notes may quote the Chinese text
        errors.append(f"{where}: has Chinese text")
    if words and len(value.split()) > words:
        errors.append(f"{where}: more than {words} words")


def member(errors, where, value, allowed):
    if value not in allowed:
        errors.append(f"{where}: {value!r} is not one of {sorted(allowed)}")
