"""Generated replies: what an upstream may say, as a plan, and the events that it makes through a ReplyBuilder.

A plan is a script of steps, so that parts may overlap as ``events`` allows, and so that the same reply can be told as
events here and on each wire (generated_streams.py). What a dialect can express is a `Range`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from support.dice import ARGUMENTS, Dice
from support.streams import Json

from wsgi_gateway.protocols.aliases import Aliases
from wsgi_gateway.protocols.conversation import Proof
from wsgi_gateway.protocols.errors import TABLE, ApiError
from wsgi_gateway.protocols.events import (
    Annotation,
    Event,
    FinishReason,
    PartKind,
    Search,
    Usage,
)
from wsgi_gateway.protocols.reply_builder import ReplyBuilder

PROVIDER = "prov"
"""The origin that ``support.events.translation`` gives to proofs."""

REASONS: tuple[FinishReason, ...] = (
    "stop",
    "length",
    "stop_sequence",
    "context_window",
    "content_filter",
    "pause",
)
CUT_SHORT = ("length", "context_window", "content_filter")


@dataclass(frozen=True)
class Range:
    """Which replies are drawn. The default is all that the events' promises allow."""

    kinds: tuple[PartKind, ...] = ("text", "tool_call", "reasoning", "refusal", "web_search")
    reasons: tuple[FinishReason, ...] = REASONS
    proofs: tuple[str, ...] = ("none", "signature", "encrypted", "details", "call")
    overlap: Literal["never", "calls", "any"] = "any"
    repeat_kinds: bool = True
    """Whether two texts, refusals or thoughts may follow each other."""
    one_of_each: bool = False
    """At most one part of each kind, in the order of ``kinds``, but any number of calls."""
    custom: bool = True
    namespaces: bool = True
    phases: bool = True
    new_messages: bool = True
    settled_messages: bool = False
    """Whether parts say of messages what output items can: see ``_settle_messages``."""
    annotations: bool = True
    documents: bool = True
    """Whether annotations may be of documents."""
    sources: bool = True
    logprobs: bool = True
    stop_sequences_told: bool = True
    explanations: bool = True
    failures: bool = True
    empty_parts: bool = True
    cut_calls: bool = True
    """Whether a limit may hit a call, whose arguments are no JSON then."""
    usage_always: bool = False
    service_tier: bool = True


EVERYTHING = Range()


@dataclass
class Said:
    """One part. ``pieces`` are its deltas, in order; annotations and logprobs go with the first one."""

    kind: PartKind
    pieces: list[str] = field(default_factory=list)
    id: str = ""
    name: str = ""
    custom: bool = False
    namespace: str | None = None
    starts_message: bool = False
    phase: str | None = None
    proof: Proof | None = None
    search: Search | None = None
    annotations: list[Annotation] = field(default_factory=list)
    logprobs: list[Json] | None = None
    complete: bool = True

    @property
    def text(self) -> str:
        return "".join(self.pieces)


Step = tuple[int, int | None]
"""A part and the number of its piece that is said now; None ends the part. A part starts with its first step."""


@dataclass
class Plan:
    parts: list[Said]
    steps: list[Step]
    reason: FinishReason
    usage: Usage | None = None
    stop_sequence: str | None = None
    explanation: str | None = None
    category: str | None = None
    failure: ApiError | None = None
    """With it the reply breaks off after the steps, some of which are missing then."""

    @property
    def text(self) -> str:
        """All that is said, in the order of the steps."""
        pieces = ((self.parts[part], piece) for part, piece in self.steps)
        return "".join(part.pieces[piece] for part, piece in pieces if piece is not None)

    def sequential(self) -> Plan:
        """The same, one part after the other."""
        return replace(self, steps=sorted(self.steps, key=lambda step: step[0]))


def draw_plan(dice: Dice, drawn: Range = EVERYTHING) -> Plan:
    """A reply of up to four parts."""
    reason = dice.pick(drawn.reasons)
    parts: list[Said] = []
    for _ in range(dice.below(5)):
        kinds = _kinds_after(parts, drawn)
        if kinds:
            parts.append(_draw_part(dice, dice.pick(kinds), len(parts), drawn))
    if drawn.cut_calls and reason in CUT_SHORT and parts and parts[-1].kind == "tool_call":
        _cut_short(parts[-1], dice)
    has_calls = any(part.kind == "tool_call" for part in parts)
    if drawn.settled_messages:
        _settle_messages(parts)
    plan = Plan(parts, _draw_steps(dice, parts, drawn.overlap), reason)
    if reason == "stop_sequence" and drawn.stop_sequences_told and not has_calls:
        plan.stop_sequence = "END"
    if reason == "content_filter" and drawn.explanations:
        plan.explanation, plan.category = dice.maybe("not that"), dice.maybe("cyber")
    if drawn.usage_always or dice.chance(2):
        plan.usage = _draw_usage(dice, drawn)
        plan.usage.web_searches = sum(part.kind == "web_search" for part in parts) or None
    if drawn.failures and dice.chance(4):
        kinds = tuple(TABLE)
        plan.failure = ApiError(dice.pick(kinds), dice.text())  # type: ignore[arg-type]
        plan.steps = plan.steps[: dice.below(len(plan.steps) + 1)]
    return plan


def _kinds_after(parts: list[Said], drawn: Range) -> tuple[PartKind, ...]:
    kinds = drawn.kinds
    if parts and drawn.one_of_each:
        kinds = kinds[kinds.index(parts[-1].kind) :]
    if parts and not drawn.repeat_kinds:
        kinds = tuple(k for k in kinds if k == "tool_call" or k != parts[-1].kind)
    return kinds


