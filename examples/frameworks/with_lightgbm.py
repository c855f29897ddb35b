"""LightGBM: boosted trees on scikit-learn's breast cancer data."""

import lightgbm
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

from tracklib import tracking
from tracklib.integrations.lightgbm import TracklibCallback

x, x_test, y, y_test = train_test_split(*load_breast_cancer(return_X_y=True), random_state=0)
with tracking(output_run="runs/lightgbm"):
    model = lightgbm.LGBMClassifier(n_estimators=30, verbose=-1)
    callbacks = [TracklibCallback(), lightgbm.early_stopping(3)]
    model.fit(x, y, eval_set=[(x_test, y_test)], callbacks=callbacks)
