"""The terminal's input: read in a thread, decoded into Textual's messages, and bounded."""

import errno
import os
import re
import select
import threading
import time
from codecs import getincrementaldecoder
from collections.abc import Callable, Iterable
from enum import Enum, auto
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
_BEL: Final = 0x07
_PASTE_BEGINS: Final = b"\x1b[200~"
_PASTE_ENDS: Final = b"\x1b[201~"
_STATUS_REPORTS: Final = frozenset({b"\x1b[0n", b"\x1b[3n"})
_REPORT: Final = rb"\x1b\[(?:[03]n|[0-9]{1,4};[0-9]{1,4}R|\?[0-9]{1,4};[0-4]\$y)"
_ONLY_REPORTS: Final = re.compile(rb"(?:" + _REPORT + rb")+")
"""Answers to queries, about the status, the cursor or a mode, which arrive in pieces of their own."""

_AFTER_PAUSE: Final = (b"", b"[P", b"0123456789?>=ABCDFHIO", b"0123456789;$~Rncytu")
"""After a pause, only these bytes continue a sequence of that length: those of answers, and of the marks of a paste.

Anything else was typed.
"""

_ANSWER_BEGINS: Final = re.compile(rb"\x1b\[[?>=]?[0-9][0-9;]*\$?")
_LATE_REST: Final = re.compile(rb"\x1b(?:\[[?>=]?[0-9]|\[[A-DFHIO]|P>\|)")
"""An Esc that has become a key, and a rest that shows that it was none: the next bytes go on with a sequence."""

_VERSION_BEGINS: Final = b"\x1bP>|"
_STRING_OPENERS: Final = frozenset(b"]PX^_")
_X10_BYTES: Final = len(b"\x1b[M") + 3

_ESCAPE_KEYS: Final = (b"?", b"\x11", b"\x03", b"\x1b[113;5u", b"\x1b[99;5u")
"""Help, ctrl-q and ctrl-c. They work at the end of an unfinished paste too, since they are harmless."""

_AT_END: Final = re.compile(rb"(?:" + b"|".join((*map(re.escape, _ESCAPE_KEYS), _REPORT)) + rb")+\Z")
"""Matches these keys at the end of unfinished input, and reports that arrived among them."""

_NUMBERED: Final = re.compile(r"\x1b\[(?!27;)(\d+)(?:;[\d:;]*)?([~A-FHPQS])")
"""A function key. xterm puts number 27 before a character, if a user configured it to."""

_TAIL_BYTES: Final = 64
"""The keys above are searched in this many bytes at the end of unfinished input."""


