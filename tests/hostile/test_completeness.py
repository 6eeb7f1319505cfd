"""The suite can use every command and press every key; a failure names what to add."""

from tests.hostile.commands import missing_examples
from tests.hostile.random_mode import gestures_of
from tests.hostile.random_user.gestures import SUSPEND, Gesture, bytes_of
from tests.hostile.random_user.user import RandomUser
from tui.features import key_table
from tui.kit.terminal.input import InputDecoder


def test_suite_can_call_every_command() -> None:
    assert missing_examples() == []


def test_terminal_can_send_every_bound_key() -> None:
    table = key_table()
    for key in {*(key for row in table.rows.values() for key in row.keys), *table.text_keys} - {"escape"}:
        assert [message.key for message in InputDecoder().feed(bytes_of(key), 0.0)] == [key]  # type: ignore[attr-defined]


def test_random_users_press_every_bound_key() -> None:
    drawn = {gesture for seed in range(60) for gesture in gestures_of(f"{seed} 200")}
    keys = {gesture.argument for gesture in drawn if gesture.kind == "key"}
    assert {key for row in key_table().rows.values() for key in row.keys} - keys == {SUSPEND}
    assert Gesture("suspend") in drawn
    assert {gesture for gesture in drawn if not hasattr(RandomUser, f"_{gesture.kind}")} == set()
