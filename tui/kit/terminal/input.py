"""The terminal's input: read in a thread, decoded into Textual's messages, and bounded."""

import errno
import os
import re
import select
import threading
import time
from codecs import getincrementaldecoder
from collections.abc import Callable, Iterable
from typing import Final

from textual import constants, events, messages
from textual._ansi_sequences import ANSI_SEQUENCES_KEYS
from textual._keyboard_protocol import FUNCTIONAL_KEYS
from textual._xterm_parser import XTermParser
from textual.message import Message

from tui.kit.terminal.output import Query

# The messages of the driver to the app, beside those of Textual.


class LinkSpeedChanged(Message):
    """The link to the terminal was measured as slow, or as no longer slow.

    The driver posts it to the app. The app then draws for a slow link, unless the user chose.
    """

    def __init__(self, *, is_slow: bool) -> None:
        super().__init__()
        self.is_slow = is_slow


class TerminalTakenBack(Message, bubble=False):
    """The terminal was set up again after a shell or another program had it. Keys that follow may be older than that.

    The driver posts it to the app, and the app passes it to the screen that is shown, in order with the keys.
    """


class TerminalAnswer(Message):
    """An answer of the terminal to a query that Textual does not know. The driver keeps it."""

    def __init__(self, query: Query, text: str = "") -> None:
        super().__init__()
        self.query = query
        self.text = text


class JoinedKey(events.Key):
    """A key that came in one read of the terminal with others, or right after one.

    `is_burst`: this many different keys are a paste without marks, or the rest of one. Otherwise a slow connection
    may have held up what a user typed.
    """

    def __init__(self, key: str, character: str | None, *, is_burst: bool) -> None:
        super().__init__(key, character)
        self.is_burst = is_burst


JoinedKey.handler_name = events.Key.handler_name  # it is a key for all that handle keys


# Decodes the bytes of a terminal into Textual's messages. It accepts any bytes.
#
# Textual's parser raises on some sequences and is unusable afterwards. The decoder therefore finds the end of each
# sequence itself, passes whole sequences to the parser, and replaces a parser that has raised. Unfinished sequences are
# bounded in size and time.


MAX_SEQUENCE_BYTES: Final = 32
"""Textual knows no sequence longer than this, and would read the rest of one as typed keys."""

MAX_PASTE_BYTES: Final = 1_000_000
"""A longer paste is cut."""

SILENCE_TIMEOUT_S: Final = 1.0
"""An unfinished paste or sequence is abandoned after this long without input."""

MAX_UNFINISHED_S: Final = 30.0
"""An unfinished paste or sequence is abandoned this long after its start."""

MAX_ANSWER_PAUSE_S: Final = 5.0
"""While the terminal owes an answer, Esc may be the first byte of it. It becomes a key after this long, or as soon as
anything else is typed or answered."""

JOINED_GAP_S: Final = 0.05
"""Keys that come this soon after each other are joined: they were pasted, or a slow connection held them up."""

MIN_BURST_CHANGES: Final = 4
"""This many different keys in a row, joined, count as a paste. A key that is repeated counts once."""

LATE_PASTE_S: Final = 10.0
"""After a paste was abandoned, a burst of bytes within this time is the rest of it, delayed by a slow connection."""

MIN_LATE_PASTE_BYTES: Final = 32
"""A single read never has this many typed keys."""

_ESC: Final = 0x1B
_PASTE_BEGINS: Final = b"\x1b[200~"
_PASTE_ENDS: Final = b"\x1b[201~"
_STATUS_REPORTS: Final = frozenset({b"\x1b[0n", b"\x1b[3n"})
_REPORT: Final = rb"\x1b\[(?:[03]n|[0-9]{1,4};[0-9]{1,4}R|\?[0-9]{1,4};[0-4]\$y)"
_ONLY_REPORTS: Final = re.compile(rb"(?:" + _REPORT + rb")+")
"""Answers to queries, about the status, the cursor or a mode, which arrive in pieces of their own."""

_PART: Final = re.compile(
    rb"""\x1b(?:
        \[M [\x20-\xff]{0,2}  # the old mouse report: three bytes of any kind
        | \[{1,3}+ [\x20-?]*  # CSI; the Linux console writes several brackets
        | O [0-9;]*  # SS3
        | [\]PX^_] [^\x00-\x1f]* \x1b?  # a string: OSC, DCS, SOS, PM, APC
    )?""",
    re.VERBOSE,
)
"""The beginning of a sequence."""

