"""A builder's way to the owners it knows: their cards fetched, requests sent, answers fetched and checked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from bailee.adapters.api_client import Client
from bailee.errors import BaileeError, NotFoundError, RecordError, SessionError
from bailee.grant import open_card
from bailee.party.asking import asked, take_answer
from bailee.party.home import PartyHome
from bailee.party.remotes import Remote, remotes
from bailee.party.requested import ASKED, Asked, find
from bailee.records import Card, Signed
from bailee.records.request import GIVEN


@contextmanager
def reached(party: PartyHome, remote: Remote) -> Iterator[Client]:
    """The remote's server, as this party's key. Nothing is sent before the first call."""
    with Client(remote.url, remote.identity.public_key, party.identity, remote.ca) as client:
        yield client


def card_at(client: Client, name: str, owner: bytes) -> Signed[Card]:
    """The card of a dataset there, signed by `owner` (raw, 32 bytes). Its proof is not looked at."""
    return open_card(client.card(name), owner)


def send(client: Client, party: PartyHome, request_id: str, now: datetime) -> Asked:
    """Send a request that is kept here, and take what was answered already. May be repeated."""
    mine = find(party, ASKED, request_id, now)
    client.ask(mine.request.envelope)
    return look(client, party, request_id, now)


def look(client: Client, party: PartyHome, request_id: str, now: datetime) -> Asked:
    """What has become of a request at its owner's; an answer is checked and kept. NotFoundError where it is not there.

    What is answered already is not asked again.
    """
    mine = find(party, ASKED, request_id, now)
    if mine.answer is not None:
        return mine
    told = client.asked(request_id)
    said = told.get("answer_record")
    if said is None:
        return mine
    if not isinstance(said, str):
        raise RecordError("the server's answer_record is no text; expected a signed answer")
    grant = client.grant(str(told.get("grant"))) if told.get("state") == GIVEN else None
    return take_answer(party, request_id, said.encode("utf-8", "replace"), grant, now)


def look_at_all(party: PartyHome, now: datetime) -> tuple[list[Asked], dict[str, str]]:
    """All that this party asked for, newest first, after asking each remote that has something open; and what went
    wrong, by the remote's name. One that never arrived is sent again."""
    wrong: dict[str, str] = {}
    waiting = [one for one in asked(party, now) if one.state == "open"]
    for remote in remotes(party.path):
        mine = [one for one in waiting if one.request.record.owner == remote.identity.public_key.hex()]
        if mine:
            wrong |= _look_there(party, remote, mine, now)
    return asked(party, now), wrong


def _look_there(party: PartyHome, remote: Remote, mine: list[Asked], now: datetime) -> dict[str, str]:
    """What went wrong there: one request that is refused keeps no other from being looked at."""
    wrong: list[str] = []
    with reached(party, remote) as client:
        for one in reversed(mine):  # in the order they were asked
            try:
                try:
                    look(client, party, one.id, now)
                except NotFoundError:
                    send(client, party, one.id, now)
            except SessionError as error:
                wrong.append(str(error))
                break  # nobody is there: the next would wait as long
            except BaileeError as error:
                wrong.append(f"{one.id[:8]}: {error}")
    return {remote.name: "; ".join(dict.fromkeys(wrong))} if wrong else {}
