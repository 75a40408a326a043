"""Models as scikit-learn has them, trained privately and proved while they train: fit, predict, `passport_`.

    models.py      the estimators and their parameters     domain.py     arrays under public bounds
    estimator.py   plan, fit, answers of all of them       proven.py     sealing, granting, holding
    answers.py     classifiers and regressors              unproven.py   the same training without proof
    plan_file.py   a plan as the file that owners grant

Another face over the same functions as the command line; needs the extra `bailee[sklearn]`.
"""

try:
    import sklearn as _sklearn  # noqa: F401
except ImportError:
    raise ImportError('bailee.estimators needs scikit-learn; install it with: pip install "bailee[sklearn]"') from None

from bailee.errors import PrivacyWarning
from bailee.estimators.models import (
    PrivateLinearRegression,
    PrivateLogisticRegression,
    PrivateMLPClassifier,
    PrivateMLPRegressor,
    UnprotectedLinearRegression,
    UnprotectedLogisticRegression,
    UnprotectedMLPClassifier,
    UnprotectedMLPRegressor,
)
from bailee.estimators.plan_file import plan_toml

__all__ = [
    "PrivacyWarning",
    "PrivateLinearRegression",
    "PrivateLogisticRegression",
    "PrivateMLPClassifier",
    "PrivateMLPRegressor",
    "UnprotectedLinearRegression",
    "UnprotectedLogisticRegression",
    "UnprotectedMLPClassifier",
    "UnprotectedMLPRegressor",
    "plan_toml",
]