_WITH_DOLLAR: Final = b"|".join(re.escape(each.encode()) for each in ANSI_SEQUENCES_KEYS if each.endswith("$"))
_WHOLE: Final = re.compile(
    rb"""\x1b(?:
        [\x00-\x1a\x1c-\x1f\x7f]  # alt and a control
        | \[M [\x20-\xff]{3}
        | \[(?!M) \[{0,2}+ [\x20-?]* [@-~]
        | O [0-9;]* [@-~]
        | [\]PX^_] [^\x00-\x1f]* (?:\x07|\x1b\\)
    )|"""
    + _WITH_DOLLAR,
    re.VERBOSE,
)
"""A sequence. rxvt ends some by `$`, at which a report goes on."""

_GOES_ON: Final = re.compile(
    rb"""\x1b(?:
        [\[P]
        | \[ [0-9?>=ABCDFHIOM] | \[ .+ [0-9;$~Rncytu] | \[M .+
        | O .+
        | [\]PX^_] (?:>|..+)
    )""",
    re.VERBOSE | re.DOTALL,
)
"""After a pause, only the last byte of these continues a sequence: those of answers, and of the marks of a paste.

Anything else was typed.
"""

_ANSWER_BEGINS: Final = re.compile(rb"\x1b\[[?>=]?[0-9][0-9;]*\$?")
_LATE_REST: Final = re.compile(rb"\x1b(?:\[[?>=]?[0-9]|\[[A-DFHIO]|P>\|)")
"""An Esc that has become a key, and a rest that shows that it was none: the next bytes go on with a sequence."""

_VERSION_BEGINS: Final = b"\x1bP>|"
_MOUSE_BEGINS: Final = b"\x1b[M"
"""The old mouse report."""

_ESCAPE_KEYS: Final = (b"?", b"\x11", b"\x03", b"\x1b[113;5u", b"\x1b[99;5u")
"""Help, ctrl-q and ctrl-c. They work at the end of an unfinished paste too, since they are harmless."""

_AT_END: Final = re.compile(rb"(?:" + b"|".join((*map(re.escape, _ESCAPE_KEYS), _REPORT)) + rb")+\Z")
"""Matches these keys at the end of unfinished input, and reports that arrived among them."""

_NUMBERED: Final = re.compile(r"\x1b\[(?!27;)(\d+)(?:;[\d:;]*)?([~A-FHPQS])")
"""A function key. xterm puts number 27 before a character, if a user configured it to."""

_TAIL_BYTES: Final = 64
"""The keys above are searched in this many bytes at the end of unfinished input."""


