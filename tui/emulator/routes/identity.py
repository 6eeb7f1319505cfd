"""The routes of the environment behind a key.

`whoami` is recording 802 with the emulated project's values; it returns the key itself, as the real one does. The SDK
signs public tokens with the claims.
"""

from tui.emulator.exchange import ApiRequest, ApiResponse

CREATED = "2026-11-24T13:40:10.898Z"
ORG_MEMBER_ID = "cmwunrx7y0002yl7dg4t1nq6e"
USER_ID = "cmwunrx6s0000yl7d0vz8hk3p"
BURST_FACTOR = 2


async def whoami(request: ApiRequest) -> ApiResponse:
    """`GET /api/v1/whoami`. Rows call the `slug` `env.name`. Only a development environment belongs to a user.

    One long literal, key by key as recorded.
    """
    environment = request.world.environment
    project = environment.project
    is_personal = bool(environment.user)
    user = {"id": USER_ID, "displayName": environment.user, "name": environment.user}
    answer = {
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
        "paused": False,
        "shortcode": f"emulated-{environment.slug}",
        "maximumConcurrencyLimit": environment.concurrency_limit,
        "concurrencyLimitBurstFactor": BURST_FACTOR,
        "builtInEnvironmentVariableOverrides": None,
        "createdAt": CREATED,
        "updatedAt": CREATED,
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
        answer["userId"] = USER_ID
    return ApiResponse(answer)


async def claims(request: ApiRequest) -> ApiResponse:
    """`POST /api/v1/auth/jwt/claims`: the fixed claims of a public token. Its signer chooses the scopes."""
    return ApiResponse({"sub": request.world.environment.id, "pub": True})
