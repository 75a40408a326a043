"""Models: the passports of the folder, what each says, and the commands that hand a model on."""

from __future__ import annotations

import shlex

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from bailee.party.loss_words import words_of
from bailee.party.papers import paper_named, papers
from bailee.server.console.context import party_of
from bailee.server.console.rendering import render

_MOST = 200


def models(request: Request) -> Response:
    found = list(papers(party_of(request).path))
    return render(request, "models.html", {"models": found[:_MOST], "more": max(0, len(found) - _MOST)})


def model(request: Request) -> Response:
    paper = paper_named(party_of(request).path, request.path_params["model"])
    folder = shlex.quote(str(paper.folder))
    party = party_of(request)
    own = paper.builder == party.public.public_key.hex()
    commands = [
        ("verify", True, f"bailee verify {folder}"),
        ("predict", paper.revealed, f"bailee predict {folder} ROWS.csv"),
        ("release", own, f"bailee release {folder} --out RELEASE --home {shlex.quote(str(party.path))}"),
        ("export", paper.revealed, f"bailee export {folder} --onnx model.onnx"),
    ]
    facts = {
        "paper": paper, "loss": words_of(paper.epsilon, paper.delta),
        "commands": [(kind, command) for kind, works, command in commands if works],
    }  # fmt: skip
    return render(request, "model.html", facts)


ROUTES: list[BaseRoute] = [Route("/models", models), Route("/models/{model}", model)]
