"""`bailee vault status, verify, repair, rebalance, work, log`: whether a vault is in order, and putting it in order."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Group

from bailee.adapters.files import read_bytes, write_atomic
from bailee.cli.face import DEFAULT_HOME, AsJson, Face, Home, command, facts_table
from bailee.cli.vault_face import Rate, bytes_words, columns, opened, parse_rate, when
from bailee.errors import LockedError, ProofError

_FAILED = 6
"""The exit code where something stays wrong that can be put right: that of storage."""


@command
def status(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Show how a vault is: what its stores hold, how many losses every object survives, what is still to do.

    Example: `bailee vault status`
    """
    from bailee.seal.vault.keep.health import health

    with opened(home) as vault:
        found, policy, (objects, length) = health(vault.keeping), vault.policy, vault.count()
        facts: dict[str, Any] = {
            "objects": objects, "bytes": length, "blobs": found.blobs, "code": str(policy.code),
            "survives": found.least, "blobs_by_survival": {str(key): value for key, value in found.survives.items()},
            "crowded": found.crowded, "tasks": dict(found.tasks), "deduplicates": vault.deduplicates,
            "stores": [vars(one) for one in found.stores],
        }  # fmt: skip
    rows = []
    for one in found.stores:
        audit = "" if one.audited is None else f"{when(one.audited)} {'passed' if one.passed else 'FAILED'}"
        state = one.problem or ("" if one.enabled else "off")
        rows.append((one.name, one.provider, one.region, str(one.fragments), bytes_words(one.bytes), audit, state))
    titles = ("store", "provider", "region", "fragments", "bytes", "last audit", "state")
    table = columns(titles, rows, right=(3, 4))
    tasks = ", ".join(f"{count} {kind}" for kind, count in found.tasks.items()) or "nothing"
    lines = {"objects": f"{objects}, {bytes_words(length)}", "code": f"any {policy.code}", "to do": tasks}
    lines["survives"] = _survival(found.least, found.crowded)
    Face(as_json).result(facts, Group(facts_table(lines), "", table))