def _settle_messages(parts: list[Said]) -> None:
    """Neighbours may share a message; behind anything else another one begins."""
    messages: list[Said] = []
    for before, part in zip([None, *parts], parts, strict=False):
        if part.kind not in ("text", "refusal"):
            continue
        if not messages or before is not messages[-1]:
            part.starts_message = bool(messages)
        elif not part.starts_message:
            part.phase = messages[-1].phase
        messages.append(part)


def _draw_part(dice: Dice, kind: PartKind, number: int, drawn: Range) -> Said:
    part = Said(kind)
    match kind:
        case "tool_call":
            part.id, part.custom = f"call_{number}", drawn.custom and dice.chance(4)
            part.name = "apply_patch" if part.custom else dice.pick(("get_weather", "now"))
            text = dice.text() if part.custom else dice.pick(ARGUMENTS)
            part.pieces = dice.cut(text)
            if drawn.namespaces:
                part.namespace = dice.maybe("tools", 6)
        case "web_search":
            part.id = f"ws_{number}"
            sources = [{"url": "https://example.org/1", "title": "One"}] if drawn.sources else []
            part.search = Search(queries=dice.words(2), sources=sources[dice.below(2) :])
        case _:
            part.pieces = [] if drawn.empty_parts and dice.chance(8) else dice.words()
    if kind in ("text", "refusal"):
        part.starts_message = drawn.new_messages and dice.chance(4)
        part.phase = dice.pick((None, "commentary", "final_answer")) if drawn.phases else None
    if kind == "text" and part.pieces:
        _decorate(part, dice, drawn)
    if kind == "reasoning":
        part.proof = _draw_proof(dice, part, number, drawn)
    return part


def _decorate(part: Said, dice: Dice, drawn: Range) -> None:
    if drawn.annotations and dice.chance(4):
        part.annotations = [_annotation(part, drawn.documents and dice.chance(2))]
    if drawn.logprobs and dice.chance(4):
        word = part.pieces[0]
        token = {"token": word, "logprob": -0.5, "bytes": list(word.encode()), "top_logprobs": []}
        part.logprobs = [token]


def _annotation(part: Said, of_document: bool) -> Annotation:
    end = len(part.pieces[0])
    url = "https://example.org/1"
    if of_document:
        return Annotation(kind="document", file_id="file-1", title="t")
    return Annotation(kind="url", start=0, end=end, url=url, title="One")


def _draw_proof(dice: Dice, part: Said, number: int, drawn: Range) -> Proof:
    kind = dice.pick(drawn.proofs)
    if kind == "redacted":
        part.pieces = []
    value = "" if kind == "none" else f"{kind}-{number}+/=="
    if kind in ("details", "call"):
        value = '[{"type":"reasoning.text","text":"x","signature":"s"}]'
    item_id = f"rs_{number}" if kind == "encrypted" else None
    return Proof(kind=kind, value=value, item_id=item_id, origin=PROVIDER)  # type: ignore[arg-type]


def _cut_short(call: Said, dice: Dice) -> None:
    """A limit hit the call: its last characters never came."""
    if not call.custom and dice.chance(2):
        call.pieces = dice.cut(call.text.rstrip()[:-1])
        call.complete = False


def _draw_steps(dice: Dice, parts: list[Said], overlap: str) -> list[Step]:
    scripts: list[list[Step]] = [
        [*((number, piece) for piece in range(len(part.pieces))), (number, None)]
        for number, part in enumerate(parts)
    ]
    steps: list[Step] = []
    running: list[list[Step]] = []
    before: PartKind | None = None
    for script, part in zip(scripts, parts, strict=True):
        both_are_calls = part.kind == before == "tool_call"
        if overlap == "never" or (overlap == "calls" and not both_are_calls):
            steps += [step for other in running for step in other]
            running = []
        before = part.kind
        running.append(script)
        steps.append(script.pop(0))
        while (running := [other for other in running if other]) and dice.chance(2):
            steps.append(dice.pick(running).pop(0))
    return [*steps, *(step for other in running for step in other)]


def _draw_usage(dice: Dice, drawn: Range) -> Usage:
    read, written, reasoning = dice.below(9), dice.below(5), dice.below(7)
    usage = Usage(
        input=read + written + dice.below(200),
        output=reasoning + dice.below(200),
        cache_read=read,
        cache_write=written,
        reasoning=reasoning,
    )
    if drawn.service_tier:
        usage.service_tier = dice.pick(("default", "priority"))
    return usage


def events_of(plan: Plan) -> list[Event]:
    """The plan as a reader would tell it."""
    aliases = Aliases()
    builder = ReplyBuilder(aliases)
    indexes: dict[int, int] = {}
    if plan.steps or plan.failure is None:
        builder.start("gw1", "gw-model", plan.usage)
    for number, piece in plan.steps:
        part = plan.parts[number]
        if number not in indexes:
            indexes[number] = _open(builder, aliases, part)
        if piece is None:
            builder.close(indexes[number], part.proof, part.complete, search=part.search)
            continue
        first = piece == 0
        builder.delta(indexes[number], part.pieces[piece], part.logprobs if first else None)
        for annotation in part.annotations if first else ():
            builder.annotate(indexes[number], annotation)
    if plan.usage is not None:
        builder.set_usage(plan.usage)
    if plan.failure is not None:
        builder.fail(plan.failure)
    else:
        builder.finish(plan.reason, plan.stop_sequence, plan.explanation, plan.category)
    return builder.take()


def _open(builder: ReplyBuilder, aliases: Aliases, part: Said) -> int:
    if part.kind == "tool_call":
        name = aliases.tool(part.name, part.namespace, part.custom)
        return builder.open_call(part.id, name, custom=part.custom)
    return builder.open(
        part.kind, starts_message=part.starts_message, phase=part.phase, item_id=part.id
    )
