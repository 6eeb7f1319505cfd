"""Tells the words of a message apart: names of the schema and the code, ids, names of people, codes."""

import re
from functools import lru_cache
from itertools import pairwise
from string import ascii_lowercase
from typing import Final

# The words beside a value that say whether it is a name of the schema, a name of the code, an error code or data.
#
# Messages quote both `column "plan_tier"` and `customer "acme"`. Only the words beside the quotes distinguish them.


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


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

DATA_NOUNS: Final = _words(
    """value values received got found given entry input string text near user customer client account tenant shop
    store merchant vendor supplier company organization organisation org team workspace member contact subscriber
    employee owner author recipient sender partner order invoice payment subscription charge session job worker
    device host hostname server address email phone number url uri file directory folder bucket row record document
    id ids uuid guid slug username login password token was instead actual bytes buffer line content body message
    data date time timestamp queue topic channel group project resource item product sku city country
    integer boolean float decimal format run
    container role database db vhost bucket cluster broker zone range specified provided timezone locale currency
    encoding charset image volume pod upload"""
)
"""What is quoted after one of these is data, whatever it looks like."""

ENTITIES: Final = _words(
    """customer client user account tenant shop store merchant vendor supplier company organization organisation org
    team workspace member contact subscriber employee driver courier owner author buyer seller recipient sender patient
    student partner brand restaurant hotel warehouse branch depot kunde kunden kundin mandant mandanten benutzer
    firma cliente clients clientes filiale standort lieferant händler fournisseur magasin boutique proveedor tienda
    almacén printer
    utilisateur usuario"""
)
VALUE_NOUNS: Final = _words("received got found actual instead credentials")
"""What is quoted after one of these is data, also between backticks."""

ENTITY_NOUNS: Final = "|".join(f"[{word[0].upper()}{word[0]}]{word[1:]}" for word in sorted(ENTITIES, reverse=True))
"""People and companies. Their names stand in messages without quotes."""

NOT_NAMES: Final = _words(
    """is are was were be been not no has have had does do did can could cannot will would should must may might with
    without after before on in at from to by for and or but because since while when that which who already exists
    missing invalid unknown required found failed failure error exceeded id ids name names email emails number numbers
    data record records details list address phone balance input profile settings session sessions token tokens
    password account accounts type types role roles object field fields limit quota count plan status state access
    request requests service api group groups code key keys payload update creation info information locale
    preferences permissions agent device devices context import export sync of as than via using during the a an
    this its their your our if it into out over under per"""
)
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
    """accepted bad conflict created forbidden gateway gone internal method moved not ok partial payload payment
    precondition proxy range request requests server service temporary timeout too unauthorized unprocessable
    unsupported http https ssl tls tcp udp dns json xml html sql utf unicode base object array string number boolean
    date map set promise function symbol buffer error"""
)
KNOWN_NAMES: Final = NOT_NAMES | ENTITIES | DATA_NOUNS | CODE_NOUNS | SCHEMA_NOUNS | _SERVICES | _STATUSES
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


_FREQUENT: Final = """
    04540130402646040656322130
    63436000530730520452500040
    60326005405410710426400020
    52247320710412500452410020
    41563330200446132665132410
    50235520700511610544500030
    51107145500435410552401011
    60127100600322600424400020
    33544340000547530455040203
    60206000504020630252603020
    50137221600504320263304020
    60247100600601620144310050
    64017000602231560043400010
    51555360402213420156330010
    23452230202557440644534000
    60126103500511550645401040
    22032000000403000342902000
    61347230602343520454321030
    40426115602322440157502030
    50327105700321520554301040
    45434330400546250655000000
    60208200600010510001010000
    71036205600305500551112200
    53536313600341360126200331
    32435310500456460266024023
    60008100600112500013000033
"""
"""How often a letter (row) is followed by another (column) in English and in names of code: 0 never, 9 nearly always.

Counted in the words of three or more files of Python's library and of this repository, on a logarithmic scale.
"""

_PAIRS: Final = {
    first + second: int(level)
    for first, row in zip(ascii_lowercase, _FREQUENT.split(), strict=True)
    for second, level in zip(ascii_lowercase, row, strict=True)
}
_MIN_LETTERS: Final = 8
MAX_MEAN: Final = 3.5
"""Of words with 8 letters 1 in 800 is below it, of drawn letters 85 %; of words with 10 letters none, and 90 %."""

MAX_PREFIXED_MEAN: Final = 4.3
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
        (first + second).lower()
        for first, second in pairwise(word)
        if first.isalpha() and second.isalpha() and not (first.islower() and second.isupper())
    ]
    return len(pairs) >= _MIN_PAIRS and sum(map(_PAIRS.__getitem__, pairs)) < max_mean * len(pairs)


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


def is_technical(word: str) -> bool:
    """Return whether the digits of a word belong to its name: `s3`, `utf8`."""
    return _TECHNICAL.match(word) is not None


def normalise_word(word: str) -> str:
    """Return a word without its numbers, or `<id>` if it is an id."""
    if not any(map(str.isdigit, word)):
        return ID if is_id(word) else word
    if _PLATFORM.match(word):
        return ID
    if is_technical(word):
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
# `failed for Acme Corp: …`, `rejected by Priya Nair (…)`. A name of one word must have an end behind it.
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
