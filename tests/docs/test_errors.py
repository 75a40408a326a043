"""A page for every error and for every problem of the API: its numbers are the code's, its examples what is printed."""

from __future__ import annotations

import ast
import json
import re
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api_world import World, make_parties
from bailee import errors
from bailee.errors import BaileeError
from bailee.server.api.problems import BASE, status_of
from commands import PLAN, app, give, make_world, run
from parties import make_cast, run_session

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs/errors"
KINDS = {name: kind for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, BaileeError)}
_RUN = re.compile(r"```console\n\$ bailee (.+?)\n(.*?)```", re.DOTALL)
_ASKED = re.compile(r"```http\n(\w+) (\S+)\n(.*?)```\n+```json\n(.*?)```", re.DOTALL)


def problems() -> dict[str, set[int]]:
    """Every name that the API gives a problem of its own, read from its code, with its statuses."""
    found: dict[str, set[int]] = {}
    for path in (ROOT / "src/bailee/server/api").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            pair: tuple[object, object] | None = None
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in {"ProblemError", "problem"}:
                pair = _constant(node.args[0]), _constant(node.args[1])
            if isinstance(node, ast.Dict):  # {404: ("NoSuchCall", ...)}
                for key, value in zip(node.keys, node.values, strict=True):
                    if isinstance(value, ast.Tuple) and isinstance(_constant(key), int):
                        found.setdefault(str(_constant(value.elts[0])), set()).add(int(str(_constant(key))))
            if pair is not None and isinstance(pair[0], int) and isinstance(pair[1], str):
                found.setdefault(pair[1], set()).add(pair[0])
    found["BadRequest"] = {400}  # what the framework cannot read; its status is the framework's
    return found


def _constant(node: ast.AST | None) -> object:
    return node.value if isinstance(node, ast.Constant) else None


PROBLEMS = problems()


def facts(name: str) -> dict[str, str]:
    """The page's table."""
    text = (PAGES / f"{name}.md").read_text("utf-8")
    return dict(re.findall(r"^\| ([^|]+?) \| ([^|]*?) \|$", text, re.MULTILINE))


def test_the_problems_are_found() -> None:
    assert {"NotSignedIn", "NoSuchCall", "BadShape", "InternalError", "TooLarge"} <= PROBLEMS.keys()
    assert PROBLEMS["TooManyStreams"] == {429, 503}
    assert not PROBLEMS.keys() & KINDS.keys()


@pytest.mark.parametrize("name", [*KINDS, *PROBLEMS])
def test_a_page_says_what_it_is(name: str) -> None:
    text = (PAGES / f"{name}.md").read_text("utf-8")
    assert text.startswith(f"# {name}\n")
    for part in ("\n## When it comes\n", "\n## For example\n", "\n## What to do\n"):
        assert text.count(part) == 1
    assert f"]({name}.md)" in (PAGES / "index.md").read_text("utf-8")


@pytest.mark.parametrize("name", KINDS)
def test_numbers_and_place_in_the_tree(name: str) -> None:
    kind, told = KINDS[name], facts(name)
    assert told["exit code of the command line"] == str(kind.exit_code)
    assert told["HTTP status of the API"] == str(status_of(kind("x")))
    parent = kind.__mro__[1].__name__
    assert told.get("is a kind of") == (f"[{parent}]({parent}.md)" if parent in KINDS else None)
    below = ", ".join(f"[{n}]({n}.md)" for n, k in KINDS.items() if k.__mro__[1] is kind)
    assert told.get("kinds of it", "") == below


@pytest.mark.parametrize("name", PROBLEMS)
def test_statuses_of_problems(name: str) -> None:
    assert facts(name)["HTTP status of the API"] == ", ".join(map(str, sorted(PROBLEMS[name])))


