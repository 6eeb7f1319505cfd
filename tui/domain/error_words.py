"""Finds the data in a message: numbers, ids, names, quoted texts, addresses, times, paths."""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from functools import lru_cache
from itertools import pairwise
from math import log2
from typing import Final

# The words beside a value that say whether it is a name of the schema, a name of the code, an error code or data.
#
# Messages quote both `column "plan_tier"` and `customer "acme"`. Only the words beside the quotes distinguish them.


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


Rule = tuple[str, str, str | Callable[[re.Match[str]], str]]
"""A text without which a pattern cannot match, the pattern, and the replacement. To look for a text is much faster."""

Rules = tuple[tuple[str, re.Pattern[str], str | Callable[[re.Match[str]], str]], ...]


def rules(*rows: Rule) -> Rules:
    """Compile the patterns of some rules."""
    return tuple((known, re.compile(pattern), replacement) for known, pattern, replacement in rows)


def replaced(text: str, each_rule: Rules) -> str:
    """Return a text with the replacements of all rules, in their order."""
    for known, pattern, replacement in each_rule:
        if known in text:
            text = pattern.sub(replacement, text)
    return text


NUMBER: Final = "<n>"
ID: Final = "<id>"
TIME: Final = "<time>"
ADDRESS: Final = "<addr>"
URL: Final = "<url>"
PATH: Final = "<path>"
EMAIL: Final = "<email>"
NAME: Final = "<name>"
PLACEHOLDERS: Final = "<(?:n|id|time|addr|url|path|email|name)>"
"""A pattern of all these."""

QUOTED: Final = "'…'"

SCHEMA_NOUNS: Final = _words(
    "column columns relation table tables constraint constraints index indexes collection references"
)
"""The name after one of these splits groups, even if it looks like a hash."""

CODE_NOUNS: Final = _words(
    """field fields property properties prop props attribute attributes key keys module modules package plugin function
    method procedure operator argument arguments arg parameter parameters param params option options variable
    variables reading setting type types class model schema directive enum extension command export named identifier
    label import dependency object objects element interface trait symbol keyword name parameter(s) loader adapter
    provider driver dialect locator selector primary foreign unique destructure access delete define redefine
    token flag feature scope permission header env decorator resolver mutation query subscription fragment
    placeholder table(s) column(s) field(s) attr"""
)
"""The name after one of these splits groups if it is a name: the parts that look like data are replaced."""

_PARTIES: Final = _words(
    """user customer client account tenant shop store merchant vendor supplier company organization organisation org
    team workspace member contact subscriber employee owner author recipient sender partner"""
)
DATA_NOUNS: Final = _PARTIES | _words(
    """value values received got found given entry input string text near order invoice payment subscription charge
    session job worker device host hostname server address email phone number url uri file directory folder
    bucket row record document id ids uuid guid slug username login password token was instead actual bytes
    buffer line content body message data date time timestamp queue topic channel group project resource item
    product sku city country integer boolean float decimal format run container role database db vhost cluster
    broker zone range specified provided timezone locale currency encoding charset image volume pod upload"""
)
"""What is quoted after one of these is data, whatever it looks like."""

ENTITIES: Final = _PARTIES | _words(
    """driver courier buyer seller patient student brand restaurant hotel warehouse branch depot kunde kunden kundin
    mandant mandanten benutzer firma cliente clients clientes filiale standort lieferant händler fournisseur
    magasin boutique proveedor tienda almacén printer utilisateur usuario"""
)
VALUE_NOUNS: Final = _words("received got found actual instead credentials")
"""What is quoted after one of these is data, also between backticks."""

ENTITY_NOUNS: Final = "|".join(f"[{word[0].upper()}{word[0]}]{word[1:]}" for word in sorted(ENTITIES, reverse=True))
"""People and companies. Their names stand in messages without quotes."""

_SENTENCE_WORDS: Final = _words(
    """is are were be been not no has have had does do did can could cannot will would should must may might with
    without after before on in at from to by for and or but because since while when that which who already exists
    missing invalid unknown required failed failure error exceeded names emails numbers records details list balance
    profile settings sessions tokens accounts roles limit quota count plan status state request requests service api
    groups code payload update creation info information preferences permissions agent devices context sync of as
    than via using during the a an this its their your our if it into out over under per"""
)
NOT_NAMES: Final = _SENTENCE_WORDS | CODE_NOUNS | DATA_NOUNS | SCHEMA_NOUNS
"""A word after a noun of `ENTITY_NOUNS` that is not a name."""

_SERVICES: Final = _words(
    """adobe adyen airtable algolia amazon anthropic apple asana atlassian auth0 aws azure bigquery bing bitbucket brevo
    cloudflare cloudinary contentful datadog dhl discord docker docusign drive dropbox ebay elasticsearch etsy excel
    exchange facebook fedex figma firebase firestore github gitlab gmail google graphql hubspot instagram intercom
    internet java javascript jira kafka klarna klaviyo kubernetes lambda linear linkedin linux mailchimp mailgun
    mandrill meta microsoft mongo mongodb mux mysql netlify netsuite next nginx node notion okta openai oracle outlook
    paddle paypal plaid playwright pinecone postgres postgresql postmark prisma python quickbooks rabbitmq redis resend
    salesforce sanity sap segment sendgrid sentry sheets shippo shopify slack snowflake spotify square stripe supabase
    telegram temporal tiktok trello twilio twitch twitter typeform typescript ups usps vercel vertex vimeo webflow
    windows woocommerce wordpress workday xero yahoo youtube zapier zendesk zoho zoom"""
)
_STATUSES: Final = _words(
    """accepted bad conflict created forbidden gateway gone internal moved ok partial precondition proxy temporary
    timeout too unauthorized unprocessable unsupported http https ssl tls tcp udp dns json xml html sql utf unicode
    base array map set promise"""
)
KNOWN_NAMES: Final = NOT_NAMES | ENTITIES | _SERVICES | _STATUSES
"""Capitalised words that are no name of a person or of a company, or one of a service, which splits groups."""

CURRENCIES: Final = (
    "AED|AUD|BRL|CAD|CHF|CNY|CZK|DKK|EUR|GBP|HKD|HUF|IDR|ILS|INR|JPY|KRW|MXN|MYR|NOK|NZD|PHP|PLN|RON|SEK|SGD|THB|TRY|"
    "TWD|UAH|USD|VND|ZAR"
)

PROTOCOL_WORDS: Final = _words(
    """request response socket connect connection lookup send headers header body read write open close stream upload
    download handshake secureconnect dns tls redirect retry ready load domcontentloaded networkidle finish drain data
    error end message ping pong auth login logout commit rollback begin"""
)
"""Quoted, these name a phase or an event of a library: `Timeout awaiting 'socket'`."""

IDENTITY_KEYS: Final = _words(
    """code errorcode errcode errorcodes errcodes subcode declinecode type errortype kind field fields param parameter
    property column table constraint status statuscode httpstatus errno syscall keyword target reason rule validator
    tag category domain severity sqlstate path instancepath datapath pointer loc location"""
)
"""The keys of JSON in a message whose values split groups, without case and separators."""

CODE_KEYS: Final = _words("code errorcode errcode sqlstate errno constraint table column subcode status statuscode")
"""Those of them whose values stay as they are."""

KEPT_KEYS: Final = _words("code errno status reason field param column table constraint syscall kind violated")
"""The value after one of these and a colon splits groups, also outside of an object."""

STEPS: Final = _words("step stage phase operation op action")
"""The value after one of these and an equals sign splits groups."""

