"""TRQL's functions as SQL templates for SQLite.

`{0}`, `{1}` … are the arguments, `{all}` is all of them with commas, `{any}` with OR, `{p0}` … are the parameters of a
parametric function, `{f}` is the FILTER of an `…If` aggregate, `{empty}` is the value of an aggregate over no rows.
`registered` defines the functions that SQLite cannot express. A name that is not listed here is refused.
"""

import re
from dataclasses import dataclass

MILLISECONDS = "(CAST(strftime('%s', {0}) AS INTEGER) * 1000 + CAST(substr(strftime('%f', {0}), 4) AS INTEGER))"
SECONDS = "CAST(strftime('%s', {0}) AS INTEGER)"

MS, S, DAY = "ms", "s", "day"
"""The precision of a time: `2026-11-24 14:12:45.434`, `2026-11-24 14:12:45` or `2026-11-24`."""


MANY = "1000000000"
"""More elements than any array has."""


@dataclass(frozen=True, slots=True)
class Function:
    """One function. `max_args` is None for any number of arguments.

    `time` is the precision of the moment that it returns; "same" means the precision of its argument.
    """

    sql: str
    min_args: int = 1
    max_args: int | None = 1
    time: str = ""
    parameters: int = 0
    uses_stored_status: bool = False
    default: str = "0.5"
    """The parameter of a parametric function without one."""


AGGREGATES = {
    "count": Function("count({all}){f}", min_args=0),
    "sum": Function("ifnull(sum({0}){f}, 0)"),
    "avg": Function("avg({0}){f}"),
    "min": Function("min({0}){f}", time="same"),
    "max": Function("max({0}){f}", time="same"),
    "any": Function("min({0}){f}", time="same", uses_stored_status=True),
    "argmax": Function(
        "ifnull(arg_max({0}, {1}){f}, {empty})", min_args=2, max_args=2, time="same", uses_stored_status=True
    ),
    "argmin": Function(
        "ifnull(arg_min({0}, {1}){f}, {empty})", min_args=2, max_args=2, time="same", uses_stored_status=True
    ),
    "anylast": Function("max({0}){f}", time="same"),
    "uniq": Function("count(DISTINCT {0}){f}"),
    "uniqexact": Function("count(DISTINCT {0}){f}"),
    "uniqhll12": Function("count(DISTINCT {0}){f}"),
    "uniqcombined": Function("count(DISTINCT {0}){f}"),
    "quantile": Function("quantiles({0}, 0, {p0}){f}", parameters=1),
    "quantiles": Function("quantiles({0}, 1, {p}){f}", parameters=9),
    "median": Function("quantiles({0}, 0, 0.5){f}"),
    "grouparray": Function("grouped({0}, 0, {p0}){f}", parameters=1, default=MANY),
    "groupuniqarray": Function("grouped({0}, 1, {p0}){f}", uses_stored_status=True, parameters=1, default=MANY),
}

BUCKET_UNITS_S = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
"""The units of `toStartOfInterval`, in seconds."""


def start_of_bucket(moment: str, bucket_s: int) -> str:
    """Return the SQL for the start of the bucket that holds a moment. Buckets count from 1970."""
    return f"datetime(CAST(strftime('%s', {moment}) AS INTEGER) / {bucket_s} * {bucket_s}, 'unixepoch')"


_TIME_UNITS = {"Second": 1, "Minute": 60, "FiveMinutes": 300, "TenMinutes": 600, "FifteenMinutes": 900, "Hour": 3600}
_FIELDS = {"Year": "Y", "Month": "m", "DayOfMonth": "d", "Hour": "H", "Minute": "M", "Second": "S", "DayOfYear": "j"}

