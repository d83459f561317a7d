#!/usr/bin/env python3
"""Out-of-fold probabilities of scikit-learn's logistic regression, for OutOfFoldTests.

    /usr/bin/python3 make_outoffold_goldens.py > outoffold.golden.json

Features are written beside them; C = 1 / n gives the penalty 1/2 |w|^2 beside a mean loss.
"""
import json
import sys

import numpy as np
from sklearn.linear_model import LogisticRegression

ROWS, WIDTH, CLASSES, FOLDS = 60, 4, 3, 5
state = 12345


def draw():
    global state
    state = (state * 1103515245 + 12345) % 2**31
    return state / 2**31


x = np.array([[draw() for _ in range(WIDTH)] for _ in range(ROWS)])
y = np.arange(ROWS) % CLASSES
x[np.arange(ROWS), y] += 0.5
z = (x - x.mean(0)) / x.std(0)
folds = (np.arange(ROWS) // CLASSES) % FOLDS
p = np.zeros((ROWS, CLASSES))
for fold in range(FOLDS):
    learns = folds != fold
    p[~learns] = LogisticRegression(C=1 / learns.sum(), tol=1e-10, max_iter=10000).fit(z[learns], y[learns]).predict_proba(z[~learns])
json.dump({"features": x.round(9).tolist(), "probabilities": p.round(6).tolist()}, sys.stdout)
