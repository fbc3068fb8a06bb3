"""What the suites need from the harness that starts the gateway. Nothing is optional: a missing variable is an error.

FLYBALL_BASE_URL            where the gateway serves, with /v1
FLYBALL_KEY                 a key of it
FLYBALL_MODEL               a chat model that the key may use ("demo" when absent)
FLYBALL_EMBEDDING_MODEL     an embedding model ("demo" when absent)
FLYBALL_BLOCKING_BASE_URL   a gateway whose policy blocks personal data in prompts, with /v1
FLYBALL_BLOCKING_KEY        a key of that one (FLYBALL_KEY when absent)
"""

import os

import openai
import pytest


@pytest.fixture
def client():
    """The official client. It does not retry, so that each test sees the first answer."""
    with openai.OpenAI(
        base_url=os.environ["FLYBALL_BASE_URL"], api_key=os.environ["FLYBALL_KEY"], max_retries=0, timeout=60
    ) as client:
        yield client


@pytest.fixture
def async_client():
    """Makes the asynchronous client: each event loop needs its own."""
    return lambda: openai.AsyncOpenAI(
        base_url=os.environ["FLYBALL_BASE_URL"], api_key=os.environ["FLYBALL_KEY"], max_retries=0, timeout=60
    )


@pytest.fixture
def blocking_client():
    """A client of the gateway that blocks. It retries as applications do: a refusal must not be repeated."""
    key = os.environ.get("FLYBALL_BLOCKING_KEY") or os.environ["FLYBALL_KEY"]
    with openai.OpenAI(base_url=os.environ["FLYBALL_BLOCKING_BASE_URL"], api_key=key, timeout=60) as client:
        yield client


@pytest.fixture
def model():
    """A chat model."""
    return os.environ.get("FLYBALL_MODEL", "demo")


@pytest.fixture
def embedding_model():
    """An embedding model."""
    return os.environ.get("FLYBALL_EMBEDDING_MODEL", "demo")
