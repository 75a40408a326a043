# %% [markdown]
# # Two clinics, a model, and somebody who doubts it
# Cells by `# %%`: open it in VS Code or PyCharm, or in Jupyter with Jupytext. It runs as a program as well.
# Rows are made up. Everything goes into the folder `notebook` of where it runs.

# %%
import numpy as np
import pandas as pd

import bailee

random = np.random.default_rng(7)


def patients(count: int) -> pd.DataFrame:
    """Illness grows with age, and noise."""
    age = random.integers(20, 90, count)
    ill = age + random.normal(0, 8, count) > 55
    return pd.DataFrame({"age": age, "sex": random.choice(["f", "m"], count), "ill": ill})


# %% [markdown]
# ## The owners
# Keys and a folder each. Run again, the same parties are opened: keys are never replaced.

# %%
aachen = bailee.init("Aachen", "notebook/aachen")
bern = bailee.init("Bern", "notebook/bern")
print(aachen)

# %% [markdown]
# A schema is public. A draft from rows is to be looked at: bounds that come from rows tell of the rows.

# %%
draft = bailee.schema_of(patients(100), label="ill", name="clinic")
print(draft)

# %%
schema = draft.known("age", min=0, max=120).known("sex", categories=["f", "m"]).accept()
for clinic, count in ((aachen, 240), (bern, 200)):
    if not clinic.datasets():
        print(clinic.seal(patients(count), schema))

# %% [markdown]
# ## The builder
# Each owner grants exactly this plan: its digest is in the grant.

# %%
maker = bailee.init("Maker", "notebook/maker")
plan = bailee.plan(
    text="""
name = "illness-by-age"
purpose = "an example"
label = "ill"
rounds = 5
learning_rate = 1
[privacy]
epsilon = 4
delta = 0.00001
"""
)
grants = [clinic.grant("clinic", maker, plan) for clinic in (aachen, bern)]
print(grants[0])

# %%
passport = maker.train(plan, owners=grants, test=patients(200), schema=schema)
print(passport)

# %% [markdown]
# ## The verifier
# Offline, trusting nobody: it holds, or an error names the link that does not.

# %%
statement = bailee.passport(passport.file).verify()
print(statement)

# %%
print(passport.predict(patients(5)))

# %% [markdown]
# ## Later on
# What it cost, and an end to it.

# %%
for one in grants:
    print(one.id, one.state)
aachen.revoke(grants[0])
print(aachen.status())