class InputDecoder:
    """Decodes the input of one terminal. Never raises. Times are seconds of a monotonic clock.

    Without `has_mouse`, mouse reports are dropped: another program must have enabled them.
    """

    def __init__(self, *, has_mouse: bool = False, is_awaiting: Callable[[], bool] = lambda: False) -> None:
        """`is_awaiting` returns whether the terminal owes an answer."""
        self._has_mouse = has_mouse
        self._is_awaiting = is_awaiting
        self._is_awaited = False
        """Whether it owed one when the unfinished sequence began."""
        self._parser = XTermParser()
        self._decoder = getincrementaldecoder("utf-8")(errors="replace")
        self._is_paste = False
        self._held = bytearray()
        """A paste or a sequence that is not finished."""
        self._began_s = self._read_s = 0.0
        self._late_until_s = float("-inf")
        self._had_pause = False
        """Whether the unfinished sequence came in pieces, with a pause between them."""
        self._expired = b""
        """The beginning of a sequence that has become keys. The next bytes may show that it was one."""
        self._joined_s = float("-inf")
        self._joined: list[str] = []
        self._out: list[Message] = []

    @property
    def deadline_s(self) -> float | None:
        """When `expire` abandons unfinished input; None if there is none."""
        return min(self._read_s + self._timeout_s, self._began_s + MAX_UNFINISHED_S) if self._is_unfinished else None

    @property
    def _is_unfinished(self) -> bool:
        return self._is_paste or bool(self._held)

    @property
    def _timeout_s(self) -> float:
        is_string = _is_string(self._held)
        is_control = self._held.startswith(b"\x1b[") and not self._held.startswith(_MOUSE_BEGINS)
        is_answer = not self._is_paste and self._is_awaited and (is_string or is_control or self._held == b"\x1b")
        if self._held == b"\x1b":
            # The answer may have come in the same read before it: then this is the key.
            is_answer = is_answer and self._is_awaiting()
        if self._may_be_typed and not is_answer:
            return constants.ESCAPE_DELAY
        is_long = is_answer and is_string and not self._may_be_typed
        if is_long or (not self._is_paste and _ANSWER_BEGINS.fullmatch(self._held)):
            return MAX_UNFINISHED_S
        return MAX_ANSWER_PAUSE_S if is_answer else SILENCE_TIMEOUT_S

    @property
    def _may_be_typed(self) -> bool:
        """Whether this is Esc and at most one more key. The bytes of a sequence arrive together on most links."""
        return not self._is_paste and len(self._held) <= len(b"\x1b[")

    def feed(self, data: bytes, now_s: float) -> list[Message]:
        """Decode the bytes of one read."""
        messages_before = self.expire(now_s)
        if self._is_paste and _ONLY_REPORTS.fullmatch(data):
            # They are no part of the paste. One that never ends must not last as long as frames are sent and answered.
            return messages_before + self._answers(data)
        pause_s, self._read_s = now_s - self._read_s, now_s
        if not self._is_unfinished and now_s < self._late_until_s and _is_pasted(data):
            self._enter(is_paste=True)
        self._resume(data, pause_s)
        at = 0
        while at < len(data):
            at = self._step(data, at)
        return messages_before + self._joined_keys(self._take_messages(), data)

    def _resume(self, data: bytes, pause_s: float) -> None:
        """Go on with a sequence after a pause, also with one whose beginning has become keys."""
        expired, self._expired = self._expired, b""
        if self._is_unfinished:
            limit_s = constants.ESCAPE_DELAY if self._may_be_typed else SILENCE_TIMEOUT_S
            self._had_pause = self._had_pause or pause_s >= limit_s
        elif expired and len(data) > 1 and _LATE_REST.match(expired + data):
            self._enter(expired)
            self._had_pause = True

    def _joined_keys(self, found: list[Message], data: bytes) -> list[Message]:
        """Mark the keys of one read that came together, or right after others."""
        keys = [each for each in found if isinstance(each, events.Key)]
        pastes = [each for each in found if isinstance(each, events.Paste)]
        if not keys and not pastes:
            return found
        if self._read_s - self._joined_s > JOINED_GAP_S:
            self._joined.clear()
        self._joined_s = self._read_s
        self._joined += ["paste"] * len(pastes)
        is_single = not self._joined and len(keys) == 1
        for each in keys:
            if self._joined[-1:] != [each.key]:
                self._joined.append(each.key)
        del self._joined[:-MIN_BURST_CHANGES]
        # The end of a paste that has not begun ends one that seemed to have ended: its text contained an end.
        is_burst = len(self._joined) >= MIN_BURST_CHANGES or (_PASTE_ENDS in data and _PASTE_BEGINS not in data)
        if is_single and not is_burst:
            return found
        return [
            JoinedKey(each.key, each.character, is_burst=is_burst) if isinstance(each, events.Key) else each
            for each in found
        ]

    def _answers(self, reports: bytes) -> list[Message]:
        for report in re.findall(_REPORT, reports):
            self._end_sequence(report)
        return self._take_messages()

    def expire(self, now_s: float) -> list[Message]:
        """Abandon unfinished input whose deadline has passed."""
        deadline_s = self.deadline_s
        if deadline_s is not None and now_s >= deadline_s:
            if self._is_paste:
                self._late_until_s = now_s + LATE_PASTE_S
            elif self._may_be_typed:
                self._expired = bytes(self._held)
            self._abandon()
        return self._take_messages()

    def _take_messages(self) -> list[Message]:
        taken, self._out = self._out, []
        return taken

    def _enter(self, held: bytes = b"", *, is_paste: bool = False) -> None:
        """Begin a sequence or a paste. Without either, go on with text."""
        if not self._is_unfinished:
            self._began_s, self._had_pause = self._read_s, False
            self._is_awaited = held == b"\x1b" and self._is_awaiting()
        self._is_paste = is_paste
        self._held[:] = held

    def _step(self, data: bytes, at: int) -> int:
        """Decode from index `at` and return the next index."""
        if self._is_paste:
            return self._paste(data, at)
        return at + self._in_sequence(data[at : at + 1]) if self._held else self._text(data, at)

    def _text(self, data: bytes, at: int) -> int:
        escape = data.find(_ESC, at)
        end = len(data) if escape < 0 else escape
        self._type(self._decoder.decode(data[at:end], final=escape >= 0))
        if escape < 0:
            return end
        self._enter(b"\x1b")
        return end + 1

    def _paste(self, data: bytes, at: int) -> int:
        searched = max(0, len(self._held) - len(_PASTE_ENDS))
        self._held += data[at:]
        end = self._held.find(_PASTE_ENDS, searched)
        if end < 0:
            if len(self._held) > MAX_PASTE_BYTES + _TAIL_BYTES:
                del self._held[MAX_PASTE_BYTES:-_TAIL_BYTES]
            return len(data)
        self._late_until_s = float("-inf")
        left = len(self._held) - end - len(_PASTE_ENDS)
        self._post_paste(bytes(self._held[: min(end, MAX_PASTE_BYTES)]))
        self._enter()
        return len(data) - left

    def _in_sequence(self, byte: bytes) -> bool:
        """Decode the next byte of a sequence. Return False if it does not go on with it, and is to be decoded again."""
        sequence = bytes(self._held) + byte
        is_typed = self._had_pause and not _GOES_ON.fullmatch(sequence)
        if not is_typed and _WHOLE.fullmatch(sequence):
            return self._end(sequence)
        if not is_typed and _PART.fullmatch(sequence):
            self._held += byte
            if len(self._held) > MAX_SEQUENCE_BYTES + _TAIL_BYTES:
                del self._held[MAX_SEQUENCE_BYTES]  # of a long one only the beginning and the end are kept
            return True
        is_cut = len(self._held) > 1 and self._held[-1] == _ESC  # a string that another sequence ends
        if is_cut:
            del self._held[-1]
        self._abandon()
        if is_cut:
            self._enter(b"\x1b")
        return False

    def _end(self, sequence: bytes) -> bool:
        """Decode a whole sequence. Return False if its last byte was typed after Esc."""
        if len(sequence) == len(b"\x1b\r") and not self._interpret(sequence.decode("ascii")):
            self._abandon()
            return False
        self._enter(is_paste=sequence == _PASTE_BEGINS)
        if _is_string(sequence):
            if sequence.startswith(_VERSION_BEGINS) and sequence.endswith(b"\x1b\\"):
                version = sequence[len(_VERSION_BEGINS) : -1].rstrip(b"\x1b").decode("utf-8", "replace")
                self._out.append(TerminalAnswer(Query.VERSION, version))
        elif sequence.startswith(b"\x1bO"):
            if len(sequence) > MAX_SEQUENCE_BYTES or not self._interpret(sequence.decode("ascii")):
                # No terminal sends this: the user pressed Esc and typed on.
                self._out.append(events.Key("escape", "\x1b"))
                self._type(sequence[1 : MAX_SEQUENCE_BYTES + 1].decode("ascii"))
        elif len(sequence) > len(b"\x1b\r") and not self._is_paste and not sequence.startswith(_MOUSE_BEGINS):
            self._end_sequence(sequence)  # of the old mouse report, Textual reads no coordinates
        return True

    def _end_sequence(self, sequence: bytes) -> None:
        if sequence in _STATUS_REPORTS:
            self._out.append(TerminalAnswer(Query.STATUS))
        elif len(sequence) <= MAX_SEQUENCE_BYTES and sequence != _PASTE_ENDS:
            self._interpret(sequence.decode("ascii"))

    def _abandon(self) -> None:
        """Abandon unfinished input, except for keys that the user may have typed."""
        is_paste, held = self._is_paste, bytes(self._held)
        self._enter()
        found = _AT_END.search(held, max(0, len(held) - _TAIL_BYTES))
        tail = b"" if found is None else found[0]
        if is_paste:
            self._post_paste(held[: min(len(held) - len(tail), MAX_PASTE_BYTES)])
        elif len(held) <= len(b"\x1b["):
            if self._is_awaited and self._had_pause:
                self._expired = held  # a key came between two pieces of an answer
            self._out.append(events.Key("escape", "\x1b"))
            tail = held[1:]
        at = 0
        while at < len(tail):
            at = self._step(tail, at)

    def _post_paste(self, pasted: bytes) -> None:
        text = pasted.decode("utf-8", errors="replace").replace("\x00", "")
        if text:
            self._out.append(events.Paste(text))

    def _type(self, text: str) -> None:
        for character in text:
            self._interpret(character)

    def _interpret(self, sequence: str) -> bool:
        """Pass a whole sequence or one character to Textual's parser. Return False if it is unknown."""
        numbered = _NUMBERED.fullmatch(sequence)
        if numbered is not None and f"{int(numbered[1])}{numbered[2]}" not in FUNCTIONAL_KEYS:
            # Textual would read the number as a character: `C` for 67, a space for F18.
            keys = ANSI_SEQUENCES_KEYS.get(sequence)
            self._out.extend(events.Key(key.value, None) for key in (keys if isinstance(keys, tuple) else ()))
            return True
        found: list[Message] = []
        try:
            found.extend(self._parser.feed(sequence))
        except Exception:  # noqa: BLE001  Textual does not validate numbers and characters
            found.clear()
        if not found:
            # The parser may have raised, or be in the middle of a sequence.
            self._parser = XTermParser()
        self._out.extend(self._accepted(found))
        return bool(found)

    def _accepted(self, found: Iterable[Message]) -> Iterable[Message]:
        for message in found:
            match message:
                case events.Resize() | messages.InBandWindowResize():
                    continue  # the size comes from the kernel
                case events.MouseEvent() if not self._has_mouse:
                    continue
                case events.Key(character=str(text)) if any("\ud800" <= each <= "\udfff" for each in text):
                    continue  # it cannot be encoded
                case _:
                    yield message


