"""key=value records: ``a=1 b="two words"``, separated by blanks or commas; between raw text and a feed's own fields.

Linear in the length of the text: a key has to follow a separator and each quoted value is passed over once, so that
``key=`` inside a quoted value is never read as a field.
"""

import re

# One group for both forms: the value is quoted if the character before it is a quote.
_PLAIN = r'{0}([^=" ,]{{1,64}})="?((?<=")[^"]*|[^"{0}]*)'
# Slower, for texts with a backslash: \" does not end a value. A quote ends it if a separator follows; where none does (a
# Windows path: "C:\"), the first quote ends it.
_ESCAPED = r'{0}([^=" ,]{{1,64}})=(?:"([^"\\]*(?:\\.[^"\\]*)*)"(?=[ ,\]]|\Z)|"?((?<=")[^"]*|[^"{0}]*))'
# Two pairs with nothing but a comma between them.
_FIRST_TWO = re.compile(r'[^=" ,]{1,64}=(?:"[^"\\]*(?:\\.[^"\\]*)*"|[^" ,]*),[^=" ,]{1,64}=', re.DOTALL)
_BLANKS, _COMMAS = (re.compile(_PLAIN.format(separator)) for separator in " ,")
_BLANKS_ESCAPED, _COMMAS_ESCAPED = (re.compile(_ESCAPED.format(separator), re.DOTALL) for separator in " ,")
_UNESCAPE = re.compile(r'\\(["\\])')


def pairs(text: str) -> dict[str, str]:
    """Fields of ``text``; words that are no pair are passed over; of a key that comes twice the first one counts.

    A quoted value cut off by the end of the text is taken as it is.
    """
    commas = _FIRST_TWO.match(text) is not None
    text = ("," if commas else " ") + text
    if "\\" in text:
        found = [
            (key, _UNESCAPE.sub(r"\1", quoted) if "\\" in quoted else quoted or plain)
            for key, quoted, plain in (_COMMAS_ESCAPED if commas else _BLANKS_ESCAPED).findall(text)
        ]
    else:
        found = (_COMMAS if commas else _BLANKS).findall(text)
    result = dict(found)
    if len(result) != len(found):
        result = dict(reversed(found))
    return result
