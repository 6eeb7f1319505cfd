"""Pasted ids and links are recognised, and compared with the environment of the session."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.domain.run import Environment
from tui.domain.text import Raw
from tui.store.command_line import LinkKind, elsewhere, parse_link, parse_run

HOST = "https://cloud.trigger.dev"
RUN = "run_cmwvq81zu01h49f7dk2m96e3t"
OURS = Environment(Raw("prod"), "PRODUCTION", Raw("api"), Raw("acme"), Raw("proj_abc"), Raw(HOST))


@pytest.mark.parametrize(
    "text",
    [
        RUN,
        f"  <{RUN}>\n",
        f"{HOST}/orgs/acme/projects/api/env/prod/runs/{RUN}",
        f"{HOST}/orgs/acme/projects/api/env/prod/runs/{RUN}?span=1#x",
        f"{HOST}/orgs/acme/projects/api/env/prod/runs/{RUN}/spans/abc",
        f"{HOST}/projects/v3/proj_abc/runs/{RUN}",
        f"HTTPS://CLOUD.TRIGGER.DEV/projects/v3/proj_abc/runs/{RUN}",
        f"trigger://acme/api/prod/{RUN}",
        f"trigger://{RUN}",
        f'"{HOST}/runs/{RUN}",',
    ],
)
def test_run_is_found_in_an_id_or_a_link(text: str) -> None:
    link = parse_link(text)
    assert link is not None
    assert (link.kind, link.run_id) == (LinkKind.RUN, RUN)
    assert elsewhere(link, OURS) == ""


def test_part_of_an_id_is_no_link() -> None:
    for part in ("run_cmwvq8", "run_cm…6e3t", RUN[4:], "6e3t"):
        assert parse_link(part) is None, part
        found = parse_run(f" {part}  ")
        assert (found is not None) is (part == RUN[4:]), part
    assert parse_run(RUN[4:]) == parse_run(f"{RUN} ") == parse_link(RUN)


@pytest.mark.parametrize(
    ("path", "place"),
    [
        (f"/orgs/acme/projects/api/env/staging/runs/{RUN}", "the environment staging"),
        (f"/orgs/acme/projects/web/env/prod/runs/{RUN}", "the project acme/web"),
        (f"/orgs/other/projects/api/env/prod/runs/{RUN}", "the project other/api"),
        (f"/projects/v3/proj_xyz/runs/{RUN}", "the project proj_xyz"),
        ("/orgs/acme/projects/api/env/dev/errors/error_a1b2", "the environment dev"),
        ("/orgs/acme/projects/api/env/dev/queues", "the environment dev"),
    ],
)
def test_link_to_another_place_names_it(path: str, place: str) -> None:
    link = parse_link(HOST + path)
    assert link is not None
    assert elsewhere(link, OURS) == place


def test_link_to_another_server_names_it() -> None:
    link = parse_link(f"https://trigger.example.com/orgs/acme/projects/api/env/prod/runs/{RUN}")
    assert link is not None
    assert elsewhere(link, OURS) == "the server trigger.example.com"
    assert elsewhere(link, None) == ""


def test_environment_has_two_spellings() -> None:
    link = parse_link(f"{HOST}/orgs/acme/projects/api/env/stg/runs/{RUN}")
    assert link is not None
    staging = Environment(Raw("staging"), "STAGING", Raw("api"), Raw("acme"))
    assert elsewhere(link, staging) == ""


@pytest.mark.parametrize(
    "text",
    [
        "",
        "run",
        "run_",
        "runs task:x",
        "https://",
        "https://[",
        f"see {RUN} and more",
        "https://example.com/a/b",
        "x" * 2000,
    ],
)
def test_other_texts_are_no_links(text: str) -> None:
    assert parse_link(text) is None


@given(st.text(max_size=60), st.sampled_from(["", HOST, f"{HOST}/orgs/", "trigger://", "run_", f"{HOST}/projects/v3/"]))
def test_link_of_any_text_never_raises(text: str, before: str) -> None:
    link = parse_link(before + text)
    if link is not None:
        assert isinstance(elsewhere(link, OURS), str)
