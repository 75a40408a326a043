"""Training with all weights committed: one trainer holds granted data of several owners, chunks are proved on the way.

plan      reads plan.toml                  holding   what a trainer holds, and where it runs
run       trains, proves, resumes          folder    the files a killed run comes back to
engine    the statement leaned on          coins     whoever draws the public half of the noise
"""

from bailee.train.model.holding import ModelHolding, ModelSetting
from bailee.train.model.plan import model_plan_from_toml, read_model_plan
from bailee.train.model.run import ModelRun, train_model

__all__ = [
    "ModelHolding", "ModelRun", "ModelSetting", "model_plan_from_toml", "read_model_plan",
    "train_model",
]  # fmt: skip
