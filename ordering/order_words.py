"""`branchwatch order list|show|approve|withdraw`: orders that stand at the centre.

Flow: command.py -> here -> giving.py.
"""

from argparse import Namespace

from ordering.drafts import Draft
from ordering.giving import How, approve, as_data, look, outcome_said, state_said, tell_order
from ordering.reading import printable, read_line
from ordering.refusal import DONE, OrderingError
from ordering.showing import does
from ordering.terminal import Terminal
from ordering.words import console_of, hand_of, how_of, order_named, takes_console, takes_keys
from protocol.texts import Said, Texts, said
from protocol.words import Words


def add_order_words(words: Words) -> None:
    """Teach `order` its words about orders that are there."""
    say = words.say
    listed = words.add(
        "list",
        say("the newest orders"),
        say("The newest orders that you may see, what each line says, and how they stand."),
        "branchwatch order list --console https://desk.bank.example --token-file token",
        _list,
    )
    takes_console(listed, say)

    show = words.add(
        "show",
        say("one order in full"),
        say("One order as its own line says it, what only the centre says marked so, and what became of it."),
        "branchwatch order show 0193a5f2-7c1e-7b6a-9a0d-5d1f3e2c4b6a",
        _show,
    )
    show.add_argument("order", metavar="ID", help=say("the order's id"))
    takes_console(show, say)

    yes = words.add(
        "approve",
        say("approve an order that somebody drafted"),
        say(
            "Shows what the order's own line says, on a page of this machine where a security key approves it, or here "
            "in the terminal with --key. Ask whoever drafted it before you approve what you did not ask for."
        ),
        "branchwatch order approve 0193a5f2-7c1e-7b6a-9a0d-5d1f3e2c4b6a",
        _approve,
    )
    yes.add_argument("order", metavar="ID", help=say("the order's id"))
    takes_keys(yes, say)
    takes_console(yes, say)

    withdraw = words.add(
        "withdraw",
        say("take an order back that still waits"),
        say("Takes an order back that was not sent yet. What a box has carried out needs an order of its own."),
        "branchwatch order withdraw 0193a5f2-7c1e-7b6a-9a0d-5d1f3e2c4b6a",
        _withdraw,
    )
    withdraw.add_argument("order", metavar="ID", help=say("the order's id"))
    takes_console(withdraw, say)


def _list(arguments: Namespace, say: Texts) -> int:
    _, console = console_of(arguments)
    with console:
        orders = console.orders()
    terminal = Terminal(texts=say, as_json=arguments.json)
    for each in orders:
        terminal.line(_row(each, say))
    if not orders:
        terminal.line(said("There are no orders that you may see."))
    terminal.result([_data(each) for each in orders])
    return DONE


def _show(arguments: Namespace, say: Texts) -> int:
    _, console = console_of(arguments)
    with console:
        hand = hand_of(arguments, console, say)
        draft, read = look(hand, order_named(arguments.order))
        tell_order(hand, read, draft)
        hand.terminal.line(said("It is: {state}", state=state_said(draft.state)))
        if draft.outcome is not None:
            hand.terminal.line(said("What the box reported: {said}", said=outcome_said(draft)))
        hand.terminal.result(as_data(draft, read))
    return DONE


def _approve(arguments: Namespace, say: Texts) -> int:
    order = order_named(arguments.order)
    access, console = console_of(arguments)
    with console:
        how: How = how_of(arguments, access, say)
        return approve(hand_of(arguments, console, say), order, how)


def _withdraw(arguments: Namespace, say: Texts) -> int:
    order = order_named(arguments.order)
    _, console = console_of(arguments)
    with console:
        draft = console.withdraw(order)
    terminal = Terminal(texts=say, as_json=arguments.json)
    terminal.line(said("It is: {state}", state=state_said(draft.state)))
    terminal.result({"id": draft.id, "state": draft.state})
    return DONE


def _row(draft: Draft, say: Texts) -> str:
    state = state_said(draft.state)
    told = state.told(say) if isinstance(state, Said) else state
    return f"{draft.id}  {printable(draft.at or '', 24)}  {printable(draft.site, 32)}  {_what(draft).told(say)}  {told}"


def _what(draft: Draft) -> Said:
    try:
        return does(read_line(draft.exact_line()).args)
    except OrderingError:
        return said("(an order that this machine cannot read)")


def _data(draft: Draft) -> dict[str, object]:
    try:
        return as_data(draft, read_line(draft.exact_line()))
    except OrderingError:
        return {"id": draft.id, "site": draft.site, "state": draft.state, "readable": False}
