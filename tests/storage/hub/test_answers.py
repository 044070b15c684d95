"""What the Hub answers, as sentences. The common failures are tested where they happen: in downloads and uploads."""

import errno

import pytest
from hub_server import HubServer

from nanogpt.storage.hub import HubError, UnreachableError
from nanogpt.storage.hub.answers import explained
from nanogpt.storage.hub.downloads import fetch


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ("gated", "alice/gpt asks you to accept its terms first, on its page on the Hub."),
        ("403", "Your token may not write to alice/gpt: it needs the permission to write for alice."),
        ("429", "The Hub has had too many requests from here. Try again in a few minutes."),
        ("418", "The Hub refuses alice/gpt with error 418: "),
    ],
)
def test_each_refusal_has_its_sentence(fault: str, sentence: str, hub: HubServer) -> None:
    hub.fault = fault
    with pytest.raises(HubError) as error:
        fetch("alice/gpt")
    assert str(error.value).startswith(sentence)
    assert not isinstance(error.value, UnreachableError)


def test_errors_of_ones_own_machine_stay_what_they_are() -> None:
    for ours in (OSError(errno.ENOSPC, "No space left on device"), RuntimeError("ours")):
        with pytest.raises(type(ours)) as error, explained("alice/gpt"):
            raise ours
        assert error.value is ours
