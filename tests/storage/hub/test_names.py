"""Which names the Hub allows: checked here, because its own library lets some pass that it refuses later."""

import pytest

from nanogpt.storage.hub.names import check_repo, is_repo, split_revision

GOOD = ["alice/gpt", "A1/b_c.d-e", "a/b", f"{'a' * 47}/{'b' * 48}"]
BAD = [
    "alice/gpt\n", "älice/gpt", "alice/gpt２", "gpt", "", "/", "a/", "/b", "a/b/c", "-a/b", "a/b-", ".a/b", "a/b.",
    "a--b/c", "a/b..c", "../b", "a/..", "a/b.git", "a b/c", "a/b@main", f"{'a' * 48}/{'b' * 48}",
]  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_names_that_the_hub_allows(name: str) -> None:
    assert is_repo(name)
    assert check_repo(name) == name
    assert split_revision(name) == (name, "")
    assert split_revision(f"{name}@v1.0") == (name, "v1.0")


@pytest.mark.parametrize("name", BAD)
def test_names_that_it_refuses(name: str) -> None:
    assert not is_repo(name)
    with pytest.raises(ValueError, match=r"^A repository is named USER/REPO, in at most 96 of .*; got "):
        check_repo(name)


@pytest.mark.parametrize("revision", ["", "../x", "a/../b", "a b", "-x", "x\n", "é", "/x", "x/"])
def test_revisions_that_are_no_part_of_a_path(revision: str) -> None:
    with pytest.raises(ValueError, match=r"^A revision is a branch, a tag or a commit"):
        split_revision(f"alice/gpt@{revision}")
    for good in ("main", "refs/pr/1", "v1.0", "0" * 40):
        assert split_revision(f"alice/gpt@{good}") == ("alice/gpt", good)


def test_names_are_shown_as_text() -> None:
    with pytest.raises(ValueError, match=r"got \\x3cimg src=x\\x3e\."):
        check_repo("<img src=x>")
