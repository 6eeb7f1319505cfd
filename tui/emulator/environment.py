"""The two environments of the emulated project, and the project itself.

What lives here: values. The ids are those of a project that does not exist; the shapes are recording 802's.
"""

from dataclasses import dataclass, replace

API_VERSION = "2025-07-16"
"""The value of `x-trigger-api-version` that turns the status words; any other is the same as none (recording 056)."""


@dataclass(frozen=True, slots=True)
class Project:
    """The project that all environments belong to."""

    id: str = "cmwunrx8e0003yl7dkq2v9s4t"
    ref: str = "proj_emulatedkvxwtqhzbnru"
    slug: str = "acme-backend-9aEu"
    name: str = "acme-backend"
    organization_id: str = "cmwunrx7u0001yl7d5m8cw3bz"
    organization_slug: str = "acme-4744"
    organization: str = "Acme"


@dataclass(frozen=True, slots=True)
class Environment:
    """One environment: who it is, and in what it differs from the other.

    `region` is what its runs tell; `ttl` a run's default; `user` whose it is, in development. `suspends`: long waits
    suspend a run, so that it shows as WAITING (wire/README.md §2: only deployed ones do).
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
