"""Explains the failure of a source to the user: in a few words, in a sentence, and what to do about it.

`advice_on` is a table by HTTP status. The header, the empty list and the messages show its result.
"""

import re
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from tui.domain.source_names import FEEDS, RELAY
from tui.domain.update import SourceRetrying, SourceStopped
from tui.lazy_dataclass import dataclass
from tui.present import formatting
from tui.present.key_words import key_of, with_key
from tui.settings import PREVIEW_BRANCH
from tui.store.freshness import SourceFailure

_REQUEST: Final = re.compile(r"(?<![A-Z])[A-Z]+ (?:/\S*|the stored data at \S+): ")
_STATUS: Final = re.compile(r"\d{3},? ?")


@dataclass(frozen=True, slots=True)
class Advice:
    """Advice about a failure. `short` is for the header, `sentence` explains, `todo` says what to do (empty: wait),
    and `quote` quotes the server.
    """

    short: str
    sentence: str
    todo: str = ""
    quote: str = ""

    @property
    def text(self) -> str:
        """All of it as sentences."""
        text = f"{self.sentence.removesuffix('.')}: {self.quote.removesuffix('.')}." if self.quote else self.sentence
        return f"{text} {self.todo}".rstrip()


_SET_KEY: Final = "Set TRIGGER_SECRET_KEY to the secret key of an environment: dashboard, page API keys."
_SET_BRANCH: Final = f"Set {PREVIEW_BRANCH} to the branch of the preview environment: its key alone is refused."
_SET_URL: Final = "Set TRIGGER_API_URL to the address of the server, as the dashboard's page API keys shows it."
_NEEDS_SCOPE: Final = "A public access token needs the scope read:runs; a secret key may always list them."
_ON_THE_RELAY: Final = "On the relay: "
_CHECK_RELAY: Final = "Set TRIGGER_TUI_RELAY_TOKEN to one of the tokens in the relay's file."


def _choose_period() -> str:
    key = key_of("server-filters", "f")
    return f"Press {key} and choose a shorter period." if key else "Choose a shorter period."


def without_request(reason: str) -> str:
    """Return the text of an error without the method and the path of its request."""
    return _REQUEST.sub("", reason, count=1)


def advice_on(failure: SourceFailure, api_url: str, *, is_relayed: bool = False) -> Advice:
    """Return advice about the last failure of a source. `is_relayed` means that the source belongs to a relay."""
    if failure.source == RELAY:
        return _advice_on_relay(failure)
    advice = _advice_on_api(failure, api_url)
    if not is_relayed or not advice.todo:
        return advice
    # A relay has its own key, address and period. The user of this screen cannot change them.
    if advice.todo == _choose_period():
        return replace(advice, short="the period is too long (422)", todo="")
    return replace(advice, todo=_ON_THE_RELAY + advice.todo[0].lower() + advice.todo[1:])


def _advice_on_api(failure: SourceFailure, api_url: str) -> Advice:
    quote = without_request(failure.reason)
    quote = quote[match.end() :] if (match := _STATUS.match(quote)) else quote
    status = failure.status
    if status is None:
        return Advice("no answer", f"No answer from {api_url}.", quote=quote)
    match status:
        case 401:
            todo = _SET_BRANCH if PREVIEW_BRANCH in quote else _SET_KEY
            return Advice("the key was refused (401)", "The key was refused (401).", todo)
        case 422:
            short = f"the period is too long (422){with_key('server-filters', 'f', ', {} shortens it')}"
            sentence = "The server wants a shorter period for the list of runs (422)."
            return Advice(short, sentence, _choose_period(), quote)
        case 403:
            return Advice("the key may not list runs (403)", "This key may not list runs (403).", _NEEDS_SCOPE, quote)
        case 429:
            return Advice("429 from the server", "The server's request budget is spent (429).", quote=quote)
        case 404 | 405:
            short = f"no such API there ({status})"
            return Advice(short, f"There is no API of Trigger.dev at {api_url} ({status}).", _SET_URL)
        case _ if status < 400 and "web page" in quote:
            return Advice("a web page answers", f"A web page answers at {api_url}, not the API.", _SET_URL)
        case _ if status < 400:
            short = "what answers is not the API"
            return Advice(short, f"What answers at {api_url} is not the API of Trigger.dev.", _SET_URL, quote)
        case _ if status < 500:
            return Advice(f"{status} from the server", f"The server refused the list of runs ({status}).", quote=quote)
        case _:
            return Advice(f"{status} from the server", f"The server has trouble ({status}).", quote=quote)


def secondary_failure(failure: SourceFailure, now: datetime) -> str:
    """Return the failure of a source that another one replaces, in short: `no live feed (403), retrying in 5 min`."""
    code = "" if failure.status is None else f" ({failure.status})"
    text = "no live feed" if failure.source in FEEDS else "polling fails"
    if isinstance(failure, SourceStopped):
        return f"{text}{code}"
    return f"{text}{code}, {retry_words(failure, now)}"


def retry_words(failure: SourceRetrying, now: datetime) -> str:
    """Return `retrying in 4 s`, or `retrying now`."""
    remaining = failure.next_at - now
    return f"retrying in {formatting.wait(remaining)}" if remaining > timedelta(seconds=0.5) else "retrying now"


def feed_sentence(failure: SourceFailure) -> str:
    """Return a message about the failure of a feed, while polling continues."""
    quote = without_request(failure.reason).removesuffix(".")
    return f"There is no live feed: {quote}. The list is polled."


def _advice_on_relay(failure: SourceFailure) -> Advice:
    match failure.status:
        case None:
            if isinstance(failure, SourceRetrying):
                return Advice("no answer", "The relay does not answer.", quote=failure.reason)
            # For example it speaks another version of the protocol.
            return Advice("no connection to the relay", "The relay cannot be used.", quote=failure.reason)
        case 401 | 403:
            short = f"the token was refused ({failure.status})"
            return Advice(short, f"The relay refused the token ({failure.status}).", _CHECK_RELAY)
        case _:
            return Advice("the relay has trouble", "The relay cannot be used.", quote=failure.reason)
