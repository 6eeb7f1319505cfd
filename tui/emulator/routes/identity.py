"""The routes that describe the environment of an API key.

`whoami` returns recording 802 with the emulated project's values, and the key itself, as the real server does. The SDK
puts `claims` into the public tokens that it signs.
"""

from tui.emulator.exchange import ApiRequest, ApiResponse

CREATED_AT = "2026-11-24T13:40:10.898Z"
ORG_MEMBER_ID = "cmwunrx7y0002yl7dg4t1nq6e"
USER_ID = "cmwunrx6s0000yl7d0vz8hk3p"
BURST_FACTOR = 2


async def whoami(request: ApiRequest) -> ApiResponse:
    """`GET /api/v1/whoami`. Only a development environment belongs to a user."""
    environment = request.world.environment
    project = environment.project
    is_personal = bool(environment.user)
    user = {"id": USER_ID, "displayName": environment.user, "name": environment.user}
    body = {
        "id": environment.id,
        "slug": environment.slug,
        "type": environment.type,
        "apiKey": environment.key,
        "organizationId": project.organization_id,
        "projectId": project.id,
        "orgMemberId": ORG_MEMBER_ID if is_personal else None,
        "parentEnvironmentId": None,
        "branchName": None,
        "archivedAt": None,
        "paused": request.world.lifecycle.is_paused,
        "shortcode": f"emulated-{environment.slug}",
        "maximumConcurrencyLimit": environment.concurrency_limit,
        "concurrencyLimitBurstFactor": BURST_FACTOR,
        "builtInEnvironmentVariableOverrides": None,
        "createdAt": CREATED_AT,
        "updatedAt": CREATED_AT,
        "project": {
            "id": project.id,
            "slug": project.slug,
            "name": project.name,
            "externalRef": project.ref,
            "engine": "V2",
            "deletedAt": None,
            "defaultWorkerGroupId": None,
            "organizationId": project.organization_id,
            "builderProjectId": None,
            "defaultRuntime": "node-24",
        },
        "organization": {
            "id": project.organization_id,
            "slug": project.organization_slug,
            "title": project.organization,
            "streamBasinName": None,
            "maximumConcurrencyLimit": environment.concurrency_limit,
            "runsEnabled": True,
            "maximumDevQueueSize": None,
            "maximumDeployedQueueSize": None,
            "featureFlags": None,
            "apiRateLimiterConfig": None,
            "batchRateLimitConfig": None,
            "batchQueueConcurrencyConfig": None,
        },
        "orgMember": {"userId": USER_ID, "user": user} if is_personal else None,
        "parentEnvironment": None,
    }
    if is_personal:
        body["userId"] = USER_ID
    return ApiResponse(body)


async def claims(request: ApiRequest) -> ApiResponse:
    """`POST /api/v1/auth/jwt/claims`: the claims of all public tokens. The SDK adds their scopes."""
    return ApiResponse({"sub": request.world.environment.id, "pub": True})