class _State(Enum):
    TEXT = auto()
    ESCAPE = auto()
    CONTROL = auto()  # CSI: ESC [
    SHIFT = auto()  # SS3: ESC O
    MOUSE = auto()  # the old mouse report, ESC [ M and three bytes of any kind
    STRING = auto()  # OSC, DCS, SOS, PM, APC
    PASTE = auto()


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
        self._state = _State.TEXT
        self._held = bytearray()
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
        if self._state is _State.TEXT:
            return None
        return min(self._read_s + self._timeout_s, self._began_s + MAX_UNFINISHED_S)

    @property
    def _timeout_s(self) -> float:
        is_answer = self._is_awaited and self._state in {_State.ESCAPE, _State.CONTROL, _State.STRING}
        if self._state is _State.ESCAPE:
            # The answer may have come in the same read before it: then this is the key.
            is_answer = is_answer and self._is_awaiting()
        if self._may_be_typed and not is_answer:
            return constants.ESCAPE_DELAY
        is_long = is_answer and self._state is _State.STRING and not self._may_be_typed
        if is_long or (self._state is _State.CONTROL and _ANSWER_BEGINS.fullmatch(self._held)):
            return MAX_UNFINISHED_S
        return MAX_ANSWER_PAUSE_S if is_answer else SILENCE_TIMEOUT_S

    @property
    def _may_be_typed(self) -> bool:
        """Whether this is Esc and at most one more key. The bytes of a sequence arrive together on most links."""
        return self._state is not _State.PASTE and len(self._held) <= len(b"\x1b[")

    def feed(self, data: bytes, now_s: float) -> list[Message]:
        """Decode the bytes of one read."""
        messages_before = self.expire(now_s)
        if self._state is _State.PASTE and _ONLY_REPORTS.fullmatch(data):
            # They are no part of the paste. One that never ends must not last as long as frames are sent and answered.
            return messages_before + self._answers(data)
        pause_s, self._read_s = now_s - self._read_s, now_s
        if self._state is _State.TEXT and now_s < self._late_until_s and _is_pasted(data):
            self._enter(_State.PASTE)
        self._resume(data, pause_s)
        at = 0
        while at < len(data):
            at = self._step(data, at)
        return messages_before + self._joined_keys(self._take_messages(), data)

    def _resume(self, data: bytes, pause_s: float) -> None:
        """Go on with a sequence after a pause, also with one whose beginning has become keys."""
        expired, self._expired = self._expired, b""
        if self._state is not _State.TEXT:
            limit_s = constants.ESCAPE_DELAY if self._may_be_typed else SILENCE_TIMEOUT_S
            self._had_pause = self._had_pause or pause_s >= limit_s
        elif expired and len(data) > 1 and _LATE_REST.match(expired + data):
            is_string = b"P" in expired + data[:1]
            at = _State.ESCAPE if expired == b"\x1b" else _State.STRING if is_string else _State.CONTROL
            self._enter(at, expired)
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
            if self._state is _State.PASTE:
                self._late_until_s = now_s + LATE_PASTE_S
            elif self._may_be_typed:
                self._expired = bytes(self._held)
            self._abandon()
        return self._take_messages()

    def _take_messages(self) -> list[Message]:
        taken, self._out = self._out, []
        return taken

    def _enter(self, state: _State, held: bytes = b"") -> None:
        if self._state is _State.TEXT:
            self._began_s, self._had_pause = self._read_s, False
            self._is_awaited = state is _State.ESCAPE and self._is_awaiting()
        self._state = state
        self._held[:] = held

    def _step(self, data: bytes, at: int) -> int:
        """Decode from index `at` and return the next index."""
        match self._state:
            case _State.TEXT:
                return self._text(data, at)
            case _State.PASTE:
                return self._paste(data, at)
            case _State.ESCAPE:
                return at + self._after_escape(data[at])
            case _State.CONTROL:
                return at + self._in_control(data[at])
            case _State.SHIFT:
                return at + self._in_shift(data[at])
            case _State.MOUSE:
                return at + self._in_mouse(data[at])
            case _State.STRING:
                return at + self._in_string(data[at])

    def _text(self, data: bytes, at: int) -> int:
        escape = data.find(_ESC, at)
        end = len(data) if escape < 0 else escape
        self._type(self._decoder.decode(data[at:end], final=escape >= 0))
        if escape < 0:
            return end
        self._enter(_State.ESCAPE, b"\x1b")
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
        self._enter(_State.TEXT)
        return len(data) - left

    # Each of these handles one byte. It returns 1, or 0 if the byte must be handled again in the new state.

    def _is_typed(self, byte: int) -> bool:
        """Return whether a byte after a pause was typed, and is no part of the sequence."""
        return self._had_pause and byte not in _AFTER_PAUSE[min(len(self._held), len(_AFTER_PAUSE) - 1)]

    def _after_escape(self, byte: int) -> int:
        if byte == _ESC:
            self._abandon()
            self._enter(_State.ESCAPE, b"\x1b")
        elif self._is_typed(byte):
            self._abandon()
            return 0
        elif byte == ord("["):
            self._enter(_State.CONTROL, b"\x1b[")
        elif byte == ord("O"):
            self._enter(_State.SHIFT, b"\x1bO")
        elif byte in _STRING_OPENERS:
            self._enter(_State.STRING, bytes((_ESC, byte)))
        elif byte < ord(" ") or byte == ord("\x7f"):
            if not self._interpret(f"\x1b{chr(byte)}"):
                self._abandon()
                return 0
            self._enter(_State.TEXT)
        else:
            # Esc and a letter that arrive together look like alt and that letter. They count as two keys, since no
            # binding uses alt.
            self._abandon()
            return 0
        return 1

    def _in_control(self, byte: int) -> int:
        if self._held == b"\x1b[" and byte == ord("M"):
            self._enter(_State.MOUSE, b"\x1b[M")
            return 1
        if not ord(" ") <= byte < ord("\x7f") or self._is_typed(byte):
            self._abandon()
            return 0
        is_linux_console = bytes(self._held) in {b"\x1b[", b"\x1b[["} and byte == ord("[")
        self._hold(byte)
        is_rxvt = byte == ord("$") and self._held.decode("ascii") in ANSI_SEQUENCES_KEYS
        if is_rxvt or (byte >= ord("@") and not is_linux_console):
            self._end_control()
        return 1

    def _end_control(self) -> None:
        sequence = bytes(self._held)
        self._enter(_State.PASTE if sequence == _PASTE_BEGINS else _State.TEXT)
        if sequence != _PASTE_BEGINS:
            self._end_sequence(sequence)

    def _end_sequence(self, sequence: bytes) -> None:
        if sequence in _STATUS_REPORTS:
            self._out.append(TerminalAnswer(Query.STATUS))
        elif len(sequence) <= MAX_SEQUENCE_BYTES and sequence != _PASTE_ENDS:
            self._interpret(sequence.decode("ascii"))

    def _in_shift(self, byte: int) -> int:
        is_parameter = byte in b"0123456789;"
        if not is_parameter and not ord("@") <= byte < ord("\x7f"):
            self._abandon()
            return 0
        self._hold(byte)
        if not is_parameter:
            typed = bytes(self._held[1:])
            if len(self._held) > MAX_SEQUENCE_BYTES or not self._interpret(self._held.decode("ascii")):
                # No terminal sends this: the user pressed Esc and typed on.
                self._post_escape()
                self._type(typed[:MAX_SEQUENCE_BYTES].decode("ascii"))
            self._enter(_State.TEXT)
        return 1

    def _in_mouse(self, byte: int) -> int:
        if byte < ord(" "):
            self._abandon()
            return 0
        self._held.append(byte)
        if len(self._held) == _X10_BYTES:
            self._enter(_State.TEXT)  # Textual reads no coordinates of this form
        return 1

    def _in_string(self, byte: int) -> int:
        if self._had_pause and len(self._held) == len(b"\x1bP") and byte != ord(">"):
            self._abandon()
            return 0
        if self._held[-1] == _ESC:
            if byte == ord("\\"):
                self._end_string()
                return 1
            del self._held[-1]
            self._abandon()
            self._enter(_State.ESCAPE, b"\x1b")
            return 0
        if byte == _BEL:
            self._enter(_State.TEXT)
        elif byte < ord(" ") and byte != _ESC:
            self._abandon()
            return 0
        else:
            self._hold(byte)
        return 1

    def _end_string(self) -> None:
        held = bytes(self._held)
        self._enter(_State.TEXT)
        if held.startswith(_VERSION_BEGINS):
            version = held[len(_VERSION_BEGINS) :].rstrip(b"\x1b").decode("utf-8", "replace")
            self._out.append(TerminalAnswer(Query.VERSION, version))

    def _hold(self, byte: int) -> None:
        """Keep a byte of a sequence. Of a sequence that is too long only the beginning and the end are kept."""
        self._held.append(byte)
        if len(self._held) > MAX_SEQUENCE_BYTES + _TAIL_BYTES:
            del self._held[MAX_SEQUENCE_BYTES]

    def _abandon(self) -> None:
        """Abandon unfinished input, except for keys that the user may have typed."""
        state, held = self._state, bytes(self._held)
        self._enter(_State.TEXT)
        found = _AT_END.search(held, max(0, len(held) - _TAIL_BYTES))
        tail = b"" if found is None else found[0]
        if state is _State.PASTE:
            self._post_paste(held[: min(len(held) - len(tail), MAX_PASTE_BYTES)])
        elif len(held) <= len(b"\x1b["):
            if self._is_awaited and self._had_pause:
                self._expired = held  # a key came between two pieces of an answer
            self._post_escape()
            tail = held[1:]
        at = 0
        while at < len(tail):
            at = self._step(tail, at)

    def _post_escape(self) -> None:
        self._out.append(events.Key("escape", "\x1b"))

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
