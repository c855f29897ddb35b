"""CatBoost: boosted trees on scikit-learn's breast cancer data."""

import catboost
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

from tracklib import tracking
from tracklib.integrations.catboost import TracklibCallback

x, x_test, y, y_test = train_test_split(*load_breast_cancer(return_X_y=True), random_state=0)
with tracking(output_run="runs/catboost") as t:
    model = catboost.CatBoostClassifier(iterations=30, verbose=False, allow_writing_files=False)
    model.fit(x, y, eval_set=(x_test, y_test), callbacks=[TracklibCallback()])
    t.log_params(model.get_all_params())
