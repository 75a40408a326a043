"""What `bailee work` does on a ledger, added to what it does without one (works.py)."""

from __future__ import annotations

from bailee.cli.deriving import derive
from bailee.cli.disputing import conclude, dispute, refund
from bailee.cli.registering import register
from bailee.cli.work_showing import list_command, show
from bailee.cli.works import app

__all__ = ["app"]

app.command("register")(register)
app.command("derive")(derive)
app.command("show")(show)
app.command("list")(list_command)
app.command("dispute")(dispute)
app.command("conclude")(conclude)
app.command("refund")(refund)