SENTENCE_KEYS: Final = _words(
    """message msg error errormessage errormsg errordescription detail details title description reason summary text
    usermessage developermessage"""
)
"""The keys of JSON in a message whose values are sentences, which are normalised like a message."""

COUNTED: Final = (
    "attempt|retry|try|row|line|column|product|customer|image|seat|shop|email|part|chunk|task|invoice|payment|recipient|"
    "record|item|error|warning|file|issue|problem|request|message|job|run|result|page|connection|"
    "argument|parameter|character|element|entry|worker|node|replica|byte|time|failure|document|object|user|credit|token"
)
"""Nouns that follow a number: `1 row` is normalised like `2 rows`."""

TOP_LEVEL_DOMAINS: Final = (
    "com|net|org|io|dev|app|cloud|ai|co|de|fr|nl|uk|eu|us|jp|br|au|ca|ch|at|se|es|pl|tech|internal|local|lan|"
    "localdomain|xyz|gov|edu|site|online|svc|cluster|test|example|invalid|me|tv|gg|ru|cn|kr|mx|be|cz|pt|ie|nz|sg|hk|arpa"
)
FILE_EXTENSIONS: Final = (
    "tsx?|jsx?|mjs|cjs|mts|cts|json5?|ya?ml|toml|xml|html?|css|csv|tsv|txt|log|md|pdf|docx?|xlsx?|pptx?|odt|png|jpe?g|"
    "gif|webp|svg|avif|heic|bmp|tiff?|mp[34]|m4[av]|mov|avi|mkv|webm|wav|ogg|flac|zip|tar|t?gz|bz2|7z|rar|parquet|avro|"
    "sql|db|sqlite3?|prisma|wasm|node|so|dll|dylib|exe|sh|py|rb|go|rs|java|class|jar|map|lock|env|conf|ini|cfg|pem|crt|"
    "key|p12|sock|pid|tmp|bak|bin|dat|ttf|otf|woff2?|ics|eml|vcf|gpg|part"
)


# Tells letters that a machine drew, such as `KLGYvUtlcj`, from the words of languages and of code.


_PAIRS: Final = Counter(
    pair for word in KNOWN_NAMES | PROTOCOL_WORDS | IDENTITY_KEYS | SENTENCE_KEYS for pair in pairwise(word)
)
_LEVELS: Final = {pair: 1 + log2(count) for pair, count in _PAIRS.items()}
"""How often a letter is followed by another in the words above, on a logarithmic scale."""

_MIN_LETTERS: Final = 8
MAX_MEAN: Final = 2.8
"""Of names in libraries with 8 letters 1 in 120 is below it, of drawn letters 86 %; with 10 letters 1 in 800, 89 %."""

MAX_PREFIXED_MEAN: Final = 3.55
"""For what follows a prefix, as in `inv_hecxMoZEposqZK`."""

_MIN_MIXED: Final = 6
_MIN_PAIRS: Final = 3
_CACHED_WORDS: Final = 4_096


@lru_cache(_CACHED_WORDS)
def is_drawn(word: str, max_mean: float = MAX_MEAN) -> bool:
    """Return whether the letters of a word follow each other as in no word. Digits and signs are skipped.

    A word in upper and lower case that has digits may be shorter: `QERPw432`.
    """
    if not word.isascii() or len(word) < (_MIN_LETTERS if word.isalpha() else _MIN_MIXED):
        return False
    # The step from `load` to `Order` in `loadOrder` says nothing.
    pairs = [
        (first.lower(), second.lower())
        for first, second in pairwise(word)
        if first.isalpha() and second.isalpha() and not (first.islower() and second.isupper())
    ]
    return len(pairs) >= _MIN_PAIRS and sum(_LEVELS.get(pair, 0.0) for pair in pairs) < max_mean * len(pairs)


# Tells names from ids: `users_email_key` is a name, `cus_oBg0TGXFsi5y4o` an id.


_DIGITS = re.compile(r"\d+")
_SEGMENT = re.compile(r"[^./\[\]:\s-]+")
_HEX = re.compile(r"[0-9a-f]+\Z", re.IGNORECASE)
_PREFIXED = re.compile(r"(?:[A-Za-z][A-Za-z0-9]{0,11}[_-])+([A-Za-z0-9]+)\Z")
_CAMEL = re.compile(r"[A-Z]{0,4}[a-z]+(?:[A-Z]{1,4}[a-z]+)*[A-Z]{0,3}\Z")
# A migration: `20260301_add_vat`.
_DATED_NAME = re.compile(r"\d{3,14}(?:_[a-z]{2,})+\Z")
# Where the code ran: `linux-x64`.
_PLATFORM = re.compile(r"(?:linux(?:musl)?|darwin|win32|alpine)[-_](?:x64|arm64|arm|ia32|x86_64|amd64|aarch64)\Z")
# Words of the trade, whose digits are no data: `s3:PutObject`.
_TECHNICAL = re.compile(
    r"(?:s3|ec2|r2|sha-?\d+|md5|utf-?(?:8|16|32)|ipv[46]|http2|oauth2|base(?:32|58|64)|mp[34]|m4[av]|h26[45]|x64|x86|"
    r"arm64|amd64|u?int\d+|float\d+|k8s|b2[bc]|i18n|l10n|es\d{4}|p2p|x509|p12)\Z",
    re.IGNORECASE,
)
_MIN_HEX: Final = 6
_MIN_RANDOM: Final = 8
_MIN_MIXED_ID: Final = 5
_MIN_LONG: Final = 16


@lru_cache(_CACHED_WORDS)
def is_id(word: str) -> bool:
    """Return whether a word of letters and digits, perhaps with a prefix, was made by a machine."""
    if "." in word and not any(map(is_id, word.split("."))):
        return False  # the path of a property, such as `body.items.0.price`
    if _DATED_NAME.match(word) and not is_drawn(word):
        return False
    if _is_url_safe(word):
        return True
    prefixed = _PREFIXED.match(word)
    core = word if prefixed is None else prefixed[1]
    if not core.isascii():
        return False
    if core.isdigit():
        return len(core) >= _MIN_LONG or (prefixed is not None and len(core) >= _MIN_RANDOM)
    is_random = _is_random_mix if _DIGITS.search(core) is not None else _is_random_letters
    return is_random(core, has_prefix=prefixed is not None)


def _is_random_letters(core: str, *, has_prefix: bool) -> bool:
    """Return whether a word without digits is an id, such as `KLGYvUtlcj`."""
    if core.isupper() or len(core) < _MIN_RANDOM:
        return False
    is_lower = core.islower()
    if is_drawn(core, MAX_PREFIXED_MEAN if has_prefix and not is_lower else MAX_MEAN) and (has_prefix or not is_lower):
        return True
    is_mixed = not is_lower and _CAMEL.match(core) is None
    return (has_prefix and (is_mixed or _has_odd_humps(core))) or (len(core) >= _MIN_LONG and _has_odd_humps(core))


def _is_random_mix(core: str, *, has_prefix: bool) -> bool:
    """Return whether a word of letters and digits is an id, such as `QERPw432`."""
    if _HEX.match(core) is not None and len(core) >= _MIN_HEX:
        return True
    is_mixed = core != core.lower() and core != core.upper()
    if (is_mixed and is_drawn(core)) or (has_prefix and len(core) >= (_MIN_MIXED_ID if is_mixed else _MIN_RANDOM)):
        return True
    digit_runs = len(_DIGITS.findall(core))
    if len(core) >= _MIN_LONG and (digit_runs > 1 or not core[-1].isdigit()):
        return True
    if len(core) < _MIN_RANDOM or digit_runs < 2:
        return False
    return digit_runs > 2 or max(map(len, _DIGITS.split(core))) <= 4 or 2 * _case_changes(core) >= len(core)


