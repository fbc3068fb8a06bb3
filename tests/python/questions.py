"""What the matrix asks, in no protocol's words: `surfaces` says it in each SDK's, `test_matrix` expects the answers.

The demo model answers by rules (`Say exactly: ...`), so that texts and arguments of tools are known beforehand."""

import base64
import struct
import zlib
from dataclasses import dataclass, field

UNICODE = 'Grüße, 世界! 🦉 "quoted" \\back\\ <tag> & a\ttab\nand a second line…'


@dataclass(frozen=True)
class Tool:
    """A function that the model may call."""

    name: str
    description: str
    parameters: dict


@dataclass(frozen=True)
class Call:
    """A call of a tool. The id is the provider's."""

    id: str
    name: str
    arguments: dict


@dataclass(frozen=True)
class Said:
    """A turn of the caller's: a text, and pictures by their bytes or address."""

    text: str
    pictures: tuple[bytes, ...] = ()
    links: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answered:
    """An earlier turn of the model's."""

    text: str = ""
    calls: tuple[Call, ...] = ()


@dataclass(frozen=True)
class Results:
    """What the calls of the turn before gave, by their ids."""

    texts: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Question:
    """One request."""

    turns: tuple
    system: str | None = None
    tools: tuple[Tool, ...] = ()
    # auto, required, or the name of a tool
    choice: str | None = None
    # whether several tools may be called at once; None: the protocol's default
    parallel: bool | None = None
    stops: tuple[str, ...] = ()
    cap: int = 512
    schema: dict | None = None
    thinking: bool = False
    # members of the body in the protocol's own words
    more: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """What came back, in no protocol's words."""

    text: str
    calls: tuple[Call, ...]
    # stop, stop_sequence, length, tools or refusal
    end: str
    # tokens; None where nothing is told
    input: int | None
    output: int | None
    thought: str
    # the names of the request's fields that the gateway says it left out
    dropped: tuple[str, ...]

    def called(self):
        """The calls without their ids, which differ between providers."""
        return [(call.name, call.arguments) for call in self.calls]


def ask(text, **more):
    """A question of one turn."""
    return Question(turns=(Said(text),), **more)


def scripted(script, text="hello", **more):
    """A question to the simulator's model `sim`, whose first line steers it."""
    return ask(f"sim: {script}\n{text}", **more)


def picture(width=2, height=2):
    """The bytes of a small black picture."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = zlib.compress((b"\0" + b"\0" * width) * height)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def data_url(data):
    """A picture as OpenAI's protocols take it."""
    return "data:image/png;base64," + base64.b64encode(data).decode()


def form(**properties):
    """A schema of an object with all of these properties and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


WEATHER = Tool(
    "get_weather",
    "The weather in a city",
    form(city={"type": "string"}, days={"type": "integer"}),
)
TIME = Tool("get_time", "The time in a city", form(city={"type": "string"}))
PERSON = form(name={"type": "string"}, age={"type": "integer"})
