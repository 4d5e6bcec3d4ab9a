import asyncio
from math import ceil
from typing import Any

import anthropic
import openai
import pytest
from anthropic.types import Message
from openai.types.chat import ChatCompletion

from orchkit.testing import LoopbackServer


async def _ask_openai(server: LoopbackServer, **more: Any) -> ChatCompletion:
    async with openai.AsyncOpenAI(
        base_url=server.openai_url,
        api_key="canary",
        max_retries=0,
        http_client=openai.DefaultAioHttpClient(),
    ) as client:
        messages: list[Any] = [{"role": "user", "content": "What is 2 + 2?"}]
        reply: ChatCompletion = await client.chat.completions.create(
            model="gpt-4o-mini", messages=messages, **more
        )
        return reply


async def _ask_anthropic(server: LoopbackServer, **more: Any) -> Message:
    async with anthropic.AsyncAnthropic(
        base_url=server.anthropic_url,
        api_key="canary",
        max_retries=0,
        http_client=anthropic.DefaultAioHttpClient(),
    ) as client:
        messages: list[Any] = [{"role": "user", "content": "What is 2 + 2?"}]
        options: dict[str, Any] = {"max_tokens": 50, **more}
        reply: Message = await client.messages.create(
            model="claude-haiku-4-5", messages=messages, **options
        )
        return reply


def test_openai_gets_an_answer_and_pays_what_the_hand_computes(server: LoopbackServer) -> None:
    """OpenAI's client parses the reply strictly, and usage, book and hand calculation agree."""
    reply = asyncio.run(_ask_openai(server))
    ChatCompletion.model_validate(reply.to_dict(), strict=True)
    text = reply.choices[0].message.content
    assert text is not None
    assert reply.usage is not None
    bought, written = ceil(14 / 4) + 4, ceil(len(text) / 4)
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (bought, written)
    assert reply.usage.total_tokens == bought + written
    assert reply.choices[0].finish_reason == "stop"
    assert server.book().billed_nano == bought * 150 + written * 600


def test_anthropic_gets_an_answer_and_pays_what_the_hand_computes(server: LoopbackServer) -> None:
    """Anthropic's client parses the reply strictly, and usage, book and hand calculation agree."""
    reply = asyncio.run(_ask_anthropic(server))
    Message.model_validate(reply.to_dict(), strict=True)
    block = reply.content[0]
    assert block.type == "text"
    bought, written = ceil(14 / 4) + 4, ceil(len(block.text) / 4)
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (bought, written)
    assert reply.stop_reason == "end_turn"
    assert server.book().billed_nano == bought * 1000 + written * 5000


def test_the_default_transports_work_too(server: LoopbackServer) -> None:
    """Both synchronous clients get their answers over httpx2."""
    first = openai.OpenAI(base_url=server.openai_url, api_key="canary")
    second = anthropic.Anthropic(base_url=server.anthropic_url, api_key="canary")
    messages: list[Any] = [{"role": "user", "content": "hi"}]
    with first, second:
        first.chat.completions.create(model="gpt-4o-mini", messages=messages)
        second.messages.create(model="claude-haiku-4-5", messages=messages, max_tokens=9)
    assert [entry.wire for entry in server.book().entries] == ["openai", "anthropic"]


def test_openai_is_cut_at_the_limit(server: LoopbackServer) -> None:
    """An answer over max_completion_tokens is cut, says so and bills no more."""
    reply = asyncio.run(_ask_openai(server, max_completion_tokens=2))
    assert reply.choices[0].finish_reason == "length"
    assert reply.usage is not None
    assert reply.usage.completion_tokens == 2
    assert server.book().entries[0].output_tokens == 2


def test_anthropic_is_cut_at_the_limit(server: LoopbackServer) -> None:
    """An answer over max_tokens is cut, says so and bills no more."""
    reply = asyncio.run(_ask_anthropic(server, max_tokens=2))
    assert reply.stop_reason == "max_tokens"
    assert reply.usage.output_tokens == server.book().entries[0].output_tokens == 2


def test_anthropic_pays_for_its_system_prompt(server: LoopbackServer) -> None:
    """The system prompt is billed as a message of its own."""
    asyncio.run(_ask_anthropic(server, system="Be brief!!!!"))
    assert server.book().entries[0].input_tokens == ceil((14 + 12) / 4) + 2 * 4


def test_logprobs_are_given_when_asked_for(server: LoopbackServer) -> None:
    """The log-probabilities spell the answer, are the same twice and absent unless asked for."""
    first, second = (asyncio.run(_ask_openai(server, logprobs=True)) for _ in range(2))
    ChatCompletion.model_validate(first.to_dict(), strict=True)
    logprobs = first.choices[0].logprobs
    assert logprobs is not None
    assert logprobs.content is not None
    assert "".join(each.token for each in logprobs.content) == first.choices[0].message.content
    assert all(bytes(each.bytes or ()).decode() == each.token for each in logprobs.content)
    assert logprobs == second.choices[0].logprobs
    assert asyncio.run(_ask_openai(server)).choices[0].logprobs is None


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("400", "BadRequestError"),
        ("401", "AuthenticationError"),
        ("403", "PermissionDeniedError"),
        ("404", "NotFoundError"),
        ("409", "ConflictError"),
        ("422", "UnprocessableEntityError"),
        ("429-hour", "RateLimitError"),
        ("500", "InternalServerError"),
        ("503", "InternalServerError"),
        ("529", "InternalServerError"),
        ("reset-middle", "APIConnectionError"),
    ],
)
def test_both_clients_know_the_errors(server: LoopbackServer, fault: str, error: str) -> None:
    """Each refusal is raised as the class that the vendor gave it."""
    server.script([fault] * 2)
    with pytest.raises(getattr(openai, error)):
        asyncio.run(_ask_openai(server))
    with pytest.raises(getattr(anthropic, error)):
        asyncio.run(_ask_anthropic(server))


def test_both_clients_tell_an_empty_account_from_a_busy_one(server: LoopbackServer) -> None:
    """A quota that is used up carries the vendor's code for it."""
    server.script(["429-quota"] * 2)
    with pytest.raises(openai.RateLimitError) as first:
        asyncio.run(_ask_openai(server))
    with pytest.raises(anthropic.RateLimitError) as second:
        asyncio.run(_ask_anthropic(server))
    assert first.value.code == "insufficient_quota"
    assert second.value.error_code == "enforced_spend_limit_reached"


def test_refusals_and_tool_calls_parse_strictly(server: LoopbackServer) -> None:
    """Answers without a text still have the shape that the vendors define."""
    names = ["refusal", "tool-call", "length"]
    server.script(names * 2)
    ours = [asyncio.run(_ask_openai(server)) for _ in names]
    theirs = [asyncio.run(_ask_anthropic(server)) for _ in names]
    for chat in ours:
        ChatCompletion.model_validate(chat.to_dict(), strict=True)
    for message in theirs:
        Message.model_validate(message.to_dict(), strict=True)
    assert [chat.choices[0].finish_reason for chat in ours] == ["stop", "tool_calls", "length"]
    assert ours[0].choices[0].message.refusal
    assert [message.stop_reason for message in theirs] == ["refusal", "tool_use", "max_tokens"]
