"""What the Hub answers, as sentences for the person who asked. Knows errors and names; asks nothing."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
from huggingface_hub import constants
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from nanogpt.checks import shown
from nanogpt.storage.hub import HubError, UnreachableError

TOKENS_PAGE = "https://huggingface.co/settings/tokens"


@contextmanager
def explained(repo: str, revision: str = "") -> Iterator[None]:
    """Turn the errors of the Hub's library into a HubError, or UnreachableError, with one sentence."""
    try:
        yield
    except OfflineModeIsEnabled as error:
        raise UnreachableError(f"HF_HUB_OFFLINE is set, so the Hub was not asked for {repo}.") from error
    except httpx2.TimeoutException as error:
        raise UnreachableError(f"The Hub ({constants.ENDPOINT}) is too slow: no answer in time.") from error
    except RevisionNotFoundError as error:
        raise HubError(f"{repo} has no revision {revision}.") from error
    except RemoteEntryNotFoundError as error:
        raise HubError(f"{repo} has no {error.response.url.path.rpartition('/')[2]}.") from error
    except GatedRepoError as error:
        raise HubError(f"{repo} asks you to accept its terms first, on its page on the Hub.") from error
    except RepositoryNotFoundError as error:
        raise HubError(
            f"There is no repository {repo} on the Hub, or it is private and your token may not read it."
        ) from error
    except HfHubHTTPError as error:
        raise _refusal(error, repo) from error
    except (httpx2.HTTPError, LocalEntryNotFoundError) as error:
        raise UnreachableError(f"The Hub ({constants.ENDPOINT}) cannot be reached.") from error
    except RuntimeError as error:  # around what happened while a file was sent
        if not isinstance(error.__cause__, httpx2.HTTPError):
            raise
        with explained(repo):
            raise error.__cause__ from None
    except OSError as error:
        if not str(error).startswith("Consistency check failed"):
            raise
        raise HubError(f"{repo}: a file arrived incomplete, so nothing of it is kept. Try again.") from error


def _refusal(error: HfHubHTTPError, repo: str) -> HubError:
    status, user = error.response.status_code, repo.partition("/")[0]
    if status >= 500:
        return UnreachableError(f"The Hub ({constants.ENDPOINT}) is down: it answers with error {status}.")
    sentences = {
        401: f"The Hub does not accept your token. Make a new one: {TOKENS_PAGE}",
        402: f"The Hub asks {user} for a paid plan. A free account can have a Space with --hardware zero-gpu.",
        403: f"Your token may not write to {repo}: it needs the permission to write for {user}. See {TOKENS_PAGE}",
        429: "The Hub has had too many requests from here. Try again in a few minutes.",
    }
    return HubError(sentences.get(status, f"The Hub refuses {repo} with error {status}: {shown(str(error), 200)}"))
