"""The findings of the wall: the verdict in letters, a line for each finding, and the four series of the hour."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from tui.domain.facts import FactSource
from tui.domain.finding import NOT_KNOWN, OK, Finding, FindingWord, SubjectKind, Verdict
from tui.features.alerts.words import (
    CALM,
    FINDING_TOKENS,
    finding_cells,
    finding_words,
    limit_words,
    not_known_line,
    ok_sentence,
    ok_words,
    since,
    unread_sentence,
)
from tui.features.wall.blocks import (
    INDENT,
    NUMBER_ROWS,
    Band,
    BlockRow,
    Opened,
    PlacedLine,
    WallView,
    big_number,
    big_word,
    block_rule,
    row_of,
    series,
    series_bars,
    span_words,
    time_marks,
    two_row_series,
)
from tui.store.findings.rows import FourLines, QueueRow
from tui.store.findings.rows import Line as Series
from tui.text import formatting
from tui.text.blocks import REST, GoToRun, ListRuns, Spot, placed, places
from tui.text.formatting import brief_duration
from tui.text.styled import Line, Piece, Token, cut, fit, line_width, wrap

# The four series: done, failed, queued, running, on one axis, with their newest figures. The overview has them too.


WIDE: Final = 110
LEVELS: Final = frozenset({"queued", "running"})
"""Numbers of a moment. The others are rates."""


def four_series(lines: FourLines) -> dict[str, Series]:
    """Return the series by their names."""
    return {"done": lines.done, "failed": lines.failed, "queued": lines.queued, "running": lines.running}


def series_rows(
    view: WallView,
    layout: Sequence[Spot],
    width: int,
    lines: dict[str, Series],
    *,
    is_tall: bool = False,
    usual: Token = Token.BRIGHT,
) -> list[Line]:
    """Return one or two lines for each series: its name, its newest figure, its cells, and the totals."""
    rows: list[Line] = []
    for name, line in lines.items():
        room = next((room for place, _, room in places(layout, width) if place.name == "series"), 0)
        bars = series_bars(name, line.cells, line.normal, is_stale=view.is_stale, repeat=room // (len(line.cells) or 1))
        abnormal = () if view.is_stale else line.is_abnormal
        drawn = series(line.cells, bars, view.look, abnormal)
        if is_tall:
            upper, drawn = two_row_series(line.cells, bars, view.look, abnormal)
            rows.append(placed(layout, width, {"series": upper}))
        head, now = (Piece(name, Token.FAINT),), (_figure(name, line, view, usual),)
        cells = {"name": head, "now": now, "series": drawn} | ({} if view.is_stale else _totals(name, line))
        cells["head"] = (*fit(head, layout[0].cells - line_width(now)), *now)
        rows.append(placed(layout, width, cells))
    return rows


def _figure(name: str, line: Series, view: WallView, usual: Token) -> Piece:
    """Return the newest figure: not known is `·`, an old level has `~`, and an old rate is not shown."""
    if line.now is None:
        return Piece(formatting.NONE, Token.FAINT)
    text = formatting.count(round(line.now))
    if name not in LEVELS:
        text = f"{line.now:.1f}" if 0 < line.now < 1 else text if line.now < 10_000 else _whole(line.now)
        text = "" if view.is_stale else f"{text}/min"
    if view.is_stale:
        return Piece(view.frozen(text), Token.MUTED)
    if name == "failed":
        return Piece(text, Token.ROSE if line.now else Token.MUTED, is_bold=line.now > 0)
    is_abnormal = name != "done" and bool(line.is_abnormal) and line.is_abnormal[-1]
    return Piece(text, Token.AMBER if is_abnormal else usual, is_bold=is_abnormal)


def _totals(name: str, line: Series) -> dict[str, Line]:
    normal = None if line.normal is None else round(line.normal)
    values = (("span", line.in_span), ("normal", normal), ("last 24h", line.last_day))
    most = "max " if name in LEVELS else ""
    shown = {key: formatting.NONE if value is None else f"{most}{formatting.count(value)}" for key, value in values}
    tokens = {key: Token.FAINT if value is None else Token.MUTED for key, value in values}
    tokens["span"] = Token.FAINT if line.in_span is None else Token.TEXT
    return {key: (Piece(text, tokens[key]),) for key, text in shown.items()}


class HourForm(NamedTuple):
    """How the series stand: the width, one or two rows each, and whether a row below them marks the deploy."""

    width: int
    is_tall: bool = False
    has_deploy: bool = False

    @property
    def rows(self) -> int:
        """The rows of the block with its rule."""
        return 1 + (8 if self.is_tall else 4) + self.has_deploy


def _hour_layout(form: HourForm, count: int) -> Sequence[Spot]:
    """Return the layout for `count` cells of time."""
    if form.width < WIDE:
        return Spot("head", 15, gap=2), Spot("series", max(1, min(count, form.width - 20)))
    name, now = (11, 10) if form.is_tall else (12, 9)
    repeat = min(2, max(1, (form.width - name - 47) // count))
    figures = (("now", now, 0), ("span", 11, 0), ("normal", 11, 0), ("last 24h", 11, 118))
    ends = (Spot(key, cells, align="right", gap=0, from_width=least - 2) for key, cells, least in figures)
    return Spot("name", name, gap=0), Spot("series", count * repeat, gap=0), *ends


def hour_block(view: WallView, form: HourForm) -> list[BlockRow]:
    """Return the block of the four series."""
    lines, width = view.board.lines, form.width - 2
    layout = _hour_layout(form, lines.span.count)
    begins = {place.name: (begin + 2, room) for place, begin, room in places(layout, width)}
    at, room = begins["series"]
    cells, repeat = min(room, lines.span.count), max(1, room // lines.span.count)
    span = span_words(lines.span, cells, view.now, is_earlier=view.is_earlier)
    titles = {"span": span if len(span) < 11 else "in all"}
    heads = [(sum(begins[name]), titles.get(name, name)) for name in begins if name not in {"head", "name", "series"}]
    old = (FactSource.NORMALS, None) if heads else ()
    marks = time_marks(lines.span, at, cells, repeat, view.now)
    shown = {
        name: replace(line, cells=line.cells[-cells:], is_abnormal=line.is_abnormal[-cells:])
        for name, line in four_series(lines).items()
    }
    rows = series_rows(view, layout, width, shown, is_tall=form.is_tall)
    if form.has_deploy:
        rows.append(_deploy_row(view, at - 2, cells, repeat, form))
    return [block_rule(view, span, form.width, *old, marks=marks, heads=heads), *map(row_of, rows)]


def _deploy_row(view: WallView, at: int, cells: int, repeat: int, form: HourForm) -> Line:
    """Return the marks of the deploys below their cells. The newest one is named."""
    row, lines, width = PlacedLine(), view.board.lines, form.width - 2
    first = lines.span.start + (lines.span.count - cells) * lines.span.cell
    deployments = sorted(lines.deployments, key=lambda each: each.deployed_at)
    for deployment in deployments:
        cell = (deployment.deployed_at - first) // lines.span.cell
        if not 0 <= cell < cells:
            continue
        x, words = at + cell * repeat, ""
        if deployment is deployments[-1]:
            time = f" {formatting.time_of_day(deployment.deployed_at, view.now)}" if form.is_tall else ""
            words = f"{deployment.version} deployed{time}"
        mark, name = Piece("┆", Token.GUIDE), Piece(words, Token.FAINT)
        begin = x - line_width((name,))
        if x + 1 + line_width((name,)) > width and begin >= row.width:
            row.put(begin, (name, mark))
        elif x >= row.width:
            row.put(x, (mark, name), width - x)
    return row.line(width)


# The findings of the wall: one line each, with a band behind the worst; and the one verdict in letters.


MAX_LINES: Final = 4
LETTERS_HEIGHT: Final = 9
"""The rows of the verdict in letters, with the empty ones above and below."""

_MARGIN: Final = 2
_BEHIND: Final = (Spot("sentence", 0, REST, gap=2), Spot("since"))
_NARROW: Final = (Spot("word", 8), Spot("name", 15), *_BEHIND)
_WIDE: Final = (Spot("word", 8), Spot("name", 16), *_BEHIND)
_ROOM: Final = (Spot("word", 8, gap=2), Spot("name", 26), *_BEHIND)
_ROOM_FROM: Final = 150


def verdict_word(view: WallView) -> str:
    """Return the one word. OK needs a verdict, and an answer that is not too old."""
    verdict = view.verdict
    return NOT_KNOWN if not view.is_known or verdict is None else verdict.word


def verdict_rows(view: WallView, width: int) -> list[BlockRow]:
    """Return the findings in at most four lines, after NOT KNOWN where they are old."""
    verdict, word = view.verdict, verdict_word(view)
    findings = () if verdict is None else verdict.findings
    if word == OK and verdict is not None:
        return [BlockRow(_ok_line(verdict, view, width), key=OK)]
    if word == NOT_KNOWN:
        unknown = _not_known(_unknown_words(view), width)._replace(band=Band.AMBER)
        return [unknown, *_finding_rows(findings, view, width, is_old=True)]
    unread = _unread_rows(verdict, view, width)
    return [*_finding_rows(findings, view, width, most=MAX_LINES - len(unread)), *unread]


def letter_rows(view: WallView, width: int) -> list[BlockRow]:
    """Return the verdict in letters, three numbers beside it, and the other findings below it."""
    word, verdict = verdict_word(view), view.verdict
    findings = () if verdict is None else verdict.findings
    is_known = word != NOT_KNOWN
    first = findings[0] if is_known and findings else None
    token = Token.TEXT if word == OK else Token.AMBER if first is None else FINDING_TOKENS[first.word]
    band = Band.NONE if word == OK else Band.FAILING if word == FindingWord.FAILING else Band.AMBER
    if first is not None and first.identity in view.fresh:
        band = Band.NEW
    letters = big_word(word)
    at = max(3 + len(letters[0]) + 4, width * 46 // 100)
    parts: list[tuple[int, Sequence[Line]]] = [(at, [(), *((Piece(f"   {row}", token),) for row in letters)])]
    room = width - (60 if is_known else 0) - at
    parts.append((room, _subject(view, first, room - 2)))
    if is_known:
        parts += [(20, each) for each in _numbers(view)]
    shown = [BlockRow(line, band) for line in beside(parts, LETTERS_HEIGHT)]
    if first is not None:
        shown[1] = shown[1]._replace(key=("finding", first.identity), opens=_opened(first))
        findings = findings[1:]
    others = _finding_rows(findings, view, width, is_old=not is_known, most=MAX_LINES - 1, is_behind_first=True)
    return [*shown, *others, *(_unread_rows(verdict, view, width) if first is not None else ())]


def beside(parts: Sequence[tuple[int, Sequence[Line]]], height: int) -> list[Line]:
    """Return the lines of parts that stand beside each other. A part is its width and its lines."""
    return [
        tuple(piece for width, lines in parts for piece in fit(lines[y] if y < len(lines) else (), width))
        for y in range(height)
    ]


def _finding_rows(
    findings: Sequence[Finding],
    view: WallView,
    width: int,
    *,
    is_old: bool = False,
    most: int = MAX_LINES,
    is_behind_first: bool = False,
) -> list[BlockRow]:
    layout = _ROOM if width >= _ROOM_FROM else _WIDE if width >= WIDE else _NARROW
    shown = findings if len(findings) <= most else findings[: most - 1]
    rows: list[BlockRow] = []
    bands = {} if is_old else {Token.ROSE: Band.FAILING, Token.AMBER: Band.AMBER}
    if is_behind_first:
        bands.pop(Token.ROSE, None)
    for finding in shown:
        band = bands.pop(FINDING_TOKENS[finding.word], Band.NONE)
        if finding.identity in view.fresh and not is_old:
            band = Band.NEW
        words, begun = finding_words(finding, view.timers_at, view.now, is_frozen=is_old), since(finding, view.now)
        said, begun = (words.long, f"since {begun}") if width >= WIDE else (words.short, begun)
        line = placed(layout, width - 2 * _MARGIN, finding_cells(finding, said, begun, is_old=is_old))
        rows.append(row_of(line, ("finding", finding.identity), _opened(finding))._replace(band=band))
    if others := findings[len(shown) :]:
        pieces = [Piece(f"and {formatting.count(len(others))} more", Token.MUTED)]
        for word, count in Counter(finding.word for finding in others).items():
            token = Token.FAINT if is_old else FINDING_TOKENS[word]
            pieces += [Piece(f"   {word.value}", token), Piece(f" {formatting.count(count)}", Token.MUTED)]
        rows.append(row_of(tuple(pieces)))
    return rows


def _unread_rows(verdict: Verdict | None, view: WallView, width: int) -> list[BlockRow]:
    """Return the row that says what is not known beside the findings, if anything is."""
    if verdict is None or not verdict.unread:
        return []
    return [_not_known(unread_sentence(verdict, view.now), width)]


def _ok_line(verdict: Verdict, view: WallView, width: int) -> Line:
    words, gap = _limits(verdict), "   "
    if not limit_words(verdict):
        words, gap = CALM if width < WIDE else ok_sentence(verdict, view.now), "       "
    head = INDENT, Piece("✓", Token.GREEN), Piece(f" {ok_words(verdict)}", Token.TEXT)
    return cut((*head, Piece(f"{gap}{words}", Token.MUTED)), width - _MARGIN)


def _limits(verdict: Verdict) -> str:
    """Return which sources the key may not read, or that not all runs are listed."""
    return "not " + ", ".join(source for source, _ in verdict.refused) if verdict.refused else CALM


def _not_known(text: str, width: int) -> BlockRow:
    return row_of(cut(not_known_line(text), width - 2 * _MARGIN))


def _unknown_words(view: WallView) -> str:
    verdict = view.verdict
    if view.heard_at is None:
        return "nothing was read yet"
    if view.is_known and verdict is not None and verdict.is_known and verdict.unread:
        return unread_sentence(verdict, view.now)
    if view.is_known:
        return "what was read is not judged yet"
    since = formatting.time_of_day(view.heard_at, view.now)
    silent = formatting.duration(view.now - view.heard_at)
    below = "; below is what was known at " + since if verdict is not None and verdict.findings else ""
    return f"nothing was heard for {silent}{below}"


def _opened(finding: Finding) -> Opened:
    if finding.subject.kind is SubjectKind.QUEUE:
        return ListRuns(finding.filter_text, queue=finding.subject.key)
    return ListRuns(finding.filter_text) if finding.run_id is None else GoToRun(finding.run_id)


def _subject(view: WallView, first: Finding | None, room: int) -> list[Line]:
    """Return the worst finding beside the letters: its name, its number, two to four lines about it."""
    verdict = view.verdict
    if first is not None:
        said = finding_words(first, view.timers_at, view.now)
        number = _big(said.number, Token.BRIGHT, view)
        begin = max(map(line_width, number)) + 2
        parts = ([text] if len(text) <= room - begin else text.split(", ", 1) for text in (said.what, said.more))
        texts = [text for part in parts for text in part]
        about: list[Line] = [()] * (NUMBER_ROWS - len(texts)) + [cut((Piece(text),), room - begin) for text in texts]
        name = cut((Piece(first.subject.name, Token.BRIGHT, is_bold=True),), room)
        return [(), name, (), *beside(((begin, number), (room - begin, about)), NUMBER_ROWS)]
    title, words = "", ""
    if verdict_word(view) == NOT_KNOWN:
        words = _unknown_words(view)
        heard_at = None if view.is_known else view.heard_at
        title = NOT_KNOWN + ("" if heard_at is None else f" since {formatting.time_of_day(heard_at, view.now)}")
    elif verdict is not None:
        limit = limit_words(verdict)
        words = f"{limit}; {_limits(verdict)}" if limit else ok_sentence(verdict, view.now)
    texts = wrap(words.replace("; ", ";\n"), room) if len(words) > room else [words]
    head: list[Line] = [(), (Piece(title, Token.BRIGHT, is_bold=True),), (), ()]
    return [*head, *(cut((Piece(text),), room) for text in texts)]


def _big(text: str, token: Token, view: WallView) -> list[Line]:
    """Return the rows of a number in half blocks. In ASCII it is plain text."""
    rows = big_number(text)
    is_plain = view.look.is_ascii or not rows[0]
    return [(), (), (Piece(text, token, is_bold=True),), ()] if is_plain else [(Piece(row, token),) for row in rows]


def _numbers(view: WallView) -> list[list[Line]]:
    """Return the three numbers beside the verdict."""
    lines, queues = view.board.lines, view.board.queues
    minutes = lines.span.cell.total_seconds() / 60 * lines.span.count
    usual = lines.done.normal / minutes if lines.done.normal is not None else None
    oldest = max((_waits(view, row) for row in queues), key=lambda each: each[0], default=(-1.0, ""))
    is_waiting = bool(lines.queued.is_abnormal) and lines.queued.is_abnormal[-1]
    level = Token.AMBER if is_waiting else Token.TEXT
    # Whether it is known of each queue that no run waits in it. A paused queue does not count.
    nothing_waits = bool(queues) and all(row.is_paused or row.queued == 0 for row in queues)
    numbers = (
        ("done/min", _whole(lines.done.now), Token.TEXT, usual),
        ("queued", _whole(lines.queued.now), level, lines.queued.normal),
        ("oldest waits", oldest[1] or ("0s" if nothing_waits else ""), level, None),
    )
    return [
        [
            (),
            (Piece(title, Token.MUTED),),
            (),
            *_big(text or formatting.NONE, token if text else Token.FAINT, view),
            () if normal is None else (Piece(f"normal {formatting.count(round(normal))}", Token.MUTED),),
        ]
        for title, text, token, normal in numbers
    ]


def _waits(view: WallView, row: QueueRow) -> tuple[float, str]:
    if row.is_paused or row.oldest_at is None or not row.queued:
        return -1.0, ""
    lasts, text = view.timers_at - row.oldest_at, view.waited(row.oldest_at)
    # Three signs at most fit in their place; hours need no minutes here.
    return lasts.total_seconds(), text if len(text) <= 3 else brief_duration(lasts).partition("h")[0] + "h"


def _whole(number: float | None) -> str:
    whole = round(number or 0)
    return "" if number is None else f"{whole}" if whole < 10_000 else f"{whole // 1000}k"