SCALARS = {
    "if": Function("CASE WHEN {0} THEN {1} ELSE {2} END", 3, 3),
    "coalesce": Function("coalesce({all})", 2, None),
    "ifnull": Function("ifnull({all})", 2, 2),
    "nullif": Function("nullif({all})", 2, 2),
    "or": Function("({any})", 2, None),
    "isnull": Function("({0} IS NULL)"),
    "isnotnull": Function("({0} IS NOT NULL)"),
    "assumenotnull": Function("{0}", time="same"),
    "equals": Function("({0} = {1})", 2, 2),
    "notequals": Function("({0} <> {1})", 2, 2),
    "less": Function("({0} < {1})", 2, 2),
    "greater": Function("({0} > {1})", 2, 2),
    "lessorequals": Function("({0} <= {1})", 2, 2),
    "greaterorequals": Function("({0} >= {1})", 2, 2),
    "plus": Function("({0} + {1})", 2, 2),
    "minus": Function("({0} - {1})", 2, 2),
    "multiply": Function("({0} * {1})", 2, 2),
    "divide": Function("(1.0 * {0} / {1})", 2, 2),
    "intdiv": Function("CAST({0} / {1} AS INTEGER)", 2, 2),
    "modulo": Function("({0} % {1})", 2, 2),
    "negate": Function("(- {0})"),
    "abs": Function("abs({0})"),
    "round": Function("round({all})", 1, 2),
    "floor": Function("(CAST({0} AS INTEGER) - ({0} < CAST({0} AS INTEGER)))"),
    "ceil": Function("(CAST({0} AS INTEGER) + ({0} > CAST({0} AS INTEGER)))"),
    "greatest": Function("max({all})", 2, None, time="same"),
    "least": Function("min({all})", 2, None, time="same"),
    "lower": Function("lower({0})"),
    "upper": Function("upper({0})"),
    "length": Function("CASE typeof({0}) WHEN 'blob' THEN array_length({0}) ELSE length({0}) END"),
    "empty": Function("({0} IN ('', x'5b5d'))"),
    "notempty": Function("({0} NOT IN ('', x'5b5d'))"),
    "concat": Function("({chain})", 1, None),
    "substring": Function("substr({all})", 2, 3),
    "startswith": Function("(substr({0}, 1, length({1})) = {1})", 2, 2),
    "endswith": Function("(length({0}) >= length({1}) AND substr({0}, length({0}) - length({1}) + 1) = {1})", 2, 2),
    "position": Function("instr({0}, {1})", 2, 2),
    "replace": Function("replace({all})", 3, 3),
    "replaceall": Function("replace({all})", 3, 3),
    "trim": Function("trim({0})"),
    "like": Function("matches({0}, {1}, 0)", 2, 2),
    "ilike": Function("matches({0}, {1}, 1)", 2, 2),
    "has": Function("has({0}, {1})", 2, 2),
    "hasany": Function("has_any({0}, {1})", 2, 2),
    "hasall": Function("has_all({0}, {1})", 2, 2),
    "arrayjoin": Function(""),
    "arraysort": Function("array_sort({0}, 0)"),
    "arrayreversesort": Function("array_sort({0}, 1)"),
    "arrayslice": Function("array_slice({all})", 2, 3),
    "totimezone": Function("in_zone({0}, {1})", 2, 2, time="same"),
    "tostring": Function("CAST({0} AS TEXT)", uses_stored_status=True),
    **{f"to{sign}int{bits}": Function("CAST({0} AS INTEGER)") for sign in ("", "u") for bits in (8, 16, 32, 64)},
    **{f"tofloat{bits}": Function("CAST({0} AS REAL)") for bits in (32, 64)},
    "todate": Function("date({0})", time=DAY),
    "todatetime": Function("datetime({0})", time=S),
    "todatetime64": Function("strftime('%Y-%m-%d %H:%M:%f', {0})", 1, 2, time=MS),
    "tostartofday": Function("strftime('%Y-%m-%d 00:00:00', {0})", time=S),
    "tomonday": Function("date({0}, '-6 days', 'weekday 1')", time=DAY),
    "tostartofweek": Function("date({0}, '-6 days', 'weekday 0')", time=DAY),
    "tostartofmonth": Function("date({0}, 'start of month')", time=DAY),
    "tostartofyear": Function("date({0}, 'start of year')", time=DAY),
    **{
        f"tostartof{unit.lower()}": Function(start_of_bucket("{0}", seconds), time=S)
        for unit, seconds in _TIME_UNITS.items()
    },
    **{f"to{unit.lower()}": Function(f"CAST(strftime('%{of}', {{0}}) AS INTEGER)") for unit, of in _FIELDS.items()},
    "todayofweek": Function("((CAST(strftime('%w', {0}) AS INTEGER) + 6) % 7 + 1)"),
    "tounixtimestamp": Function(SECONDS),
    "tounixtimestamp64milli": Function(MILLISECONDS),
}

INTERVALS = {
    "second": ("seconds", 1),
    "minute": ("minutes", 1),
    "hour": ("hours", 1),
    "day": ("days", 1),
    "week": ("days", 7),
    "month": ("months", 1),
    "quarter": ("months", 3),
    "year": ("years", 1),
}
"""Each unit of an INTERVAL as a unit of SQLite, and how many of those it contains."""

_MONTHS = "(CAST(strftime('%Y', {0}) AS INTEGER) * 12 + CAST(strftime('%m', {0}) AS INTEGER) - 1)"
COUNTED_UNITS = {
    "millisecond": MILLISECONDS,
    "second": SECONDS,
    "minute": f"({SECONDS} / 60)",
    "hour": f"({SECONDS} / 3600)",
    "day": f"({SECONDS} / 86400)",
    "week": f"(({SECONDS} / 86400 + 3) / 7)",
    "month": _MONTHS,
    "year": "CAST(strftime('%Y', {0}) AS INTEGER)",
}
"""The number of whole units since a fixed time. `dateDiff` counts the boundaries between two times."""

ALIASES = {
    "ceiling": "ceil",
    "substr": "substring",
    "mid": "substring",
    "locate": "position",
    "date": "todate",
    "lengthutf8": "length",
    "char_length": "length",
    "lowerutf8": "lower",
    "upperutf8": "upper",
    "any_value": "any",
    "date_diff": "datediff",
}
USED = frozenset(
    name
    for sql in (
        *(function.sql for function in (*AGGREGATES.values(), *SCALARS.values())),
        *COUNTED_UNITS.values(),
        "json_extract() json_each() array() run_output() run_error() stored_status()",
    )
    for name in re.findall(r"([a-z_]+)\(", sql)
)
"""The SQL functions that a translated query may call. The authorizer refuses all others."""
