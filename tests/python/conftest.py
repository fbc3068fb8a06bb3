"""What the suites need from the harness that starts the gateway. Nothing is optional: a missing variable is an error.

FLYBALL_BASE_URL            where the gateway serves, with /v1
FLYBALL_KEY                 a key of it
FLYBALL_MODEL               a chat model that the key may use ("demo" when absent)
FLYBALL_EMBEDDING_MODEL     an embedding model ("demo" when absent)
FLYBALL_BLOCKING_BASE_URL   a gateway whose policy blocks personal data in prompts, with /v1
FLYBALL_BLOCKING_KEY        a key of that one (FLYBALL_KEY when absent)
FLYBALL_SIMULATOR_BASE_URL  the provider behind it that answers in every protocol, with /v1

Both gateways have a route to that provider as each of four kinds (openai, anthropic, gemini, bedrock), one whose model
is steered by the prompt (openai-sim and so on), and one whose model the provider does not know (openai-gone).
"""

import os

import anthropic
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


def both_vendors(url, key):
    """The official clients of one gateway, by vendor. They do not retry."""
    root = url.removesuffix("/v1")
    return {
        "openai": openai.OpenAI(base_url=url, api_key=key, max_retries=0, timeout=60),
        "anthropic": anthropic.Anthropic(base_url=root, api_key=key, max_retries=0, timeout=60),
    }


@pytest.fixture(scope="session")
def clients():
    """The clients of the gateway."""
    return both_vendors(os.environ["FLYBALL_BASE_URL"], os.environ["FLYBALL_KEY"])


@pytest.fixture(scope="session")
def blocking_clients():
    """The clients of the gateway that blocks."""
    key = os.environ.get("FLYBALL_BLOCKING_KEY") or os.environ["FLYBALL_KEY"]
    return both_vendors(os.environ["FLYBALL_BLOCKING_BASE_URL"], key)


@pytest.fixture(scope="session")
def direct():
    """Asks the provider without a gateway, once for each question."""
    clients = both_vendors(os.environ["FLYBALL_SIMULATOR_BASE_URL"], "none")
    answers = {}

    def ask(surface, question):
        key = (surface.name, repr(question))
        if key not in answers:
            answers[key] = surface.ask(clients, "demo-1", question)
        return answers[key]

    return ask


@pytest.fixture(scope="session")
def refused(clients):
    """Asks what must be refused as a bad request that names a field."""

    def ask(surface, route, question, stream, field):
        vendor = {"openai": openai, "anthropic": anthropic}[surface.vendor]
        with pytest.raises(vendor.BadRequestError) as refusal:
            surface.ask(clients, route, question, stream)
        if surface.vendor == "openai":
            assert (refusal.value.param, refusal.value.code) == (field, "untranslatable")
        else:
            error = refusal.value.body["error"]
            assert (error["param"], error["code"]) == (field, "untranslatable")
        assert refusal.value.response.headers["x-should-retry"] == "false"

    return ask