def _is_url_safe(word: str) -> bool:
    """Return whether a word is an id of all letters, digits, `_` and `-`, such as `V1StGXR8_Z5jdHi6B-myT`."""
    bare = word.replace("_", "").replace("-", "")
    if len(bare) < _MIN_LONG or bare.islower() or bare.isupper() or not bare.isalnum() or not bare.isascii():
        return False
    return len(_DIGITS.findall(bare)) > 1 and _has_odd_humps(bare)


def _has_odd_humps(word: str) -> bool:
    """Return whether upper and lower case alternate faster than in a name such as `readUpload`."""
    return _case_changes(word) * 2.6 >= len(word)


def _case_changes(word: str) -> int:
    return sum(a.islower() != b.islower() for a, b in pairwise(word))


def normalise_word(word: str) -> str:
    """Return a word without its numbers, or `<id>` if it is an id."""
    if not any(map(str.isdigit, word)):
        return ID if is_id(word) else word
    if _PLATFORM.match(word):
        return ID
    if _TECHNICAL.match(word):
        return word
    if word.isdigit() and len(word) < _MIN_LONG:
        return NUMBER
    if is_id(word):
        return ID if len(word) >= _MIN_LONG or "_" in word or "-" in word else NUMBER
    return _DIGITS.sub(NUMBER, word)


def normalise_name(name: str) -> str:
    """Return a name of the code or the path of a property without the ids and numbers among its parts."""
    return _SEGMENT.sub(lambda match: normalise_word(match[0]), name)


# Replaces names of people and companies that stand in a message without quotes: `for customer Acme Corp`.


_CAPITAL: Final = r"(?:[^\W\d_a-z]|[^\W\d_A-Z](?<=[^\x00-\x7f]))"
_MORE: Final = (
    r"(?:(?:\s+(?:&|and|und|et|y|e|de|du|des|del|dos|der|den|le|of|von|van|da|di|la|the)(?=\s+[A-Z])|\s+&)?\s+[^\W\d_a-z][\w.'’-]*"
    r"|,\s(?:Inc|Ltd|LLC|GmbH|Corp|Co|S\.?A|AG|PLC|SARL|BV|AB|SL|KG)\b\.?)"
)
"""Another word of a name of several words."""

_NAMES = re.compile(
    rf"\b(?P<noun>{ENTITY_NOUNS})(?P<gap>\s+(?:[^\w\s'\"`<({{\[:.,;„“«»‘「#-]+\s+)?)"
    rf"(?P<name>{_CAPITAL}[\w.'’&-]*{_MORE}*"
    r"|\w+(?:-\w+)*(?![@\w/\\=-]|\.\w))"
)
# `failed for Acme Corp: …`, `rejected by Priya Nair (…)`. A name of one word must have an end after it.
_FOR_NAME = re.compile(
    rf" (?P<before>for|of|by|from|to|de|du|del|für|von|pour|para|por) "
    rf"(?P<name>(?P<first>{_CAPITAL}[\w'’&-]*)(?P<more>{_MORE}*))(?![\w'’/\\=@-]|\.\w|\s\(\d+\))"
)
# `for bucket acme-media`
_THING = re.compile(
    r"\b(bucket|container|pod|instance|hostname|device|repository|repo|database|project|branch|domain|site|channel|"
    r"namespace) (?!(?:read|write|not|out|in|re|pre|un|non|non-existent|time|client|server|self|sign|log|set)-)"
    r"[a-z\d]+(?:-[a-z\d]+)+(?![\w/.@:=-])"
)
_PREPOSITION = re.compile(
    r"\b(?:for|of|from|to|by|with|as|on|in|at|against|für|de|pour|para|den|der|dem|des)\s+(?:the\s|den\s|die\s)?\Z",
    re.IGNORECASE,
)
_AFTER_NAME = re.compile(
    r"[:;,.!?)\]]|\s*\Z|\s+(?:after|on|in|at|with|failed|because|from|has|is|was|does|could|cannot|not|konnte|wurde|"
    r"broke|lost|hit|ran|took|got|went|[a-z]+ed)\b|\s[^\w\s]"
)
_VERB_AFTER = re.compile(r"\s+(?:has|is|was|does|could|cannot|had|did|exceeded|reached|may not|must|ist|hat|wurde)\b")
_AFTER_ONE_WORD = re.compile(
    r"\s*\Z|[:,;)]\s|\s(?:failed|is|was|has|does|could|cannot|did|fue|ist|hat|konnte|wurde|a|after|because)\b|\s\("
)
_SENTENCE_NAME = re.compile(r"[A-Z]{2,}\Z|(?:Error|Exception|ID|Id|IDs|API|URL)\Z")


# `Stock of 📦 ACME-XL is low`: a name may follow a picture.
_PICTURED = re.compile(
    r"(\b(?:for|of|to|from|in|by|on|with) (?:\w+ )?[\u2600-\u27bf\U0001f000-\U0001faff]\ufe0f? )"
    rf"[^\s<>]+(?: \d[\w&.'-]*|{_MORE})*"
)


def replace_names(text: str) -> str:
    """Return a text with placeholders for the names after `customer`, `shop` and the like."""
    text = text if text.isascii() else _PICTURED.sub(rf"\1{NAME}", text)
    # The search takes 7 µs, and few messages contain a name.
    if not ENTITIES.isdisjoint(text.lower().replace("(", " ").replace("'", " ").replace('"', " ").split()):
        text = _NAMES.sub(_replace_name, text)
    text = _THING.sub(rf"\1 {NAME}", text) if "-" in text else text
    return _FOR_NAME.sub(_replace_owner, text)


def _replace_owner(match: re.Match[str]) -> str:
    """Replace a name after `for` or `of`, unless it is one of a service, of code or of a status."""
    first = match["first"]
    if (
        first.lower() in KNOWN_NAMES
        or (first.isascii() and first[1:] != first[1:].lower() and "'" not in first)
        or _SENTENCE_NAME.match(first)
        or not (match["more"] or _AFTER_ONE_WORD.match(match.string, match.end()))
    ):
        return match[0]
    return f" {match['before']} {NAME}"


def _replace_name(match: re.Match[str]) -> str:
    name = match["name"]
    first = name.split(None, 1)[0]
    if first.lower() in NOT_NAMES or _SENTENCE_NAME.match(first) or ADDRESS in name:
        return match[0]
    is_slug = name.isascii() and name.islower() and name.replace("-", "").isalpha()
    has_sign = match["gap"].strip() != ""
    is_heading = match.string.startswith(": ", match.end()) and first.lower() not in KNOWN_NAMES
    if is_slug and not has_sign and not is_heading and not _VERB_AFTER.match(match.string, match.end()):
        has_preposition = _PREPOSITION.search(match.string, max(match.start() - 12, 0), match.start())
        if not has_preposition or not _AFTER_NAME.match(match.string, match.end()):
            return match[0]
    return match["noun"] + match["gap"] + NAME


# Decides whether a number or a word with digits in a message is a code, which splits groups, or data.


_BEFORE: Final = 48

