"""Sentences name the user's own keys."""

from contextvars import copy_context

from tui.text.blocks import key_of, selecting_keys, tries_again, use_own_keys, with_key


def said() -> list[str]:
    return [key_of("refresh", "r"), with_key("pause", "p", ", {} resumes"), tries_again(), selecting_keys()]


def own() -> list[str]:
    labels: dict[str, tuple[str, ...]] = {}
    use_own_keys(labels)
    labels |= {"refresh": ("F8", "U"), "pause": (), "down": ("n", "↓", "ctrl-n")}
    return said()


def test_sentence_names_the_key_of_its_app_alone() -> None:
    usual = ["r", ", p resumes", " r tries again.", "j or ↓"]
    assert said() == usual
    assert copy_context().run(own) == ["F8", "", " F8 tries again.", "n or ↓"]
    assert said() == usual
