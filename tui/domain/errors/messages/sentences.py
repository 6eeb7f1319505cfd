"""Replaces data in sentences of well-known libraries that mark it neither with quotes nor with any other sign.

Each sentence has a short text by which it is recognised, because the search for a text is much faster than a pattern.
"""

import re
from typing import Final

from tui.domain.errors.messages import vocabulary as words

_Q: Final = words.QUOTED
_N: Final = words.NUMBER

# The words by which a sentence is known; the sentence; what replaces it.
_SENTENCES: Final = tuple(
    (known, re.compile(pattern), replacement)
    for known, pattern, replacement in (
        # JavaScript engines
        (" to a BigInt", r"(Cannot convert )\S.{0,200}?(?= to a BigInt)", rf"\1{_N}"),
        ("regular expression: /", r"(regular expression: )/.{0,500}/\w*(?=: )", rf"\1{_Q}"),
        ("nvalid time zone", r"(nvalid time zone(?: specified)?: ).{1,100}", rf"\1{_Q}"),
        ("nvalid currency code", r"(nvalid currency code ?: ).{1,100}", rf"\1{_Q}"),
        ("nvalid count value", r"(nvalid count value: )\S+", rf"\1{_N}"),
        ("language tag", r"(language tag: ).{1,100}", rf"\1{_Q}"),
        ("is not iterable", r"\b(?:number|object|string) -?[\w.]+ (?=is not iterable)", f"{_Q} "),
        (" column ", r" \(line \d+ column \d+\)", ""),
        ("valid JSON", r"(nexpected token '?.'?, )\.{0,3}\".{0,200}\"(?:\.{3})?(?= is not valid JSON)", rf"\1{_Q}"),
        (" URL from ", r"( URL from ).{1,500}", rf"\1{words.URL}"),
        (". Received ", r"(\. Received ).{1,500}", rf"\1{_Q}"),
        ("received ", r"(\bbut received )(?:NaN|null|undefined|-?Infinity)\b", rf"\1{_N}"),
        ("annot encode ", r"(annot encode )\".{1,8}\"", rf"\1{_Q}"),
        (" not a", r"( not an? [\w ]{1,40} \()(?!evaluating|reading|near|see)[^()\n]{1,100}(?=\))", rf"\1{_Q}"),
        # Databases
        ("at or near ", r"(at or near )\"[^\n]{0,200}?\"(?=\s|\Z)", rf"\1{_Q}"),
        ("Table ", r"(\bTable )[a-z][a-z\d-]{4,28}:(?=\w+\.\w)", r"\1"),
        ("to use near ", r"(to use near )'.{0,300}?'(?= at line \d)", rf"\1{_Q}"),
        ("(type ", r"(for value )\S.{0,300}? \(type [\w ]+\)", rf"\1{_Q}"),
        ("version conflict", r"\[[^\[\]]{1,512}\](?=: version conflict)", f"[{_Q}]"),
        ("projects/", r"\bprojects/[\w-]+(?:/[\w.()~%-]+)+", words.PATH),
        ("enum value", r"(['\"`])[^'\"`\n]{0,200}\1(?= is not a valid enum value)", _Q),
        ("type json: ", r"(type json: Token )\"[^\n]{0,200}?\"(?= is invalid)", rf"\1{_Q}"),
        ("essage: `", r"([Mm]essage: )`([^`\n]{0,500})`", r"\1\2"),
        ("constraint fails (", r"(constraint fails \()`[^`\n]{0,100}`\.(?=`)", r"\1"),
        ("duplicate key value is ", r"(duplicate key value is )\([^\n]{0,500}\)(?=\.)", rf"\1{_Q}"),
        (" in location ", r"( in location )\S+", rf"\1{_Q}"),
        ("(bad value)", r"(\(bad value\): ).{1,200}", rf"\1{_Q}"),
        # Networks
        ("attempted address", r"(Connect Timeout Error) \(attempted address[^)]{0,400}\)", r"\1"),
        ("LB pick", r"(Deadline exceeded after )[\d.]+m?s,.{0,400}", rf"\1{_N}"),
        ("No such file ", r"(?<=: No such file )(?!or ).{1,400}", words.PATH),
        ("exited with code ", r"(exited with code \d+: )(?!Error)\S.{0,200}?\.\w{2,4}(?=: [A-Z])", rf"\1{words.PATH}"),
        ("Command failed", r"(Command failed(?: with exit code \d+)?: \S+) [^\n]+", rf"\1 {_Q}"),
        ("in the cert's ", r"(in the cert's \w+:).{0,1000}", r"\1"),
        (").", rf"(?<=\w) \(\d+\)(?=\.(?:{words.FILE_EXTENSIONS})\b)", ""),
        (
            " already ",
            r"( already (?:exists|started|running|processed|queued|scheduled): )\S{1,200}(?=\s*\Z)",
            rf"\1{_Q}",
        ),
        ("ay ", r"(\b[Rr]ay (?:ID:? )?)[\da-f]{8,}(?:-[A-Z]{3})?", rf"\1{words.ID}"),
        ("(Session info", r" ?\(Session info: [^)\n]{0,200}\)", ""),
        ("\uff1a", r"((?:客户|客戶|顧客|用户|ユーザー|店舗|テナント|고객)\uff1a)[^\uff1a\uff09\n]{1,60}", rf"\1{_Q}"),
        ("on resource: ", r"( on resource: )\S+", rf"\1{words.ID}"),
        ("SystemTracker:", r"\bSystemTracker:[^\s,]+", ""),
        # Numbers of trade
        *(
            (f"{noun} ", rf"\b({noun}) (?=\S*[A-Z\d€$£¥])[^\s,;:]+", rf"\1 {_Q}")
            for noun in ("SKU", "EAN", "ISBN", "currency", "Currency", "locale", "VAT id", "VAT ID")
        ),
        # Services
        ("Error] ", r"(\[(?:DecimalError|BigNumber Error)\] [\w ()-]{1,60}: ).{1,200}", rf"\1{_Q}"),
        ("expected: ", r"(jwt \w+ invalid\. expected: ).{1,200}", rf"\1{_Q}"),
        ("hone number ", r"([Pp]hone number )\S{1,40}(?= (?:is|was|does|cannot)\b)", rf"\1{_N}"),
        ("number ", r"('(?:To|From)' number ).{1,60}?(?= (?:is|was|does|cannot)\b)", rf"\1{_N}"),
        (" address ", r"([Ee]-?mail address )\S{1,100}(?= is (?:not|invalid|already))", rf"\1{words.EMAIL}"),
        (
            "nvalid ",
            r"(nvalid (?:currency|country|locale|date|amount|url|email)): \S{1,64}(?=\. [A-Z])",
            rf"\1: {_Q}",
        ),
        ("ob ", r"(\b[Jj]ob )(?=\S*[\d:]\S*[\d\w])[\w-]+(?:[.:][\w-]+)*", rf"\1{_N}"),
        ("(", rf"(\((?:{words.ENTITY_NOUNS}): )[\w.-]+(?=[),;])", rf"\1{_Q}"),
        ("arse range: ", r"(arse range: ).{1,200}", rf"\1{_Q}"),
        ("picklist field: ", r"(picklist field: ).{1,200}", rf"\1{_Q}"),
        (" (cast from ", r" \(cast from the value [^\n]{0,400}\)", ""),
        ("Char: ", r"(?<=\n)Char: ?.?", ""),
        ("quote is found on field", r"(on field )(?:\"[^\"\n]{0,200}\"|\w+)(?= at line)", rf"\1{_N}"),
    )
)


def replace_in_sentences(text: str) -> str:
    """Return a text without the data in sentences of well-known libraries."""
    for _, sentence, replacement in [each for each in _SENTENCES if each[0] in text]:
        text = sentence.sub(replacement, text)
    return text