_UNIT: Final = (
    "ms|msecs?|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|weeks?|months?|years?|ns|us|µs|"
    "bytes?|[kmgtp]i?b|[kmgtp]b|[kmgtp]i|b|px|x|st|nd|rd|th|%|hz|khz|mhz|ghz"
)
_NUMBER = re.compile(
    rf"[+-]?(?:0x[0-9a-f]+|\d+(?:[x×]\d+)+|\d[\d_]*(?:\.\d+)*(?:e[+-]?\d+)?(?:{_UNIT}|-(?:rc|alpha|beta|canary|next|pre|dev)[\w.-]*)?)\Z",
    re.IGNORECASE,
)
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:d|h|m|s|ms))+\Z")
_HTTP_STATUS = re.compile(r"[1-5]\d\d\Z")
_ERROR_STATUS = re.compile(r"[45]\d\d\Z")
_SMTP_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}\Z")
_HRESULT = re.compile(r"0x8[0-9a-f]{7}\Z", re.IGNORECASE)
_SMTP_REPLY = re.compile(r"[245]\d\d-[245]\.\d{1,3}\.\d{1,3}\Z")
_LIBRARY_CODE = re.compile(
    r"(?:P\d{4}|E\d{4,5}|ORA-\d+|PLS-\d+|TNS-\d+|NJS-\d+|DPI-\d+|TS\d{4,5}|AADSTS\d+|\d\dP\d\d|0A000|3[DF]000|XX00\d|SQL\d{4,5}[NWC]?|PGRST\d+|"
    r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)\Z"
)
# Order numbers, plates, postcodes: `AB-1234-X`, `SW1A`.
_ORDER_NUMBER = re.compile(r"[A-Z0-9]+(?:-[A-Z0-9]+)*\Z")
_CODE_LIKE = re.compile(r"[A-Z0-9]+(?:[_.-][A-Z0-9]+)*\Z|\d{1,9}\Z|[a-z]+(?:[_.-][a-z0-9]+)*\Z")

# Nouns whose "code" is data: a promo code, a postcode.
_CODE = re.compile(
    r"(?<!promo )(?<!discount )(?<!coupon )(?<!zip )(?<!postal )(?<!country )(?<!verification )(?<!otp )(?<!invite )"
    r"(?<!access )(?<!product )(?<!area )(?<!voucher )(?<!referral )(?<!gift )(?<!tracking )"
    r"(?:\b|_)(?:err(?:or)?[ _-]?(?:code|number|no)?|code|errno|sqlstate|status(?:[ _-]?code)?|statuscode|curl|"
    r"exit(?:ed)?(?: with)?(?: (?:code|status))?|signal|rc|grpc-status|http(?:/\d(?:\.\d)?)?)"
    r"\b[\"']?(?:\s+(?:of|is|was|with))?[\s:=#(\[\"'<]{0,4}\Z",
    re.IGNORECASE,
)
_CODE_START = re.compile(r"[cehrs](?:ode|url|rr|tat|xit|ttp|ignal|c)")
_CODE_CHARS: Final = 24
_ANSWERED = re.compile(
    r"\b(?:returned|responded|response|answered|replied|got|received|reply|rejected|respond|failed|result|with|upstream|"
    r"server|returns|responds|said|sent|threw|unexpected|status)(?: (?:with|by))?(?: (?:an?|the|http|status|code))*"
    r"[\s:(\[]{1,3}\Z",
    re.IGNORECASE,
)
_REQUESTED = re.compile(r"\b(?:GET|POST|PUT|PATCH|DELETE|HEAD)\s+\S+\s+\Z")
_REQUEST_CHARS: Final = 400
_AT_START = re.compile(r"(?:\A|\n|(?:\A|\n)[^\n]{0,60}?(?:: |- |\[|\())\s*\Z")
_BRACKET = re.compile(r"[(\[<]\s*\Z")
_CLOSING = re.compile(r"\s*[)\]>]")
_PHRASE = re.compile(
    r"[\s:,-]+(?:Bad Request|Unauthorized|Payment Required|Forbidden|Not Found|Method Not Allowed|Not Acceptable|"
    r"Request Time-?out|Conflict|Gone|Length Required|Precondition Failed|Payload Too Large|"
    r"Request Entity Too Large|URI Too Long|Unsupported Media Type|Unprocessable|I'm a [Tt]eapot|Too Early|"
    r"Upgrade Required|Too Many Requests|Internal (?:Server )?Error|Not Implemented|Bad Gateway|"
    r"Service (?:Temporarily )?Unavailable|Gateway Time-?out|Insufficient Storage|Moved|Found|See Other|OK\b|Created)"
)
_COUNTED = re.compile(r"\s+(?:of\s|out of\s|[a-z]+s\b(?<!\bstatus)|times\b|byte|(?:ms|[KkMGT]i?B|s|EUR|USD|GBP)\b|%)")
_SENTENCE = re.compile(r"[ :-]+[A-Z\"'<{]|[ :-]+[a-z]+(?:_[a-z]+)+\b|[ :-]+\Z|-\d\.|[ ]\d\.\d")
_CAPITALS = re.compile(r"[ :]+[A-Z][A-Z_]{3,}\b")
_SMTP_BEFORE = re.compile(r"\b[245]\d\d[ -]\Z")
_SCHEMA = re.compile(rf"\b(?:{'|'.join(sorted(SCHEMA_NOUNS))})\b[:\s(`\"'.]*\Z", re.IGNORECASE)
_ENTITY = re.compile(
    r"\b(?:order|invoice|id|user|item|row|record|job|ticket|number|customer|product|page|no\.?)\s#?\Z", re.IGNORECASE
)


def is_number(word: str) -> bool:
    """Return whether a word is a number, perhaps with a unit."""
    return _NUMBER.match(word) is not None or _DURATION.match(word) is not None


def normalise_digits(word: str, text: str, start: int, end: int) -> str:
    """Return a word with digits as it is if it is a code, otherwise without its numbers. It is `text[start:end]`."""
    if is_code(word, text, start, end):
        return word
    if is_number(word) or (_ORDER_NUMBER.match(word) and not _TECHNICAL.match(word)):
        return NUMBER
    return normalise_name(word) if _is_property_path(word) else normalise_word(word)


def _is_property_path(word: str) -> bool:
    """Return whether a word is the path of a property, such as `items.3.price`: names, and at least one index."""
    parts = word.split(".")
    is_path = len(parts) > 1 and not parts[0].isdigit() and any(part.isdigit() for part in parts)
    return is_path and not any(is_id(part) for part in parts)


def is_code(word: str, text: str, start: int, end: int) -> bool:
    """Return whether a word with digits is a status code, a code of a library or a name of the schema."""
    before = text[max(start - _BEFORE, 0) : start]
    if _SMTP_REPLY.match(word):
        return True
    if word.isdigit() or is_number(word):
        return _is_status(word, text, before, start, end)
    if _SCHEMA.search(before):
        return True
    if _LIBRARY_CODE.match(word):
        return _ENTITY.search(before) is None
    return _is_after_code(before) and _CODE_LIKE.match(word) is not None


def _is_after_code(before: str) -> bool:
    """Return whether a word such as `code` or `status` stands in front."""
    tail = before[-_CODE_CHARS:].lower()
    # The search takes 3 µs, and most numbers follow no such word.
    return _CODE_START.search(tail) is not None and _CODE.search(before) is not None


def _is_status(word: str, text: str, before: str, start: int, end: int) -> bool:
    if _SMTP_ENHANCED.match(word):
        return _SMTP_BEFORE.search(before) is not None
    if not word.isdigit():
        return _HRESULT.match(word) is not None and _is_after_code(before)
    if _is_after_code(before):
        return _COUNTED.match(text, end) is None
    if _HTTP_STATUS.match(word):
        if _PHRASE.match(text, end):
            return _ENTITY.search(before) is None
        if _ANSWERED.search(before) and not _COUNTED.match(text, end):
            return True
        if before[-1:] == " " and _REQUESTED.search(text[max(start - _REQUEST_CHARS, 0) : start]):
            return True
        if _AT_START.search(before) and _SENTENCE.match(text, end) and not _COUNTED.match(text, end):
            return _ENTITY.search(before) is None
        return bool(_ERROR_STATUS.match(word) and _BRACKET.search(before) and _CLOSING.match(text, end))
    # gRPC prints its code before the name: `14 UNAVAILABLE: …`.
    return len(word) <= 2 and _AT_START.search(before) is not None and _CAPITALS.match(text, end) is not None