def test_no_page_is_of_nothing() -> None:
    pages = {path.stem for path in PAGES.glob("*.md")} - {"index"}
    assert pages == KINDS.keys() | PROBLEMS.keys()
    assert BASE == "https://bailee.dev/errors/"  # where the site puts these pages


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the examples find: an owner with three sealed rows and a vault, and things gone wrong beside it."""
    made = make_world(tmp_path_factory.mktemp("errors"), openings=3)
    home = made / "owner"
    (made / "bad.csv").write_text("age,sex,ill\n30,f,0\n140,m,1\n")
    (made / "zero.toml").write_text(PLAN.replace("rounds = 2", "rounds = 0"))
    (made / "other.toml").write_text(PLAN.replace('label = "ill"', 'label = "healthy"'))
    card = (home / "datasets/tiny/card.json").read_text()
    (made / "cut.json").write_text(card[:100])
    told = json.loads(card)
    signature = told["signatures"][0]["sig"]
    told["signatures"][0]["sig"] = ("B" if signature[0] == "A" else "A") + signature[1:]
    (made / "forged.json").write_text(json.dumps(told, sort_keys=True, separators=(",", ":")))
    shutil.copytree(home / "datasets/tiny", made / "changed")
    proof = bytearray((made / "changed/card.proof").read_bytes())
    proof[len(proof) // 2] ^= 1
    (made / "changed/card.proof").write_bytes(proof)
    for name, words in (("main.txt", "a passphrase of its own"), ("other.txt", "another passphrase")):
        (made / name).write_text(words)
        (made / name).chmod(0o600)
    grant = give(made)[1]["grant"]
    shutil.copytree(home, made / "waiting")
    Path(made / "grant.txt").write_text(grant)
    assert run("revoke", grant, "--home", home)[0] == 0
    for name in ("damaged", "emptied", "unmounted", "spent"):
        shutil.copytree(home, made / name)
    for vault in (home, made / "emptied", made / "unmounted"):  # each its own: a vault knows where its stores are
        assert run("vault", "init", "--home", vault)[0] == 0
        assert run("vault", "put", made / "rows.csv", "tables/rows.csv", "--home", vault)[0] == 0
    sealed = made / "damaged/datasets/tiny/rows.sealed"
    sealed.write_bytes(sealed.read_bytes()[:20])
    for store in ("b", "c"):
        for path in (made / "emptied/stores" / store).glob("??"):
            shutil.rmtree(path)
    shutil.rmtree(made / "unmounted/stores/c")
    assert run("vault", "lock", "tables/rows.csv", "2099-01-01", "--home", home)[0] == 0
    account = ("account", "new", "main", "--passphrase-file", made / "main.txt", "--home", home)
    assert run(*account)[0] == 0
    assert run("prove-rules", "tiny", "--out", made / "rule", "--home", made / "spent")[0] == 0
    outcome, said = run_session(make_cast(made / "session", sizes=(20,)))
    assert outcome is not None, said
    shutil.copytree(outcome.path.parent, made / "passport")
    attachment = max((made / "passport/attachments").iterdir(), key=lambda path: path.stat().st_size)
    attachment.write_bytes(attachment.read_bytes()[:-1] + b"!")
    return made


RUNS = [(path.stem, *found) for path in sorted(PAGES.glob("*.md")) for found in _RUN.findall(path.read_text("utf-8"))]


def test_most_errors_have_an_example_that_runs() -> None:
    shown = {"BaileeError", "PaymentError", "RevertError", "ProofFormatError"}  # they need a chain, or never come alone
    assert KINDS.keys() - {name for name, *_ in RUNS} == shown


@pytest.mark.parametrize(("name", "command", "expected"), RUNS, ids=[f"{n}-{c.split()[0]}" for n, c, _ in RUNS])
def test_examples_are_what_is_printed(
    name: str, command: str, expected: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "200")
    words = [(folder / "grant.txt").read_text() if word == "GRANT" else word for word in command.split()]
    done = CliRunner().invoke(app, words)
    kind = KINDS[expected.split(":")[0]]
    assert done.exit_code == kind.exit_code, (done.stdout, done.stderr)
    said = done.stderr[done.stderr.index(f"{kind.__name__}: ") :]
    pattern = ".*".join(map(re.escape, expected.strip().split("...")))
    assert re.fullmatch(pattern, said.strip(), re.DOTALL), f"the page has\n{expected}\nand what came is\n{said}"


ASKED = [
    (path.stem, *found) for path in sorted(PAGES.glob("*.md")) for found in _ASKED.findall(path.read_text("utf-8"))
]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = make_world(tmp_path_factory.mktemp("problems"))
    make_parties(made)
    return made


@pytest.mark.parametrize(("name", "method", "path", "more", "expected"), ASKED, ids=[found[0] for found in ASKED])
def test_problems_are_what_is_answered(
    name: str, method: str, path: str, more: str, expected: str, served: Path, tmp_path: Path
) -> None:
    head, _, body = more.strip().partition("\n\n")
    with World.open(served) as world:
        headers = dict(line.split(": ", 1) for line in head.split("\n") if line)
        if (who := re.search(r"<(\w+)'s token>", headers.get("Authorization", ""))) is not None:
            headers["Authorization"] = f"Bearer {world.token(who[1])}"
        again = 2 if name == "KeyReused" else 1  # first another request under that key
        if again == 2:
            world.client.post("/v1/grants", json=world.asked_grant(), headers=headers)
        answer = world.client.request(method, path, headers=headers, content=body.encode()).json()
    told = json.loads(expected)
    assert told.pop("instance").startswith("urn:bailee:request:")
    assert told == {name: value for name, value in answer.items() if name != "instance"}
    assert answer["type"] == BASE + name
