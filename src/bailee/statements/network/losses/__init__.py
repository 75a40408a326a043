"""The losses by name. One more is one more file and one more line here."""

from __future__ import annotations

from bailee.statements.network.losses.logistic import Logistic
from bailee.statements.network.losses.loss import Loss
from bailee.statements.network.losses.softmax import Softmax
from bailee.statements.network.losses.squared import Squared

LOSSES: dict[str, Loss] = {"logistic": Logistic(), "softmax": Softmax(), "squared": Squared()}