def _is_string(sequence: bytes | bytearray) -> bool:
    return len(sequence) > 1 and sequence[1] in b"]PX^_"


def _is_pasted(data: bytes) -> bool:
    """Return whether the bytes may be the rest of a paste."""
    is_burst = len(data) >= MIN_LATE_PASTE_BYTES and _ESC not in data
    return (is_burst or _PASTE_ENDS in data) and _PASTE_BEGINS not in data


# Bounds the keys that wait for the app, so that the app survives a flood of them.


MAX_WAITING_KEYS: Final = 2_000
"""The app handles about 500 keys a second. No user types this far ahead: it is a file, or a paste without markers."""

_ENDING_KEYS: Final = frozenset({"question_mark", "ctrl+q", "ctrl+c", "escape"})


class KeyBacklog:
    """Counts the keys that the app has not begun to handle. One thread calls `admit`, another one `record_begun`."""

    def __init__(self) -> None:
        self._admitted = self._begun = 0

    @property
    def waiting(self) -> int:
        """The number of keys that wait."""
        return self._admitted - self._begun

    def admit(self, key: str) -> bool:
        """Return whether the app gets this key. Above the bound it gets only the keys for help, quit and back."""
        waiting = self.waiting
        is_admitted = waiting < MAX_WAITING_KEYS or (key in _ENDING_KEYS and waiting < 2 * MAX_WAITING_KEYS)
        self._admitted += is_admitted
        return is_admitted

    def record_begun(self) -> None:
        """Count a key that the app begins to handle."""
        self._begun += 1


