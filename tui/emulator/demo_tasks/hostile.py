"""`src/trigger/moderation.ts`: a task whose runs have hostile text in payload, tags, logs, metadata, error and output.

The server returns such text unchanged (recordings 112, 251, 279, 839), so a client has to sanitise it.
"""

from random import Random

from tui.emulator.demo_tasks.sample_data import LOCALES, between, pick, skewed_ms
from tui.emulator.demo_tasks.stacks import custom, own, stack, thrown_text
from tui.emulator.simulation.script import AddTags, Call, Child, Json, Log, Script, SetMetadata, Span, Start, Task, Work

FILE = "src/trigger/moderation.ts"

TEXTS = (
    "ansi \x1b[31mRED\x1b[0m \x1b]0;title\x07 \x1b[2J\x1b[H bell\x07 end",
    "link \x1b]8;;http://example.com\x07click\x1b]8;;\x07 and \x1b]8;;file:///etc/passwd\x1b\\file\x1b]8;;\x1b\\",
    "clipboard \x1b]52;c;cm0gLXJmIH4vCg==\x07 paste me",
    "visible\rhidden, abc\b\b\bXYZ, form\ffeed, v\x0btab",
    "C1 \x9b31mcsi\x9b0m \x9d0;title\x9c \x85 next \x90dcs\x9c",
    "bidi \u202egnp.exe\u202c \u2066isolate\u2069 \u200fמה\u200e مرحبا بالعالم",
    "zero\u200bwidth\u200c \u2060joiner\ufeffBOM soft\u00adhyphen",
    "🚀👩‍👩‍👧‍👦🇫🇷👍🏽 ❤️ 1️⃣ 𝒳",
    "combining e\u0301 " + "Z\u0351\u036b\u0343\u036a\u0302\u036b\u033d\u034f\u0334\u0319\u0324\u031e\u0349" * 4,
    "日本語のテキスト 中文 한국어 ｆｕｌｌｗｉｄｔｈ ภาษาไทย हिन्दी",
    "line one\nline two\r\nline three\n\n\tindented\u2028separator\u2029paragraph",
    "NUL-like \x01\x02\x7f \\u0000 ␀ %00 \ufffd \ufffe",
    "\x1b[?1049h\x1b[?1000h\x1b[6n\x1bc\x1b(0lqk\x1b(B \x1bP+q544e\x1b\\ \x1b_Ga=T;AAAA\x1b\\",
    "markup [bold red]x[/] [link=file:///etc/passwd]y[/link] {curly} %s $(reboot) `id` <b>html</b>",
    "long " + "abcdefghij 日本語 " * 900,
)
"""One text for each kind of trouble: escape sequences, control characters, bidi overrides, markup, length and so on."""

SHORT_TEXTS = tuple(text[:100] for text in TEXTS)
"""Short enough for JSON keys, and for tags, which the server limits to 128 characters."""

_THROWN = stack(own("classify", "lib/moderation.ts", 33, 11), own("run", "trigger/moderation.ts", 21, 18))


def _comment(random: Random) -> Json:
    comment = {
        "comment": between(random, 100_000, 1_000_000),
        "author": pick(random, SHORT_TEXTS),
        "text": pick(random, TEXTS),
        "locale": pick(random, LOCALES),
    }
    comment[pick(random, SHORT_TEXTS)] = None
    return comment


def _comment_tags(random: Random) -> tuple[str, ...]:
    return "comments", pick(random, SHORT_TEXTS)


def _moderate_comment(call: Call) -> Script:
    random, comment = call.random, call.payload
    number, text = comment["comment"], comment["text"]
    key, other = pick(random, SHORT_TEXTS), pick(random, TEXTS)
    work = Work(
        skewed_ms(random, 150, 2_200),
        (
            Log("INFO", f"comment {number}: {text}", {key: other, "nested": {"list": [text, 1, None], key: {}}}),
            Span(f"classify {key}", 0.5, (Log("WARN", other),), {key: key, "scores": [0.1, 0.7]}),
            Log("ERROR", f"console.error {key}"),
        ),
    )
    outcome = number % 100
    if outcome < 5:
        name, cause = f"Moderation{key[:12]}Error", f"{SHORT_TEXTS.index(key)} cannot classify {TEXTS.index(other)}"
        return Script((work,), throws=custom(name, f"cannot classify: {other[:900]}", _THROWN, cause=cause))
    if outcome < 8:
        return Script((work,), throws=thrown_text(f"rejected: {other[:900]}", f"rejected {TEXTS.index(other)}"))
    usage = Start((Child("log-usage", {"meter": key, "units": 1}, (key,)),))
    return Script(
        (
            SetMetadata({"status": key, key: {"label": other[:200]}}),
            work,
            AddTags((pick(random, SHORT_TEXTS),)),
            usage,
        ),
        {"verdict": "spam" if outcome < 40 else "ham", "echo": text, key: [other]},
    )


TASKS = (
    Task("moderate-comment", _moderate_comment, FILE, weight=2, payload=_comment, tags=_comment_tags, max_attempts=2),
)
