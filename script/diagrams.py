"""Draws docs/diagrams from the code: layers, errors, roles and calls, the life of a row. Run it where one changed.

A test draws them anew and compares. Each is one SVG that knows light and dark, with a title and a description.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape
from importlib import import_module
from pathlib import Path
from typing import Any

from bailee import errors
from bailee.errors import BaileeError
from bailee.server.api.application import RESOURCES
from bailee.server.api.callers import Role
from bailee.server.api.problems import status_of
from bailee.server.api.routes import Call, DeclaredRoute

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs/diagrams"
STYLE = """
svg.bailee{--ink:#0f172a;--soft:#475569;--line:#94a3b8;--box:#f1f5f9;--mark:#0f5f70;--fill:#d5e9ed;--page:#ffffff}
@media(prefers-color-scheme:dark){
svg.bailee{--ink:#e2e8f0;--soft:#a3b3c6;--line:#64748b;--box:#1e293b;--mark:#7dd3e0;--fill:#134652;--page:#0f172a}}
svg.bailee text{fill:var(--ink);font:14px Helvetica,Arial,sans-serif}
svg.bailee .small{fill:var(--soft);font-size:12px}
svg.bailee .strong{font-weight:bold}
svg.bailee .code{font-family:ui-monospace,Menlo,Consolas,monospace;font-size:13px}
svg.bailee .box{fill:var(--box);stroke:var(--line)}
svg.bailee .stage{fill:var(--fill);stroke:var(--mark)}
svg.bailee .line{fill:none;stroke:var(--line);stroke-width:1.5}
svg.bailee .arrow{fill:var(--line)}
svg.bailee .dot{fill:var(--mark)}
svg.bailee .ring{fill:none;stroke:var(--mark);stroke-width:2}
svg.bailee .page{fill:var(--page)}
"""


@dataclass
class Drawing:
    """Shapes one after another, in pixels from the upper left."""

    name: str
    title: str
    told: str
    width: int
    shapes: list[str] = field(default_factory=list)

    def box(self, x: float, y: float, width: float, height: float, kind: str = "box") -> None:
        self.shapes.append(f'<rect class="{kind}" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="6"/>')

    def text(self, x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> None:
        more = (f' class="{kind}"' if kind else "") + (f' text-anchor="{anchor}"' if anchor != "start" else "")
        self.shapes.append(f'<text{more} x="{x:g}" y="{y:g}">{escape(words)}</text>')

    def line(self, path: str) -> None:
        self.shapes.append(f'<path class="line" d="{path}"/>')

    def right(self, x: float, y: float, length: float) -> None:
        """An arrow to the right."""
        self.line(f"M{x:g} {y:g}H{x + length - 6:g}")
        self.shapes.append(f'<path class="arrow" d="M{x + length:g} {y:g}l-9 -5v10z"/>')

    def down(self, x: float, y: float, length: float) -> None:
        self.line(f"M{x:g} {y:g}V{y + length - 6:g}")
        self.shapes.append(f'<path class="arrow" d="M{x:g} {y + length:g}l-5 -9h10z"/>')

    def svg(self, height: float) -> str:
        title, told = f"{self.name}-title", f"{self.name}-told"
        begin = f'<svg xmlns="http://www.w3.org/2000/svg" class="bailee" viewBox="0 0 {self.width} {height:g}" '
        lines = [
            f'{begin}role="img" aria-labelledby="{title} {told}">',
            f'<title id="{title}">{escape(self.title)}</title>',
            f'<desc id="{told}">{escape(self.told)}</desc>',
            f"<style>{STYLE}</style>",
            f'<rect class="page" width="{self.width}" height="{height:g}"/>',
            *self.shapes,
            "</svg>",
        ]
        return "\n".join(lines) + "\n"


def must(holds: bool, why: str) -> None:
    if not holds:
        raise SystemExit(f"script/diagrams.py: {why}")


def contracts() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    return found


def layers() -> list[list[str]]:
    """Rooms of each layer, the highest first, as the contract has them."""
    found = next(contract for contract in contracts() if contract["type"] == "layers")["layers"]
    split = [layer.replace("|", ":").split(":") for layer in found]
    return [[room.strip(" ()").removeprefix("bailee.") for room in rooms] for rooms in split]


def stages() -> list[str]:
    found = next(contract for contract in contracts() if contract["type"] == "independence")["modules"]
    return [str(name).removeprefix("bailee.") for name in found]


def draw_layers() -> str:
    rooms, life = layers(), set(stages())
    words = "; below it ".join(", ".join(layer) for layer in rooms)
    told = f"From above: {words}. A room imports only rooms below it; the stages, in colour, never import one another."
    made = Drawing("layers", "The rooms of bailee, and who may import whom", told, 960)
    y = 16.0
    for place, layer in enumerate(rooms):
        width = min(150.0, (900 - 8 * (len(layer) - 1)) / len(layer))
        x = (960 - width * len(layer) - 8 * (len(layer) - 1)) / 2
        for room in layer:
            made.box(x, y, width, 40, "stage" if room in life else "box")
            made.text(x + width / 2, y + 25, room, "code", "middle")
            x += width + 8
        if place + 1 < len(rooms):
            made.down(480, y + 42, 20)
        y += 64
    made.text(480, y + 8, "imports run downward only; the coloured stages never import one another", "small", "middle")
    return made.svg(y + 24)


def draw_errors() -> str:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, BaileeError)]

    def below(kind: type[BaileeError], depth: int) -> Iterator[tuple[type[BaileeError], int]]:
        yield kind, depth
        for inner in kinds:
            if inner.__mro__[1] is kind:
                yield from below(inner, depth + 1)

    found = list(below(BaileeError, 0))
    told = ", ".join(f"{kind.__name__} under {kind.__mro__[1].__name__}" for kind, depth in found if depth)
    made = Drawing("errors", "The tree of errors", f"BaileeError is the root; {told}.", 720)
    made.text(470, 22, "exit code", "small", "middle")
    made.text(590, 22, "HTTP status", "small", "middle")
    last: dict[int, float] = {}
    for place, (kind, depth) in enumerate(found):
        x, y = 16 + 36 * depth, 34 + 30 * place
        made.box(x, y, 250, 24, "stage" if depth < 2 else "box")
        made.text(x + 12, y + 17, kind.__name__, "strong" if depth < 2 else "")
        if depth:
            made.line(f"M{x - 20} {last[depth - 1]:g}V{y + 12}H{x}")
        last[depth] = y + 24
        made.text(470, y + 17, str(kind.exit_code), "code", "middle")
        made.text(590, y + 17, str(status_of(kind("x"))), "code", "middle")
    return made.svg(34 + 30 * len(found) + 12)


def draw_roles() -> str:
    called: dict[str, list[tuple[str, str, Call]]] = {}
    for resource in RESOURCES:
        for route in resource.routes.routes:
            if not isinstance(route, DeclaredRoute):
                raise SystemExit(f"{route} declares no roles")
            group = route.call.operation.split(".")[0]
            called.setdefault(group, []).append((min(route.methods or ()), route.path, route.call))
    roles = [Role(name) for name in ("consumer", "verifier", "builder", "owner")]
    must(set(roles) == set(Role), "there are other roles than it draws")
    rows = [row for group in sorted(called) for row in called[group]]
    told = "; ".join(
        f"{method} {path}: {', '.join(role.value for role in roles if role in call.roles)}"
        for method, path, call in rows
    )
    made = Drawing("roles", "Who may make which call of the HTTP API", told, 860)
    columns = {"anybody": 470.0} | {role.value: 550.0 + 80 * place for place, role in enumerate(roles)}
    for name, x in columns.items():
        made.text(x, 24, name, "strong", "middle")
    y, before = 34.0, ""
    for method, path, call in rows:
        if (now := call.operation.split(".")[0]) != before:
            made.line(f"M16 {y + 3:g}H840")
            before = now
            y += 8
        made.text(16, y + 17, method, "small")
        made.text(76, y + 17, path, "code")
        for name, x in columns.items():
            if call.anybody or (name != "anybody" and Role(name) in call.roles):
                kind = "dot" if call.access == "write" else "ring"
                made.shapes.append(f'<circle class="{kind}" cx="{x:g}" cy="{y + 12:g}" r="6"/>')
        y += 24
    made.text(16, y + 20, "ring: reads    disc: writes    anybody: without signing in", "small")
    return made.svg(y + 34)


LIFE = (
    ("seal", "owner", "commits to rows, encrypts them, proves them valid", "records.card.Card"),
    ("own", "owner", "shows whose it was first, and what is near it", "records.fingerprint.Fingerprint"),
    ("grant", "owner", "allows one builder one plan, for a time and a loss", "records.grant.Grant"),
    ("train", "builder, owners", "noisy sums round by round, and a proof of each", "records.passport.Passport"),
    ("verify", "anybody", "recomputes every link, offline", "verify.statement.ProvenStatement"),
    ("prove", "builder", "what a hidden model answers, how well it does", "records.inference.Evaluation"),
    ("release", "builder", "the model for others' tools, signed", "release.folder.Release"),
    ("settle", "consumer", "one payment, one answer; to all holders by share", "settle.till.Sale"),
)
"""Stage, who acts, what happens, and the class of what goes on from there."""


def draw_life() -> str:
    must({stage for stage, *_ in LIFE} == set(stages()), "LIFE has other stages than the contract")
    for *_, gives in LIFE:
        module, _, name = f"bailee.{gives}".rpartition(".")
        must(hasattr(import_module(module), name), f"LIFE names {gives}, which is no more")
    told = " ".join(f"{stage}: {who}: {what}; from there goes on: {gives}." for stage, who, what, gives in LIFE)
    made = Drawing("life", "The life of a row, from its owner to the money it earns", told, 860)
    made.text(110, 22, "stage, and who acts", "small")
    made.text(300, 22, "what happens", "small")
    made.text(700, 22, "what goes on from there", "small")
    for place, (stage, who, what, gives) in enumerate(LIFE):
        y = 34 + 62 * place
        made.box(100, y, 170, 44, "stage")
        made.text(114, y + 19, stage, "code strong")
        made.text(114, y + 36, who, "small")
        made.text(300, y + 27, what)
        made.right(640, y + 22, 50)
        made.text(700, y + 27, gives.rpartition(".")[2], "code")
        if place + 1 < len(LIFE):
            made.down(185, y + 45, 16)
    return made.svg(34 + 62 * len(LIFE))


DRAWN = {"layers": draw_layers, "errors": draw_errors, "roles": draw_roles, "life": draw_life}


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, draw in DRAWN.items():
        (FOLDER / f"{name}.svg").write_text(draw(), "utf-8")


if __name__ == "__main__":
    main()
