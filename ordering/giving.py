"""One order from what a person wants to what became of it: drafted, read here, compared, shown, approved, followed.

The shell around the pure parts: every look at console, keys and clock is made here. Nothing is signed before
`read_line` and `check_wanted` let the line pass. Flow: `giving_words.py`, `order_words.py` -> here.
"""

import asyncio
import os
import time
import webbrowser
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from ordering.asking import Console
from ordering.drafts import ENDED, Draft
from ordering.following import follow
from ordering.keys import PersonalKey
from ordering.page_serving import listen, serve
from ordering.page_steps import Approving
from ordering.reading import ReadOrder, printable, read_line
from ordering.refusal import DONE, SAYS_NO, OrderingError, RefusedError, UnreachedError
from ordering.showing import Row, danger, does, names_row, rows, when
from ordering.signing import sign_with_file
from ordering.terminal import Terminal
from ordering.wanted import Wanted, check_wanted
from protocol.ids import is_id
from protocol.texts import Said, said
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

TOLD_AFTER_S: Final = 1.0
"""Whatever takes longer says what it waits for."""

YES: Final = frozenset({"yes", "是"})
"""A whole word: a slip of one key approves nothing."""


@dataclass(frozen=True, kw_only=True)
class How:
    """How an order is to be approved, and whether it is followed."""

    keys: Sequence[PersonalKey] = ()
    page: bool = False
    port: int = 0
    opens: bool = False
    wait: bool = True


@dataclass(frozen=True, kw_only=True)
class Hand:
    """What an order is given with."""

    console: Console
    terminal: Terminal
    now: Callable[[], datetime] = lambda: datetime.now(UTC).astimezone()
    clock: Callable[[], float] = time.monotonic
    pause: Callable[[float], None] = time.sleep
    random: Callable[[int], bytes] = os.urandom


def give(hand: Hand, wanted: Wanted, how: How) -> int:
    """Draft what is wanted, approve it, tell what becomes of it; the exit code."""
    draft = hand.console.draft(wanted.asked())
    read = read_line(draft.exact_line())
    check_wanted(read, wanted, draft.id, does(read.args))
    tell_order(hand, read, draft)
    if not how.keys and not how.page:
        hand.terminal.line(
            said("Drafted, and approved by nobody yet. Next step: branchwatch order approve {id}", id=draft.id)
        )
        hand.terminal.result(as_data(draft, read))
        return DONE
    return _through(hand, read, draft, how)


def approve(hand: Hand, order: str, how: How) -> int:
    """Show an order that stands at the centre, and approve it if the person wants to; the exit code."""
    draft, read = look(hand, order)
    tell_order(hand, read, draft)
    if draft.state != "draft":
        raise RefusedError(
            N_("order {id} takes no approvals any more: it is {state}"), id=order, state=state_said(draft.state)
        )
    if how.keys and hand.terminal.asks(said("Approve this order? Type yes:")).lower() not in YES:
        hand.terminal.line(said("Not approved. Nothing was signed."))
        return SAYS_NO
    return _through(hand, read, draft, how)


def look(hand: Hand, order: str) -> tuple[Draft, ReadOrder]:
    """An order at the centre, and its line read here.

    Raises:
        RefusedError: its line cannot be shown whole, or is another order's.
    """
    draft = hand.console.order(order)
    read = read_line(draft.exact_line())
    if not order == draft.id == read.order.id:
        raise RefusedError(N_("the centre answers with another order than {id}; nothing was signed"), id=order)
    return draft, read


def tell_order(hand: Hand, read: ReadOrder, draft: Draft) -> None:
    """The order in words: what its line says, then what only the centre says."""
    texts, terminal = hand.terminal.texts, hand.terminal
    terminal.line(said("{site} · {does}", site=read.site or read.order.box, does=does(read.args)))
    terminal.line(danger(read.args)[1])
    names = _names(hand, read, draft)
    told = [row.told(texts) for row in (*names, *rows(read, hand.now()), *_of_the_centre(hand, read, draft))]
    for name, value in told:
        terminal.line(said("  {name}: {value}", name=name, value=value))


def tell_end(hand: Hand, draft: Draft, read: ReadOrder) -> int:
    """What became of it, in a sentence; the exit code."""
    why = outcome_said(draft)
    what = does(read.args)
    sentences: Mapping[str, Said] = {
        "executed": said("Done: {does}", does=what),
        "refused": said("The box answers: {why}", why=why),
        "withdrawn": said("It was withdrawn: {does}", does=what),
        "stale": said("It is too old, and no box will obey it any more. Give the order again."),
        "sent": said("The box has not answered yet. Look again with: branchwatch order show {id}", id=draft.id),
        "draft": said("It still waits for an approval: branchwatch order approve {id}", id=draft.id),
    }
    hand.terminal.line(sentences.get(draft.state, said("It is {state} now.", state=printable(draft.state, 32))))
    hand.terminal.result(as_data(draft, read))
    return DONE if draft.state == "executed" else SAYS_NO


def outcome_said(draft: Draft) -> str:
    """The reason, in the centre's words or the box's word."""
    if draft.outcome is None:
        return "-"
    reason = draft.outcome.facts.get("reason", "")
    return printable(draft.outcome.said or str(reason) or draft.outcome.kind, 500)


