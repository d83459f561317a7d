# The golden values of MetricsTests.cs: the same predictions, judged by scikit-learn.
# Run with: /usr/bin/python3 tests/trainer.tests/Evaluation/sklearn_goldens.py   (Debian's python3-sklearn; values kept from 1.2.1)
import numpy as np
from sklearn.metrics import accuracy_score, confusion_matrix, log_loss, roc_auc_score


def logit(i, c, label):
    return ((i * (c * 13 + 37) + c * 29) % 61 - 30) / 8 + (1.25 if c == label else 0)


def binary(n=200):
    labels = [(i * i // 7) % 2 for i in range(n)]
    z = np.array([logit(i, 1, 1 if y else -1) for i, y in enumerate(labels)])
    p = 1 / (1 + np.exp(-z))
    return np.array(labels), np.stack([1 - p, p], 1)


def many(n=150, k=4):
    labels = [(i * i // 5 + i) % k for i in range(n)]
    z = np.array([[logit(i, c, y) for c in range(k)] for i, y in enumerate(labels)])
    e = np.exp(z - z.max(1, keepdims=True))
    return np.array(labels), e / e.sum(1, keepdims=True)


for name, (y, p) in {"binary": binary(), "many": many()}.items():
    auc = roc_auc_score(y, p[:, 1]) if p.shape[1] == 2 else roc_auc_score(y, p, multi_class="ovr", average="macro")
    print(name, "accuracy", repr(accuracy_score(y, p.argmax(1))), "loss", repr(log_loss(y, p)), "auc", repr(auc))
    print(confusion_matrix(y, p.argmax(1)).tolist())
