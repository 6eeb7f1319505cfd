"""The environment behind a key: the recorded keys and types, and the names in rows."""

import json

from tests.support.emulator.small_world import a_world, ask, shape, started
from tests.support.recordings import recording
from tui.emulator.environment import DEVELOPMENT, PRODUCTION
from tui.emulator.routes import environment, runs


def test_whoami_has_the_recorded_keys() -> None:
    world = a_world()
    answer = ask(environment.whoami, world).body
    assert shape(answer) == shape(recording("802")["response"]["body"])
    assert answer["apiKey"] == DEVELOPMENT.key
    started(world, "hello", 2000)
    row = ask(runs.list_runs, world).body["data"][0]
    assert (row["env"]["name"], row["env"]["id"]) == (answer["slug"], answer["id"])
    assert row["env"]["user"] == answer["orgMember"]["user"]["displayName"]


def test_whoami_in_production_has_no_user() -> None:
    answer = ask(environment.whoami, a_world(PRODUCTION)).body
    assert (answer["slug"], answer["type"], answer["orgMember"]) == ("prod", "PRODUCTION", None)
    assert set(recording("802")["response"]["body"]) - set(answer) == {"userId"}


def test_claims_are_those_of_trigger_tokens() -> None:
    world = a_world()
    recorded = json.loads(recording("380")["response"]["headers"]["x-trigger-jwt-claims"])
    claims = ask(environment.claims, world).body
    assert shape({**claims, "scopes": ["read:runs"]}) == shape(recorded)
    assert claims["sub"] == world.environment.id
