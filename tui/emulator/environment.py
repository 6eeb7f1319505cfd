"""The emulated project and its two environments.

The project does not exist, so its ids are invented. Their form follows recording 802.
"""

from dataclasses import dataclass, replace

API_VERSION = "2025-07-16"
"""The `x-trigger-api-version` that changes the status words. Any other value counts as none (recording 056)."""


@dataclass(frozen=True, slots=True)
class Project:
    """The project of all environments."""

    id: str = "cmwunrx8e0003yl7dkq2v9s4t"
    ref: str = "proj_emulatedkvxwtqhzbnru"
    slug: str = "acme-backend-9aEu"
    name: str = "acme-backend"
    organization_id: str = "cmwunrx7u0001yl7d5m8cw3bz"
    organization_slug: str = "acme-4744"
    organization: str = "Acme"


@dataclass(frozen=True, slots=True)
class Environment:
    """One environment.

    `region` is the region of its runs, `ttl` their default TTL, `user` the owner of a development environment. With
    `suspends`, a long wait suspends a run, so that it shows as WAITING. Only deployed runs do that
    (tests/wire/recordings/README.md §2).
    """

    id: str
    slug: str
    type: str
    key: str
    region: str
    ttl: str = ""
    user: str = ""
    suspends: bool = True
    concurrency_limit: int = 300
    project: Project = Project()


DEVELOPMENT = Environment(
    id="cmwunrxaf0005yl7d31xhq0ve",
    slug="dev",
    type="DEVELOPMENT",
    key="tr_dev_emulator",
    region="cmwunrxaf0005yl7d31xhq0ve",
    ttl="10m",
    user="Local Developer",
    suspends=False,
)
PRODUCTION = replace(
    DEVELOPMENT,
    id="cmwunrxa40004yl7d8tz0wm6c",
    slug="prod",
    type="PRODUCTION",
    key="tr_prod_emulator",
    region="eu-central-1",
    ttl="",
    user="",
    suspends=True,
)