# Decides whether quoted text in a message is a name of the database's schema or of the code, which stays, or data.


_BEFORE_QUOTE: Final = 60
_ENTRY_BEFORE: Final = 300

_FILLERS: Final = frozenset({"named", "called", "is", "was", "the", "on", "of", "for", "a", "an"})
_VALIDATED = re.compile(
    r"['\"`]?\s*(?:is (?:required|not an? (?:number|string|integer|boolean|array|object)|"
    r"not (?:allowed|defined|a function|a constructor|iterable|exported|supported|"
    r"valid(?! JSON))|missing|read[- ]only|a required|immutable|deprecated|invalid|undefined|null)|must\b|should\b|"
    r"cannot be\b|can't be\b|has already been declared|before initialization|has no exported member|with value\b|"
    r"contains an?\b|failed custom|does not match|length must|conflicts? with|"
    r"(?:property|field|column|argument|parameter|option|module|package|plugin|extension|attribute|key|prop|"
    r"table|relation|constraint|collection|index)\b|"
    r"in (?:the )?(?:field list|where clause|order clause|on clause|group statement))"
)
# MySQL calls an index a key: `Duplicate entry '7' for key 'users.IDX_97672ac88f'`.
_ENTRY = re.compile(r"\b[Dd]uplicate entry\b")
# The table of a statement: `insert into "orders" ("id") values ($1)`.
_TABLE = re.compile(r"\b(?:insert\s+into|delete\s+from|update|join)\s+\Z", re.IGNORECASE)
_IN_OPERATOR = re.compile(r"\boperator to search for\s+\Z")
# The path of a property: `items/0/price`.
_POINTER = re.compile(r"[#$]?/?(?:[A-Za-z_][\w-]*/)*\d+/(?:[\w-]+/)*[A-Za-z_]+\Z")
_POINTER_NOUNS: Final = frozenset({"at", "path", "pointer", "instancepath", "property", "field"})
_LIST = re.compile(r"(['\"`])\s*(?:,|and|or|\||&)\s*\Z")
_CODE_QUOTES: Final = frozenset("'\"`")
"""What people write in other quotes is a text or a name of a person."""

_NOUNS_OF_VALUES: Final = frozenset({"type", "key", "keys", "object", "parameter"})
"""Nouns of code after which a colon and a value may stand: `invalid input for type: "abc"`."""

_CODES: Final = frozenset({"code", "sqlstate", "errno"})
_QUOTED_CODE = re.compile(r"[A-Z0-9][\w.]{0,11}\Z")
_OPENING: Final = " \n\t([{:="
_NOT_IN_WORD = re.compile(r".*[^\w()]|^\(+|(?<!\(s)\)+$", re.DOTALL)
_IDENTIFIER = re.compile(r"[@#$.]?[A-Za-z_$][\w$-]*(?:(?:\.|/|::|\[|\]\.?|->)[\w$*-]+|\[\])*\]?(?:\(\))?\Z")
_CODE_SHAPE = re.compile(r"[a-z\d][A-Z]|\w_\w|[a-z]\.[A-Za-z]|\(\)\Z|\A[A-Z]{2,}\Z|\A[@$]|\[\]|::")
_FILE = re.compile(rf"\.(?:{FILE_EXTENSIONS})\Z", re.IGNORECASE)
_HOST = re.compile(rf"[\w-]+(?:\.[\w-]+)*\.(?:{TOP_LEVEL_DOMAINS})\Z", re.IGNORECASE)
_PUNCTUATION = re.compile(r"[^\w\s]{1,3}\Z")
_MODULE_ROOT = re.compile(r".*(?:/|\A)(?=(?:src|dist|node_modules)/)|.*/\.trigger/tmp/[^/]+/")
_SLASHES = re.compile(r"[\\/]+")
_MODULE_NOUNS: Final = frozenset({"module", "modules", "package", "import", "plugin", "loader"})


def normalise_quoted(quoted: str, text: str, start: int, end: int) -> str:
    """Return quoted text as it is if it is a name, otherwise a placeholder.

    `quoted` has its quotes, and is `text[start:end]`.
    """
    content = quoted[1:-1]
    if not content:
        return QUOTED
    content = content.removesuffix(" (index)")
    noun, has_colon = _noun(text, start)
    if _PUNCTUATION.match(content):
        return QUOTED if noun in VALUE_NOUNS else f"'{content}'"
    if has_colon and noun in _CODES and _QUOTED_CODE.match(content):
        return f"'{content}'"
    if noun in _POINTER_NOUNS and _POINTER.match(content):
        return f"'{normalise_name(content)}'"
    name = _name(content, noun)
    # The beginning of what should be JSON is data, unlike a sign such as `<`.
    if name is None or (noun == "token" and "JSON" in text[end : end + _BEFORE_QUOTE]):
        return QUOTED
    if noun in SCHEMA_NOUNS:
        return f"'{content}'"
    if has_colon:
        is_name = noun in KEPT_KEYS or (noun in CODE_NOUNS and noun not in _NOUNS_OF_VALUES)
        # `Row 2: "price" must be a number`
        is_name = is_name or (noun not in DATA_NOUNS and _VALIDATED.match(text, end) is not None)
    elif noun in CODE_NOUNS:
        is_name = True
    elif noun in VALUE_NOUNS or (noun in DATA_NOUNS and quoted[0] != "`"):
        is_name = False
    else:
        is_name = _looks_like_name(quoted, text, end)
    return f"'{name}'" if is_name else QUOTED


def _looks_like_name(quoted: str, text: str, end: int) -> bool:
    """Return whether the quotes, what follows them or the spelling tell that a name is quoted."""
    if quoted[0] not in _CODE_QUOTES:
        return False
    if quoted[1:-1] in PROTOCOL_WORDS:
        return True
    return quoted[0] == "`" or _VALIDATED.match(text, end) is not None or _CODE_SHAPE.search(quoted[1:-1]) is not None


def _noun(text: str, start: int) -> tuple[str, bool]:
    """Return the word that says what is quoted, in lower case, and whether a colon follows it."""
    before = text[max(start - _BEFORE_QUOTE, 0) : start]
    if before.endswith("for key ") and _ENTRY.search(text, max(start - _ENTRY_BEFORE, 0), start):
        return "index", False
    if text[start] in '"`' and _TABLE.search(before):
        return "table", False
    if _IN_OPERATOR.search(before):
        return "property", False
    while (match := _LIST.search(before)) is not None:
        # In a list such as `a`, `b` the word before the first name counts.
        opening = before.rfind(match[1], 0, match.start())
        if opening < 0:
            break
        before = before[:opening]
    bare = before.rstrip(_OPENING)
    has_colon = ":" in before[len(bare) :] or "=" in before[len(bare) :]
    rest, _, word = bare.rpartition(" ")
    while word in _FILLERS:
        rest, _, word = rest.rpartition(" ")
    return _NOT_IN_WORD.sub("", word.lower()), has_colon


def _name(content: str, noun: str) -> str | None:
    """Return content that may be a name, without the data in it; None if it can only be data."""
    if noun in SCHEMA_NOUNS and not re.search(r"\s", content):
        return content
    if noun in _MODULE_NOUNS:
        path = _SLASHES.sub("/", content)
        match = _MODULE_ROOT.match(path)
        return normalise_name(path if match is None else path[match.end() :])
    if not _IDENTIFIER.match(content) or _FILE.search(content) or _HOST.match(content) or is_id(content):
        return None
    return normalise_name(content)