def state_said(state: str) -> Said | str:
    """A state as a person reads it."""
    words: Mapping[str, Said] = {
        "draft": said("waiting for approvals"),
        "sent": said("sent to the box"),
        "executed": said("executed"),
        "refused": said("refused"),
        "withdrawn": said("withdrawn"),
        "stale": said("too old"),
    }
    return words.get(state, printable(state, 32))


def as_data(draft: Draft, read: ReadOrder) -> dict[str, Any]:
    """For a program; `site`, `box`, `action` and `args` are those of the line."""
    return {
        "id": draft.id,
        "site": read.site or draft.site,
        "box": read.order.box,
        "action": read.order.action,
        "args": read.order.args,
        "by": read.order.by,
        "at": read.order.at,
        "digest": read.digest.hex(),
        "state": draft.state,
        "needed": draft.needed,
        "approved": list(draft.people),
        "stale_at": draft.stale_at,
        "outcome": None if draft.outcome is None else {"kind": draft.outcome.kind, "facts": draft.outcome.facts},
    }


def _through(hand: Hand, read: ReadOrder, draft: Draft, how: How) -> int:
    """Approve, and follow what becomes of it."""
    after = _with_page(hand, read, draft, how) if not how.keys else _with_files(hand, read, draft, how.keys)
    if after is None:
        hand.terminal.result(as_data(draft, read))
        return SAYS_NO
    if after.state == "draft":
        missing = max(1, after.needed - len(after.people))
        text = said(
            "People who must approve it too: {count}. For each: branchwatch order approve {id}",
            count=missing,
            id=after.id,
        )
        hand.terminal.line(text)
    if not how.wait:
        hand.terminal.result(as_data(after, read))
        return DONE
    return tell_end(hand, _followed(hand, after), read)


def _with_files(hand: Hand, read: ReadOrder, draft: Draft, keys: Sequence[PersonalKey]) -> Draft:
    after = draft
    for key in keys:
        if after.state != "draft":
            break  # enough people have approved
        approval = sign_with_file(read, key, draft.keys)
        after = hand.console.approve(approval)
        hand.terminal.line(
            said("Approved with {path} as {person}.", path=key.path, person=printable(approval.person, 64))
        )
    return after


def _with_page(hand: Hand, read: ReadOrder, draft: Draft, how: How) -> Draft | None:
    listeners = listen(how.port)
    try:
        centre = tuple(_of_the_centre(hand, read, draft))
        names = _names(hand, read, draft)
        steps = Approving(
            read=read, draft=draft, names=names, centre=centre, now=hand.now, approve=hand.console.approve
        )
        in_time = asyncio.run(serve(steps, listeners, hand.random, _shows(hand, how)))
    finally:
        for each in listeners:
            each.close()
    if not in_time:
        raise RefusedError(N_("nobody approved on the page within ten minutes; nothing was signed"))
    if steps.after is None:
        hand.terminal.line(said("Not approved. Nothing was signed."))
    return steps.after


def _shows(hand: Hand, how: How) -> Callable[[str], None]:
    def show(address: str) -> None:
        hand.terminal.line(said("Open this page in your browser; it opens once: {address}", address=address))
        if how.opens:
            webbrowser.open(address)

    return show


def _followed(hand: Hand, draft: Draft) -> Draft:
    def tell(now: Draft, passed: float) -> None:
        if passed >= TOLD_AFTER_S:
            hand.terminal.progress(_waiting(now), int(passed))

    try:
        after = follow(draft, hand.console.order, clock=hand.clock, pause=hand.pause, tell=tell)
    except UnreachedError:
        raise UnreachedError(
            N_(
                "the console does not answer any more, and the order goes its way without it; look later with: "
                "{command}"
            ),
            command=f"branchwatch order show {draft.id}",
        ) from None
    if after.state in ENDED:
        hand.terminal.clear()
    return after


def _waiting(draft: Draft) -> Said:
    if draft.state == "draft":
        return said(
            "Waiting for people to approve: {count} of {needed} so far", needed=draft.needed, count=len(draft.people)
        )
    return said("Waiting for the box")


def _of_the_centre(hand: Hand, read: ReadOrder, draft: Draft) -> Iterator[Row]:
    """What nobody but the centre says, and what nothing depends on."""
    if draft.site and draft.site != read.site:
        yield Row(name=said("Site"), value=printable(draft.site, 64), centre=True)
    yield Row(name=said("People needed"), value=str(draft.needed), centre=True)
    if draft.people:
        yield Row(name=said("Approved already"), value=printable(", ".join(draft.people), 200), centre=True)
    if draft.stale_at:
        yield Row(name=said("Too old at"), value=when(printable(draft.stale_at, 32), hand.now()), centre=True)


def _names(hand: Hand, read: ReadOrder, draft: Draft) -> tuple[Row, ...]:
    """What the centre calls what the order names; without names an order is shown all the same."""
    site = read.site or draft.site
    if not is_id(site):
        return ()
    try:
        points = hand.console.points(site)
    except OrderingError:
        return ()
    row = names_row(read.args, {each.id: printable(each.name, 64) for each in points if each.name})
    return () if row is None else (row,)
