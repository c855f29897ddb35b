"""XGBoost: boosted trees on scikit-learn's breast cancer data."""

import xgboost
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

from tracklib.integrations.xgboost import TracklibCallback

x, x_test, y, y_test = train_test_split(*load_breast_cancer(return_X_y=True), random_state=0)
model = xgboost.XGBClassifier(
    n_estimators=30, early_stopping_rounds=3, callbacks=[TracklibCallback(output_run="runs/xgboost")]
)
model.fit(x, y, eval_set=[(x_test, y_test)], verbose=False)