@command
def verify(
    quick: Annotated[bool, typer.Option("--quick", help="Check the ends of fragments only, not every byte.")] = False,
    rate: Rate = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Read every fragment on every store and check it. What is wrong is queued for `repair`.

    Stopped, it goes on where it was. Blobs that wait for fresh keys, because a share of them was revoked, get them
    (not with --quick). Exit code 6 where something is wrong.

    Example: `bailee vault verify --rate 50MB`
    """
    from bailee.seal.vault.keep.scrubbing import scrub
    from bailee.seal.vault.share.rotation import Rotated, rotate_queued

    face = Face(as_json)
    with opened(home) as vault:
        done = scrub(vault.keeping, thorough=not quick, rate=parse_rate(rate))
        rotated = Rotated() if quick else rotate_queued(vault, rate=parse_rate(rate))
    facts = {"blobs": done.blobs, "fragments": done.fragments, "bytes": done.bytes, "wrong": done.wrong}
    facts["fresh_keys"] = len(rotated.blobs)
    wrong = ", ".join(f"{count} {what}" for what, count in done.wrong.items()) or "nothing"
    shown = {"blobs": done.blobs, "fragments": done.fragments, "read": bytes_words(done.bytes), "wrong": wrong}
    if rotated.blobs:
        shown["fresh keys"] = len(rotated.blobs)
    face.result({**facts, "stores": done.stores, "queued": done.queued}, facts_table(shown))
    if rotated.failed:
        face.say(f"{len(rotated.failed)} blobs wait for fresh keys: {rotated.failed[0][1]}")
    if done.wrong:
        if "unreachable" in done.wrong:
            face.say(
                "bring back the stores that do not answer, or replace them: bailee vault store add, then store drain"
            )
        if set(done.wrong) - {"unreachable"}:
            face.say("now: bailee vault repair")
        raise typer.Exit(_FAILED)


@command
def repair(rate: Rate = None, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Make fragments anew that are missing or wrong, from any k others. Opens nothing.

    Exit code 6 where some are left, or a store does not answer.

    Example: `bailee vault repair`
    """
    from bailee.seal.vault.keep.health import silent_stores
    from bailee.seal.vault.keep.repairing import repair as run

    face = Face(as_json)
    with opened(home) as vault:
        done, silent = run(vault.keeping, rate=parse_rate(rate)), silent_stores(vault.keeping)
    facts = {"blobs": done.blobs, "fragments": done.fragments, "read": done.read, "written": done.written}
    shown = {**facts, "read": bytes_words(done.read), "written": bytes_words(done.written), "left": len(done.left)}
    face.result({**facts, "left": done.left, "silent": silent}, facts_table(shown))
    for name, why in silent.items():
        face.say(
            f"{name} does not answer ({why}); what it holds was neither looked at nor made anew. Where it is gone for "
            f"good: bailee vault store add, then bailee vault store drain {name}"
        )
    _leave(face, list(done.left.values()), bool(silent))


@command
def rebalance(rate: Rate = None, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Move fragments to where the policy wants them, after stores joined or were switched off.

    Example: `bailee vault rebalance`
    """
    from bailee.seal.vault.keep.rebalancing import rebalance as run

    face = Face(as_json)
    with opened(home) as vault:
        done = run(vault.keeping, rate=parse_rate(rate))
    facts = {"blobs": done.blobs, "moved": done.moved, "rebuilt": done.rebuilt, "stuck": done.stuck}
    face.result({**facts, "read": done.read, "written": done.written, "problems": done.problems}, facts_table(facts))
    _leave(face, list(done.problems.values()) if done.stuck else [])


@command
def work(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Do all that is due: deletions that a store owed, repairs, fresh keys for what was revoked, purposes that ended.

    For a timer, once an hour or so. Exit code 6 where something has to wait.

    Example: `bailee vault work`
    """
    from bailee.seal.vault.keep.repairing import repair as run_repair
    from bailee.seal.vault.share.rotation import rotate_queued

    face = Face(as_json)
    waiting: list[str] = []
    with opened(home) as vault:
        try:
            expired = len(vault.expire().erasure.versions)
        except LockedError as error:  # the clock is not to be trusted; the rest does not hang on it
            expired = 0
            waiting.append(str(error))
        tidied, repaired, rotated = vault.tidy(), run_repair(vault.keeping), rotate_queued(vault)
    facts = {
        "erased": expired, "deleted": tidied.deleted, "orphans": tidied.orphans,
        "repaired": repaired.fragments, "fresh_keys": len(rotated.blobs), "deletions_waiting": tidied.waiting,
    }  # fmt: skip
    waiting += [f"{tidied.waiting} deletions wait for their stores"] if tidied.waiting else []
    waiting += [*repaired.left.values(), *(why for _, why in rotated.failed)]
    face.result({**facts, "waiting": waiting}, facts_table(facts))
    _leave(face, waiting)


@command
def log(
    limit: Annotated[int, typer.Option(help="How many.", min=1, max=100_000)] = 50,
    start: Annotated[int | None, typer.Option(help="Those from this entry on, not the newest.", min=0)] = None,
    reverse: Annotated[bool, typer.Option("--reverse", help="The oldest first.")] = False,
    head: Annotated[
        Path | None, typer.Option(help="Write the log's signed head here: who keeps it can check later.")
    ] = None,
    check: Annotated[
        Path | None, typer.Option(help="An older head: prove that history since then was only added to.")
    ] = None,
    whole: Annotated[
        bool, typer.Option("--whole", help="Compute the whole log again and compare with every signed head.")
    ] = False,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Show what happened in a vault, the newest first, and prove that the record was not rewritten.

    Names appear as keyed hashes. With --reverse alone it begins at the first entry there is.

    Example: `bailee vault log --head head.json`, and later `bailee vault log --check head.json`
    """
    from bailee.records import open_signed, parse, tree
    from bailee.records.tree_head import TreeHead

    face = Face(as_json)
    with opened(home) as vault:
        now = vault.head_of_log()
        facts: dict[str, Any] = {"size": now.record.size, "root": now.record.root}
        if whole:
            facts["computed"] = vault.journal.check()
        if check is not None:
            owner = vault.ground.keyring.identity.public_key
            old = open_signed(read_bytes(check, 1 << 20, "head of a log"), TreeHead, owner).record
            if old.vault != now.record.vault or old.size > now.record.size:
                raise ProofError(
                    f"{check} is the head of a log of {old.size} entries of vault {old.vault[:16]}..., this log has "
                    f"{now.record.size} of {now.record.vault[:16]}...: it was cut, or it is another vault's"
                )
            proof = vault.journal.consistency(old.size, now.record.size)
            roots = bytes.fromhex(old.root), bytes.fromhex(now.record.root)
            tree.check_consistency(old.size, roots[0], now.record.size, roots[1], proof)
            facts["consistent_with"] = {"size": old.size, "root": old.root, "proof": [one.hex() for one in proof]}
        first = start if start is not None else 0 if reverse else max(now.record.size - limit, 0)
        events = [(event.seq, parse(event.entry)) for event in vault.log(first, limit)]
    if not reverse:
        events.reverse()
    if head is not None:
        write_atomic(head, now.envelope)
        facts["head"] = str(head)
    told_all = [(seq, told if isinstance(told, dict) else {}) for seq, told in events]
    rows = [
        (str(seq), *(str(one.get(key, "")) for key in ("at", "event", "version")), str(one.get("name", ""))[:16])
        for seq, one in told_all
    ]
    table = columns(("entry", "at", "event", "version", "name"), rows, right=(0,))
    shown = {"entries": now.record.size, "root": now.record.root}
    shown |= {"checked": f"nothing before entry {old.size} was changed"} if check is not None else {}
    face.result({**facts, "events": [told for _, told in events]}, Group(facts_table(shown), "", table))


def _survival(least: int | None, crowded: int) -> str:
    if least is None:
        return "nothing is sealed yet"
    if least < 0:
        return "some objects cannot be read now: bring stores back"
    told = (
        f"the loss of any {least} more store{'s' * (least > 1)}"
        if least
        else "no further loss: repair, or bring stores back"
    )
    return told + (f"; {crowded} blobs would not survive the loss of one provider" if crowded else "")


def _leave(face: Face, problems: list[str], is_unfinished: bool = False) -> None:
    if problems:
        face.say(f"left for later: {'; '.join(dict.fromkeys(problems))[:1000]}")
    if problems or is_unfinished:
        raise typer.Exit(_FAILED)