# Replaces data in sentences of well-known libraries that mark it neither with quotes nor with any other sign.


_Q: Final = QUOTED
_N: Final = NUMBER

_ADDRESSED: Final = r"[^\s,;()'\"]"
# `Invalid cron expression: * * 84 * *`. The text after the colon is data if it is neither a sentence nor a name.
_INVALID = re.compile(r"\b(?:[Ii]nvalid|[Ii]llegal|[Mm]alformed|[Bb]ad|[Uu]npars[ae]+ble|[Nn]ot a)\b [\w \]-]{1,40}\Z")
_PROSE = re.compile(r"[a-z]{3}|[A-Z]{2}_|\A[A-Z]{3,}\Z|[{}<\[]|\A--")
_CAPITAL_WORDS = re.compile(r"[A-Z]+(?:_[A-Z]+)+\.?\Z")


def _without_last_value(line: re.Match[str]) -> str:
    """Replace the data after the last colon of a line, as in `No such container: web-3`. A code in capitals stays."""
    head, value = line.groups()
    is_word = " " not in value and value[:1].isalnum() and not _CAPITAL_WORDS.match(value)
    is_value = is_word and head[head.rfind(" ") + 1 :].lower() in DATA_NOUNS
    is_value = is_value or (value != "" and _PROSE.search(value) is None and _INVALID.search(head) is not None)
    return f"{head}: {QUOTED}{'.' if value.endswith('.') else ''}" if is_value else line[0]


def _without_subject(match: re.Match[str]) -> str:
    is_value = match[1].lower() in DATA_NOUNS and not _CAPITAL_WORDS.match(match[2])
    return f"{match[1]}: {QUOTED}" if is_value else match[0]


def _plural(match: re.Match[str]) -> str:
    """Return `1 row` as `1 rows`, so that it is normalised like `2 rows`."""
    noun = match[1]
    return f"1 {noun[:-1]}ies" if noun.endswith("y") and noun[-2] not in "aeiou" else f"1 {noun}s"


def _replace_errno_address(match: re.Match[str]) -> str:
    address = match["address"]
    return match["lookup"] + ADDRESS + address[len(address.rstrip(".:")) :]


# `connect ECONNREFUSED redis:6379`: an address follows the name of an errno.
_ERRNO: Final = (
    rf"\b(?P<lookup>(?:getaddrinfo|query\w*|getHostByAddr|getnameinfo)\s+E[A-Z_]+\s|"
    rf"E(?:CONN[A-Z]+|HOSTUNREACH|HOSTDOWN|NETUNREACH|TIMEDOUT|ADDRINUSE|ADDRNOTAVAIL|PROTO|PIPE|ACCES)\s"
    rf"(?={_ADDRESSED}*[.:/\d]))(?P<address>{_ADDRESSED}+)"
)
_TOLD: Final = rules(
    # `Key (email)=(ann@acme.io) already exists.`
    (")=(", r"\)=\([^()\n]*\)", ")=(…)"),
    (": ", r"(?m)^(.*): (.*)$", _without_last_value),
    # `Email: ann(at)acme is not valid`.
    (
        ": ",
        r"\b([A-Za-z]+): (?=\S*[^A-Za-z\s])([A-Za-z0-9]\S*)(?= (?:is|was|has|does|cannot|could)\b)",
        _without_subject,
    ),
    # V8 prints the value that is no object: `Cannot use 'in' operator to search for 'length' in ann`.
    ("operator to ", r"(\boperator to search for '[^'\n]{1,200}' in )[^\n]+", rf"\1{_Q}"),
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
    (" URL from ", r"( URL from ).{1,500}", rf"\1{URL}"),
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
    ("projects/", r"\bprojects/[\w-]+(?:/[\w.()~%-]+)+", PATH),
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
    ("No such file ", r"(?<=: No such file )(?!or ).{1,400}", PATH),
    ("exited with code ", r"(exited with code \d+: )(?!Error)\S.{0,200}?\.\w{2,4}(?=: [A-Z])", rf"\1{PATH}"),
    ("Command failed", r"(Command failed(?: with exit code \d+)?: \S+) [^\n]+", rf"\1 {_Q}"),
    ("in the cert's ", r"(in the cert's \w+:).{0,1000}", r"\1"),
    (").", rf"(?<=\w) \(\d+\)(?=\.(?:{FILE_EXTENSIONS})\b)", ""),
    (" already ", r"( already (?:exists|started|running|processed|queued|scheduled): )\S{1,200}(?=\s*\Z)", rf"\1{_Q}"),
    ("ay ", r"(\b[Rr]ay (?:ID:? )?)[\da-f]{8,}(?:-[A-Z]{3})?", rf"\1{ID}"),
    ("(Session info", r" ?\(Session info: [^)\n]{0,200}\)", ""),
    ("\uff1a", r"((?:客户|客戶|顧客|用户|ユーザー|店舗|テナント|고객)\uff1a)[^\uff1a\uff09\n]{1,60}", rf"\1{_Q}"),
    ("on resource: ", r"( on resource: )\S+", rf"\1{ID}"),
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
    (" address ", r"([Ee]-?mail address )\S{1,100}(?= is (?:not|invalid|already))", rf"\1{EMAIL}"),
    ("nvalid ", r"(nvalid (?:currency|country|locale|date|amount|url|email)): \S{1,64}(?=\. [A-Z])", rf"\1: {_Q}"),
    ("ob ", r"(\b[Jj]ob )(?=\S*[\d:]\S*[\d\w])[\w-]+(?:[.:][\w-]+)*", rf"\1{_N}"),
    ("(", rf"(\((?:{ENTITY_NOUNS}): )[\w.-]+(?=[),;])", rf"\1{_Q}"),
    ("arse range: ", r"(arse range: ).{1,200}", rf"\1{_Q}"),
    ("picklist field: ", r"(picklist field: ).{1,200}", rf"\1{_Q}"),
    (" (cast from ", r" \(cast from the value [^\n]{0,400}\)", ""),
    ("Char: ", r"(?<=\n)Char: ?.?", ""),
    ("quote is found on field", r"(on field )(?:\"[^\"\n]{0,200}\"|\w+)(?= at line)", rf"\1{_N}"),
    ("E", _ERRNO, _replace_errno_address),
    ("1 ", rf"\b1\s+({COUNTED})\b(?!\s+\d)", _plural),
)


def replace_told(text: str) -> str:
    """Return a text without the data that the words of its sentence reveal. Other data has a shape."""
    return replace_names(replaced(text, _TOLD))


# Finds URLs, times, addresses, paths, quoted text and words with digits in a message, and replaces data among them.
#
# Plain words stay.