# The thread that reads the terminal's input.


READ_BYTES: Final = 4096


ESCAPE_CHECK_S: Final = 0.1
"""How often unfinished input is checked."""


class TerminalReader:
    """Reads and decodes a terminal's input until `stop`. It starts on creation.

    The callbacks run in the thread: `on_message` for each decoded message, `on_gone` when the terminal is closed,
    `on_failure` when the thread raised. After the last two, reading has ended.
    """

    def __init__(
        self,
        descriptor: int,
        decoder: InputDecoder,
        *,
        on_message: Callable[[Message], None],
        on_gone: Callable[[], None],
        on_failure: Callable[[BaseException], None],
    ) -> None:
        self._descriptor = descriptor
        self._decoder = decoder
        self._on_message = on_message
        self._on_gone = on_gone
        self._on_failure = on_failure
        self._stop_read_fd, self._stop_write_fd = os.pipe()
        self._thread = threading.Thread(target=self._run, name="terminal-input", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread and wait until it has ended."""
        os.close(self._stop_write_fd)
        self._thread.join()
        os.close(self._stop_read_fd)

    def _run(self) -> None:
        try:
            while self._read():
                pass
        except OSError:
            self._on_gone()
        except BaseException as error:  # noqa: BLE001  the app reports it
            self._on_failure(error)

    def _read(self) -> bool:
        """Wait for input and emit its messages. Return False after `stop`.

        Raises `OSError` if the terminal is closed.
        """
        # Not `poll`: macOS has none for terminals.
        ready, _, _ = select.select([self._descriptor, self._stop_read_fd], [], [], self._timeout_s())
        if self._stop_read_fd in ready:
            return False
        now_s = time.monotonic()
        if self._descriptor in ready:
            try:
                data = os.read(self._descriptor, READ_BYTES)
            except BlockingIOError:  # the terminal is non-blocking, and another program has read the input
                return True
            if not data:
                raise OSError(errno.EIO, "the terminal is closed")
            found = self._decoder.feed(data, now_s)
        else:
            found = self._decoder.expire(now_s)
        for message in found:
            self._on_message(message)
        return True

    def _timeout_s(self) -> float | None:
        deadline_s = self._decoder.deadline_s
        # At most a short time: the terminal may have given its last answer meanwhile, and an Esc is a key then.
        return None if deadline_s is None else min(ESCAPE_CHECK_S, max(0.0, deadline_s - time.monotonic()))
