"""The words beside a value that say whether it is a name of the schema, a name of the code, an error code or data.

Messages quote both `column "plan_tier"` and `customer "acme"`. Only the words beside the quotes distinguish them.
"""

from typing import Final


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