_MONTH: Final = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*"
_CLOCK: Final = r"\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?:\s?[AaPp]\.?[Mm]\b\.?)?"
_ZONE: Final = (
    r"(?:\s?(?:Z|UTC|GMT)(?:[+-]\d{1,4})?(?:\s\([^)\n]{1,40}\))?|\s?[+-]\d{2}:?\d{2}(?:\s\([^)\n]{1,40}\))?)?"
)
_TIME: Final = (
    rf"\d{{4}}[-/.]\d{{2}}[-/.]\d{{2}}(?:[T ,]\s?{_CLOCK})?{_ZONE}(?!\w)"
    rf"|\d{{8}}T\d{{6}}Z?\b|\d{{1,2}}[/.]\d{{1,2}}[/.]\d{{2,4}}(?:,?\s{_CLOCK})?(?![\w.])"
    rf"|\d{{1,2}}[ -]{_MONTH}(?:,?[ -]\d{{4}})?(?:,?\s{_CLOCK})?{_ZONE}(?!\w)|{_CLOCK}{_ZONE}(?![\w:])"
)
_DATE: Final = (
    rf"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,?\s)?(?:{_MONTH}\s\d{{1,2}}|\d{{1,2}}[ -]{_MONTH})"
    rf"(?:,?[ -]\d{{4}})?(?:,?\s{_CLOCK})?{_ZONE}(?!\w)"
)
_IPV4: Final = r"\d{1,3}(?:\.\d{1,3}){3}(?:/\d{1,2})?(?::\d{1,5})?(?![\w.]*\w)"
_IPV6: Final = (
    r"\[(?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F.]*(?:%\w+)?\](?::\d{1,5})?"
    r"|:::?\d{1,5}\b|(?:[0-9a-fA-F]{1,4}:){2,7}(?::?[0-9a-fA-F]{1,4}){0,7}(?:\.\d+){0,3}(?:%\w+)?(?::\d{1,5})?(?![\w:])"
    r"|(?=[\w:]*\d)[0-9a-fA-F]{1,4}::(?:[0-9a-fA-F]{1,4}:){0,5}[0-9a-fA-F]{1,4}(?:%\w+)?(?::\d{1,5})?(?![\w:])"
    r"|::(?:[0-9a-fA-F]{1,4}:){0,6}(?:[0-9a-fA-F]{1,4}|\d+(?:\.\d+){3})(?:%\w+)?(?::\d{1,5})?(?![\w:])"
)
_NOT_PLAIN: Final = r"[\w@/\\=$+%-]|[:.][^\s]|\(s\)"
"""What follows a word that is no plain word."""

_SEPARATOR: Final = r"(?:[ ,;!?()\]{}<>|]|\.(?![./])|:(?=\s))"
_WEEKDAY: Final = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,?\s"
_V8_VERDICT: Final = r"[ ]is[ ]not[ ](?:a[ ]function|a[ ]constructor|(?:async[ ])?iterable|defined)\b"
"""What V8 says of an expression. `items.map` is no file, and `items.at` no host."""

_START: Final = r"(?<![\w@%+~./\\-])"
"""Where a long token may begin. Without it, a row of 8,000 dashes is read from each of them."""

_TOKEN: Final = re.compile(
    rf"""
    (?P<date> \b(?=[A-Z][a-z]{{2}}) (?:{_DATE}) )
    |(?P<plain> (?: {_SEPARATOR}+ | (?!{_WEEKDAY}) [^\W\d_]+ (?! {_NOT_PLAIN} | [ ]\d ) {_SEPARATOR}* )+
        | [^\W\d_]+ (?! {_NOT_PLAIN} ) )
    |(?P<digits> {_START} (?<!:) \d+ (?=[ ](?![A-Z\d(+-])|[)\];]|,[ ]|\Z) )
    |(?P<expression> {_START} [A-Za-z_$][\w$]*(?:\.[\w$]+)+ (?={_V8_VERDICT}) )
    |(?P<url> (?<![\w]) [A-Za-z][A-Za-z0-9+.-]{{1,20}}:// [^\s'"`<>{{}}|\\^]+ | \bdata:[\w/+.-]+;base64,[\w+/=]+ )
    |(?P<quote> "(?:[^"\\]|\\.){{0,4000}}"(?:\.{{3}})? | `[^`\n]{{0,500}}`
        | (?<!\w)'(?:[^'\n]|'(?=\w)){{0,500}}'(?![^\W_])
        | “[^“”]{{0,500}}” | „[^“”"„]{{0,500}}[“”"] | «[^»]{{0,500}}» | »[^«»]{{0,500}}« | ‘[^‘’\n]{{0,500}}’
        | ‹[^›]{{0,500}}› | 「[^」]{{0,500}}」 | 『[^』]{{0,500}}』 )
    |(?P<arn> \barn:aws[\w-]*:[^\s"',)]+ )
    |(?P<key> {_START} (?=[A-Za-z_])
        (?![\da-fA-F:.]+(?![\w:])|[\w:.-]*[Ee]rror:) [A-Za-z_][\w.-]*(?::[\w.-]*\w){{2,}}(?![\w:(/]) )
    |(?P<region> {_START} (?:us|eu|ap|sa|ca|me|af|il|cn)-(?:gov-)?
        (?:(?:north|south)?(?:east|west)|north|south|central)\d?(?:-\d)?(?![\w-]) )
    |(?P<package> {_START} @?[a-z][\w.-]*(?:/[\w.-]+)?@[\^~]?v?\d+\.[\w.-]+ )
    |(?P<email> {_START} [\w.+%-]+@[\w-]+(?:\.[\w-]+)* )
    |(?P<uuid> \b[0-9a-fA-F]{{8}}(?:-[0-9a-fA-F]{{4}}){{3}}-[0-9a-fA-F]{{12}}\b )
    |(?P<mac> \b[0-9a-fA-F]{{2}}(?:[:-][0-9a-fA-F]{{2}}){{5,}}\b )
    |(?P<time> (?<![\w.]) (?:{_TIME}) )
    |(?P<ipv6> (?<![\w:.]) (?:{_IPV6}) )
    |(?P<hexes> {_START} (?=[0-9a-fA-F]{{4}}) (?=[\w:]*\d) [0-9a-fA-F]{{4,}}(?::[0-9a-fA-F]{{4,}}){{2,}}(?![\w:]) )
    |(?P<iban> {_START} [A-Z]{{2}}\d{{2}}(?:[ ][A-Z0-9]{{4}}){{2,7}}(?:[ ][A-Z0-9]{{1,3}})?(?![\w-]) )
    |(?P<phone> (?<!\w)\+\d{{1,3}}(?:[ ().-]{{0,2}}\d{{2,}}){{2,}}(?!\w) )
    |(?P<ipv4> (?<![\w.])(?<!version[ ])(?<!v) {_IPV4} )
    |(?P<windows> (?<!\w)[A-Za-z]:[\\/][^\s'"`<>|*?,;()]* | \\\\[\w.$-]+\\[^\s'"`<>|*?,;()]+ )
    |(?P<masked> {_START} [\w-]*\*{{3,}}[\w-]* )
    |(?P<path> (?<![\w.)\]}}>]) (?:~|\.{{1,2}})?/[^\s'"`<>|,;()\[\]{{}}:]+(?::\d+){{0,2}}
        (?: (?:[ ][A-Z0-9(][^\s'"`<>|,;/]*){{1,4}} (?<=\.[a-z0-9]{{3}}) )? )
    |(?P<padded> {_START} (?=[a-z_-]*[A-Z0-9+/]) [A-Za-z0-9+/_-]{{8,}}={{1,2}}(?![\w=]) )
    |(?P<assignment> {_START} (?P<left>[A-Za-z_][\w.-]*)=(?P<right>\([^()\n]*\)|\[[^\[\]\n]*\]|[^\s,;&)\]}}'"`]+) )
    |(?P<host> {_START} (?:\*\.)?(?:[A-Za-z0-9_-]+\.)+(?:{TOP_LEVEL_DOMAINS})\b(?![\w(-]|\.\w)
        (?::\d{{1,5}})?(?:/[^\s'"`<>,;()]*)? | localhost(?::\d{{1,5}})? )
    |(?P<identified> (?:(?<=[Ii][Dd]:[ ])|(?<=[Ii][Dd]=)) (?=[\w-]*\d)[\w-]+ )
    |(?P<numbered> {_START} [A-Za-z][\w.-]*:\d{{2,5}}(?![\w:.]|\.\w) )
    |(?P<file> {_START} [\w@%+~-][\w@%+~./\\-]*\.(?i:{FILE_EXTENSIONS})(?![\w(/-]|\.\w)(?::\d+){{0,2}} )
    |(?P<relative> {_START} [\w@-]+(?:/[\w@.*-]+)+ )
    |(?P<base64> {_START} [A-Za-z0-9+/]{{24,}}={{0,2}}(?![\w.-]) )
    |(?P<word> [+-]?[\w$](?:[\w$-]|[.](?=[\w$]))*%? )
    """,
    re.VERBOSE,
)
# Letters whose case changes: most are names of code, some ids.
_MIXED = re.compile(r"(?<![\w$.'\"`/:-])(?=[A-Z]*[a-z]+[A-Z]|[A-Z]{2,}[a-z])[A-Za-z]{8,}(?![\w$.'\"`/:(-])")
_MAYBE_MIXED = re.compile(r"[a-z][A-Z]|[A-Z][A-Z][a-z]")
_POINTER_AFTER = re.compile(
    r"\s+(?:must|should|is required|is not|has|does not|needs)\b"
    r"|:\s+(?:[Ee]xpected|[Mm]ust|[Ss]hould|[Ii]nvalid|[Rr]equired|[Ii]s|[Nn]ot|[Mm]issing)\b"
)
_CAPITAL_CODE = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\Z|E[A-Z]{4,}\Z")
_FILE_TYPE = re.compile(r"(?:application|audio|font|image|multipart|text|video)/")
_FOUND_BEFORE = re.compile(r"\b(?:got|received|found|was)\s+\Z")
_IDENTITY = re.compile(r"[\w.:/\[\]@$ -]{1,80}\Z")
_TYPE_URL = re.compile(r"(?:https?|urn|tag):[^\s]+\Z")
_PRODUCT: Final = "trigger.dev"
"""REST's message of a crash is `trigger.dev internal error (CODE)`."""

