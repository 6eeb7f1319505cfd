"""`src/trigger/agent.ts`: an AI agent calls tools and waits for them; a tool may be an agent itself.

Families of these runs are up to seven levels deep.
"""

from random import Random

from tui.emulator.demo_tasks.samples import (
    FETCH,
    LOCALES,
    TICKS,
    bad_deploy,
    between,
    broken,
    custom,
    error,
    own,
    pick,
    skewed_ms,
    stack,
    thrown_text,
)
from tui.emulator.simulation.script import (
    Call,
    Child,
    Failure,
    Item,
    Json,
    Log,
    Script,
    SetMetadata,
    Span,
    Start,
    Task,
    Work,
)

FILE = "src/trigger/agent.ts"
TOOLS = ("search-docs", "run-sql", "fetch-url", "lookup-order", "run-python")
QUESTIONS = (
    "Why was order 218403 charged twice?",
    "Summarise the open incidents of this week as a table.",
    "我的退款什么时候到账？",
    "Which customers on the starter plan would save money on pro?",
    "Schreib eine freundliche Absage an den Lieferanten.",
)
MAX_LEVEL = 2
"""An agent at this level calls no further agent."""

_MODEL = (own("complete", "lib/model.ts", 73, 17), own("run", "trigger/agent.ts", 49, 22))
_OVERLOADED = stack(
    "APIError.generate (file:///app/node_modules/openai/src/core/error.ts:98:14)",
    "OpenAI.makeStatusError (file:///app/node_modules/openai/src/client.ts:461:28)",
    TICKS,
    *_MODEL,
)
_TOOL = stack(
    own("runTool", "lib/tools.ts", 140, 11), "async Promise.race (index 0)", own("run", "trigger/agent.ts", 96, 20)
)
_URL = stack(*FETCH, own("fetchUrl", "lib/tools.ts", 88, 22), own("run", "trigger/agent.ts", 96, 20))

TOOL_BUG = bad_deploy(
    "tools.allowed is not iterable",
    stack(own("toolsOf", "lib/tools.ts", 22, 30, is_async=False), own("run", "trigger/agent.ts", 90, 17)),
)

_SYSTEM = {"role": "system", "content": "You are the support agent of Acme. Be brief. " * 30}
_MEMORY = {"role": "assistant", "content": "Earlier we spoke about invoices, refunds and the migration. " * 60}


def _conversation(random: Random) -> Json:
    return {
        "conversation": between(random, 100_000, 1_000_000),
        "level": 0,
        "model": "large-2026-05",
        "messages": [_SYSTEM, _MEMORY, {"role": "user", "content": pick(random, QUESTIONS)}],
        "locale": pick(random, LOCALES),
    }


def _agent_turn(call: Call) -> Script:
    random, request = call.random, call.payload
    number, level = request["conversation"], request["level"]
    thinking = Log("INFO", f"turn of conversation {number}", {"level": level, "messages": len(request["messages"])})
    outcome = number % 1000
    if outcome < 20 or (outcome < 70 and call.attempt == 1):
        failure = error("529 overloaded_error: the model is overloaded, try again later", _OVERLOADED, "APIError")
        return Script((Work(skewed_ms(random, 500, 4_000), (thinking,)),), throws=failure)
    items: list[Item] = [Work(between(random, 2_000, 12_000), (thinking, _completion(random)))]
    tokens = between(random, 800, 9_000)
    for step in range(1, between(random, 2, 5)):
        tool = pick(random, TOOLS)
        items.append(SetMetadata({"status": f"calling {tool}", "steps": step}))
        use = {"tool": tool, "call": between(random, 100_000, 1_000_000), "level": level}
        items.append(Start((Child("agent-tool", use, (f"tool:{tool}",)),), is_awaited=True))
        items.append(Work(skewed_ms(random, 1_000, 14_000), (_completion(random),)))
    usage = {"meter": "tokens", "units": tokens}
    answering = Work(skewed_ms(random, 400, 5_000), (Log("INFO", "streaming the answer", {"tokens": tokens}),))
    items += (Start((Child("log-usage", usage, ("meter:tokens",)),)), answering)
    items.append(SetMetadata({"status": "done", "tokens": tokens}))
    return Script(tuple(items), {"answer": "Done. Here is what I found: …", "tokens": tokens, "citations": []})


def _completion(random: Random) -> Span:
    tokens = between(random, 100, 4_000)
    return Span(
        "model.complete", 0.85, _STREAMING, {"usage": {"input": tokens, "output": tokens // 7}, "temperature": 0.2}
    )


_STREAMING = (Span("stream", 0.9, (Log("DEBUG", "first token"), Log("INFO", "stop_reason: tool_use"))),)


def _use(random: Random) -> Json:
    return {"tool": pick(random, TOOLS), "call": between(random, 100_000, 1_000_000), "level": 0}


def _agent_tool(call: Call) -> Script:
    random, use = call.random, call.payload
    tool, number, level = use["tool"], use["call"], use["level"]
    calling = Log("INFO", f"{tool} #{number}", use)
    if call.bug:
        return broken(call, calling)
    outcome, work = number % 100, Work(skewed_ms(random, 200, 8_000), (calling,))
    failure = _tool_failure(outcome, call.attempt, tool, number)
    if failure is not None:
        return Script((work,), throws=failure)
    items: tuple[Item, ...] = (work,)
    if outcome < 30 and level < MAX_LEVEL:
        delegated = {**_DELEGATED, "conversation": number, "level": level + 1}
        items = (work, Start((Child("agent-turn", delegated, ("subagent",)),), is_awaited=True), Work(120))
    elif outcome < 50:
        items = (work, Start((Child("log-usage", {"meter": tool, "units": 1}),)))
    return Script(items, {"tool": tool, "result": [{"score": 0.92, "text": "…"}, None]})


_DELEGATED = {"model": "small-2026-05", "messages": [_SYSTEM], "locale": "en"}


def _tool_failure(outcome: int, attempt: int, tool: str, number: int) -> Failure | None:
    if outcome < 3:
        message = f'Tool "{tool}" did not answer call {number} within {(1 + number % 8) * 1000} ms'
        return custom("ToolTimeoutError", message, _TOOL, cause="tool did not answer")
    if outcome < 5:
        return thrown_text(f"tool {tool} is not allowed for conversation {number}", f"{tool} is not allowed")
    if outcome < 12 and attempt == 1:
        return error("fetch failed", _URL, "TypeError")
    return None


def _usage(random: Random) -> Json:
    return {"meter": pick(random, TOOLS), "units": between(random, 1, 5_000)}


def _log_usage(call: Call) -> Script:
    usage = call.payload
    line = Log("INFO", f"{usage['meter']} += {usage['units']}")
    return Script((Work(between(call.random, 30, 160), (line,)),))


AGENT_TASKS = (
    Task("agent-turn", _agent_turn, FILE, weight=1.5, payload=_conversation, machine="small-2x"),
    Task("agent-tool", _agent_tool, FILE, payload=_use, max_attempts=2),
    Task("log-usage", _log_usage, FILE, payload=_usage, machine="micro", max_attempts=1),
)
AGENT_BUGS = (("agent-tool", TOOL_BUG),)
