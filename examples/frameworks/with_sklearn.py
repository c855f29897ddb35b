"""scikit-learn: each candidate of a search is a run inside the search's."""

from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.tree import DecisionTreeClassifier

from tracklib import tracking
from tracklib.integrations.sklearn import log_search

with tracking(output_run="runs/sklearn") as t:
    search = GridSearchCV(DecisionTreeClassifier(), {"max_depth": [1, 2, 3, 4]}, cv=5, n_jobs=2)
    search.fit(*load_iris(return_X_y=True))
    log_search(t, search)