_HOUR_OR_LINE = re.compile(r"\d+:\d+\Z")
_NODE_NAMES = re.compile(r"[A-Z][a-z]+\.js\Z")
_ADDRESS_BEFORE = re.compile(
    r"(?:connect(?:ion|ing|ed)?|to|at|from|hosts?|servers?|brokers?|endpoint|node|address|reach|resolve|listen|on|peer)"
    r"[\s:=`'\"(]+\Z",
    re.IGNORECASE,
)


def replace_values(text: str) -> str:
    """Return a text whose structured values are replaced by placeholders where they are data."""
    if _MAYBE_MIXED.search(text) is not None:
        text = _MIXED.sub(lambda match: ID if is_id(match[0]) else match[0], text)
    return _TOKEN.sub(_replace_token, text)


def _replace_token(match: re.Match[str]) -> str:
    kind = match.lastgroup or ""
    if kind == "plain":
        return match[0]
    return _DATA[kind] if kind in _DATA else _REPLACE[kind](match)


def _key(match: re.Match[str]) -> str:
    """Return the key of a cache or of a lock, such as `report:acme:2026-09-13`, without what follows its first word."""
    first, _, rest = match[0].partition(":")
    return f"{first}:{ID}" if any(map(str.isdigit, rest)) else match[0]


def _path(match: re.Match[str]) -> str:
    path = match[0]
    is_fragment = match.string[match.start() - 1 : match.start()] == "#"
    if is_fragment or _POINTER_AFTER.match(match.string, match.end()):
        return normalise_name(path)
    return PATH + path[len(path.rstrip(".!?")) :]


def _relative(match: re.Match[str]) -> str:
    before = match.string[max(match.start() - 12, 0) : match.start()]
    if _FILE_TYPE.match(match[0]) and _FOUND_BEFORE.search(before):
        return QUOTED
    name = normalise_name(match[0])
    # What ends in data is the place of a thing, such as `acme/7992`; `items/7/price` names a property.
    is_place = (
        name[:1].isalpha() and name.endswith((NUMBER, ID)) and not _POINTER_AFTER.match(match.string, match.end())
    )
    return PATH if is_place else name


def _assignment(match: re.Match[str]) -> str:
    key, value = match["left"], match["right"]
    name = key.lower().replace("_", "").replace("-", "")
    if value.startswith(("(", "[")):
        return f"{key}=(…)"
    is_code = name in {"err", "error"} and _CAPITAL_CODE.match(value)
    if is_code or name in SCHEMA_NOUNS or (name in STEPS and not is_id(value)):
        return match[0]
    kept = identity_value(name, value) if name in IDENTITY_KEYS and not is_id(value) else None
    return f"{key}={kept or '…'}"


def identity_value(name: str, value: str) -> str | None:
    """Return the value of a key that identifies an error; None if it is data all the same."""
    if name == "path" and value.startswith("/"):
        return None
    if _TYPE_URL.match(value):
        return value
    if not _IDENTITY.match(value):
        return None
    if name in CODE_KEYS:
        return ID if is_id(value) and name not in SCHEMA_NOUNS else value
    return normalise_name(value)


def _numbered(match: re.Match[str]) -> str:
    """Return `redis:6379` as an address only where one is expected: `order:8812` is not."""
    name = match[0].partition(":")[0]
    if _ADDRESS_BEFORE.search(match.string, max(match.start() - 24, 0), match.start()):
        return ADDRESS
    return f"{normalise_word(name)}:{NUMBER}"


def _base64(match: re.Match[str]) -> str:
    if _SCHEMA.search(match.string, max(match.start() - 24, 0), match.start()):
        return match[0]
    return ID if is_id(match[0].replace("/", "").replace("+", "").rstrip("=")) else normalise_name(match[0])


def _word(match: re.Match[str]) -> str:
    word, text, start = match[0], match.string, match.start()
    sign = word[:1] if word[:1] in "+-" and len(word) > 1 else ""
    bare = word.removeprefix(sign).removesuffix("%")
    if not any(map(str.isdigit, bare)):
        return ID if is_id(bare) and not is_code(bare, text, start, match.end()) else word
    shown = normalise_digits(bare, text, start, start + len(sign) + len(bare))
    return shown if shown == NUMBER else sign + shown + word[len(sign) + len(bare) :]


_DATA: Final = {
    kind: placeholder
    for placeholder, kinds in (
        (ID, "arn uuid hexes identified masked padded"),
        (ADDRESS, "region mac ipv6 ipv4"),
        (NUMBER, "iban phone"),
        (EMAIL, "email"),
        (TIME, "date"),
        (PATH, "windows"),
    )
    for kind in kinds.split()
}
"""The placeholder of each token that is data."""

_REPLACE: Final[Mapping[str, Callable[[re.Match[str]], str]]] = {
    "digits": _word,
    "expression": _word,
    "url": lambda match: URL + match[0][len(match[0].rstrip(".,;:!?)]")) :],
    # V8 puts three points after a text that it cut.
    "quote": lambda match: normalise_quoted(match[0].removesuffix("..."), match.string, match.start(), match.end()),
    "key": _key,
    "package": lambda match: match[0].rpartition("@")[0],
    # `12:41` may be a line and a column, as `3:8`.
    "time": lambda match: NUMBER if _HOUR_OR_LINE.match(match[0]) else TIME,
    "path": _path,
    "assignment": _assignment,
    "host": lambda match: match[0] if match[0] == _PRODUCT else ADDRESS,
    "numbered": _numbered,
    "file": lambda match: match[0] if _NODE_NAMES.match(match[0]) else PATH,
    "relative": _relative,
    "base64": _base64,
    "word": _word,
}
