# What scikit-learn, SciPy and a few lines of NumPy say of the predictions in metrics.golden.json, and those predictions.
# Run with: /usr/bin/python3 scripts/golden-metrics.py > tests/trainer.tests/Evaluation/metrics.golden.json   (Debian's python3-sklearn)
import json
import sys

import numpy as np
import scipy
import sklearn
from scipy.optimize import brentq
from scipy.special import expit, logit
from scipy.stats import binomtest, norm, t
from sklearn import metrics

BINS = 15


def probabilities(logits, classes):
    z = logits.astype(np.float64)
    if classes == 2:
        z = np.concatenate([np.zeros_like(z), z], 1)
    e = np.exp(z - z.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def calibration_error(y, p):
    confidence, right = p.max(1), p.argmax(1) == y
    bins = np.ceil(confidence * BINS).astype(int)
    return sum(abs(confidence[bins == b].mean() - right[bins == b].mean()) * (bins == b).mean() for b in range(BINS + 1) if (bins == b).any())


def temperature(y, logits, classes):
    z = logits.astype(np.float64)
    z = np.concatenate([np.zeros_like(z), z], 1) if classes == 2 else z

    def slope(inverse):
        p = np.exp(inverse * (z - z.max(1, keepdims=True)))
        p /= p.sum(1, keepdims=True)
        return ((p * z).sum(1) - z[np.arange(len(y)), y]).mean()

    return 1 / brentq(slope, 1 / 20, 1 / 0.05, xtol=1e-14, rtol=1e-14) if slope(1 / 0.05) > 1e-12 * abs(z).max() and slope(1 / 20) < 0 else None


def area_interval(value, variances, sizes, degrees_known):
    # In log-odds; Student's distribution with Welch and Satterthwaite's degrees of freedom for one class.
    variance = sum(variances)
    if value <= 0 or value >= 1 or variance <= 0:
        return None
    uncertainty = sum(v**2 / (n - 1) for v, n in zip(variances, sizes) if n > 1) if degrees_known else 0
    reach = t.ppf(0.975, variance**2 / uncertainty) if uncertainty > 0 else norm.ppf(0.975)
    ends = expit(logit(value) + np.array([-1, 1]) * reach * np.sqrt(variance) / (value * (1 - value)))
    return ends.tolist()


def moves(area, truth, scores):
    # How much a row moves an area: scikit-learn's own figure, as the weight of the row changes.
    step, result = 1e-4, np.zeros(len(truth))
    for i in range(len(truth)):
        up, down = np.ones(len(truth)), np.ones(len(truth))
        up[i] += step
        down[i] -= step
        result[i] = (area(truth, scores, sample_weight=up) - area(truth, scores, sample_weight=down)) / (2 * step)
    value = area(truth, scores)
    for side in (True, False):
        rows = (truth == side).sum()
        if rows > 1:
            result[truth == side] *= np.sqrt(rows / (rows - 1))
        elif side or area is metrics.roc_auc_score:
            result[truth == side] = np.sqrt(value * (1 - value))
    return result


def area_intervals(area, y, p, classes):
    # Of each class, then of what stands for all.
    of, total, values = [], np.zeros(len(y)), []
    for c in range(classes):
        truth = y == c
        positives, negatives = int(truth.sum()), int((~truth).sum())
        if positives == 0 or (negatives == 0 and area is metrics.roc_auc_score):
            of.append(None)
            continue
        value = area(truth, p[:, c])
        d = moves(area, truth, p[:, c]) if negatives else np.zeros(len(y))
        values.append(value)
        total += d
        if area is metrics.roc_auc_score and value in (0, 1):
            ends = binomtest(round(value * min(positives, negatives)), min(positives, negatives)).proportion_ci(method="wilson")
            of.append([float(ends.low), float(ends.high)])
        else:
            of.append(area_interval(value, [(d[truth] ** 2).sum(), (d[~truth] ** 2).sum()], [positives, negatives], True))
    mean = area_interval(np.mean(values), [(total**2).sum() / len(values) ** 2], [], False) if values else None
    return {"perClass": of, "overall": of[1] if classes == 2 else mean}


def thresholds(y, p):
    # Over every cut that roc_curve knows; counts, because equally good thresholds are many.
    if len(set(y)) < 2:
        return None
    fpr, tpr, _ = metrics.roc_curve(y, p[:, 1], drop_intermediate=False)
    found, false_alarms = np.rint(tpr * (y == 1).sum()), np.rint(fpr * (y == 0).sum())
    precision, recall, _ = metrics.precision_recall_curve(y, p[:, 1])
    f1 = np.divide(2 * precision * recall, precision + recall, out=np.zeros_like(recall), where=precision + recall > 0)
    enough = found >= 0.95 * (y == 1).sum()
    return {
        "bestF1": f1.max(),
        "falseAlarmsAtRecall95": int(false_alarms[enough].min()),
        "leastCost1To5": int((false_alarms + 5 * ((y == 1).sum() - found)).min()),
    }


def judge(logits, y, classes):
    p = probabilities(logits, classes)
    decided = p.argmax(1)
    present = sorted(set(y.tolist()))
    per_class = dict(zip(("precision", "recall", "f1", "rows"), metrics.precision_recall_fscore_support(y, decided, labels=range(classes), zero_division=0)))
    macro = metrics.precision_recall_fscore_support(y, decided, labels=present, average="macro", zero_division=0)
    auc = [float(metrics.roc_auc_score(y == c, p[:, c])) if 0 < (y == c).sum() < len(y) else None for c in range(classes)]
    ap = [float(metrics.average_precision_score(y == c, p[:, c])) if c in present else None for c in range(classes)]

    def overall(of):
        known = [v for v in of if v is not None]
        return of[1] if classes == 2 else float(np.mean(known)) if known else None

    if len(present) == classes > 2:
        assert abs(overall(auc) - metrics.roc_auc_score(y, p, multi_class="ovr", average="macro")) < 1e-12
    return {
        "loss": metrics.log_loss(y, p, labels=range(classes)),
        "accuracy": metrics.accuracy_score(y, decided),
        "auc": overall(auc),
        "averagePrecision": overall(ap),
        "ece": calibration_error(y, p),
        "macro": {"precision": macro[0], "recall": macro[1], "f1": macro[2]},
        "confusion": metrics.confusion_matrix(y, decided, labels=range(classes)).tolist(),
        "perClass": [
            {"rows": int(per_class["rows"][c]), "auc": auc[c], "averagePrecision": ap[c]}
            | {name: float(per_class[name][c]) if c in present else None for name in ("precision", "recall", "f1")}
            for c in range(classes)
        ],
        "aucIntervals": area_intervals(metrics.roc_auc_score, y, p, classes),
        "averagePrecisionIntervals": area_intervals(metrics.average_precision_score, y, p, classes),
        "temperature": temperature(y, logits, classes),
        "thresholds": thresholds(y, p) if classes == 2 else None,
    }


def draw(seed, rows, classes, signal, step=None, without=None, never=None, distinct=None):
    random = np.random.default_rng(seed)
    y = random.integers(0, classes, rows)
    if without is not None:
        y = random.choice([c for c in range(classes) if c != without], rows)
    if classes == 2:
        z = random.normal(0, 1.5, (rows, 1)) + signal * (2 * y[:, None] - 1)
    else:
        z = random.normal(0, 1.5, (rows, classes))
        z[np.arange(rows), y] += signal
    if distinct is not None:
        # Whole rows alike: the same values in another order of the classes add up to other last bits, here as there.
        z = z[np.arange(rows) % distinct]
    if never is not None:
        z[:, never] -= 30
    z = np.round(z / step) * step if step else np.round(z, 4)
    return z.astype(np.float32), y, classes


CASES = {
    "two classes": draw(1, 200, 2, 1.0),
    "two classes, many ties": draw(2, 120, 2, 0.8, step=1),
    "two classes, one of them without rows": draw(3, 30, 2, 1.0, without=0),
    "two classes, worse than chance": draw(4, 60, 2, -0.7),
    "two classes, every row right": draw(5, 40, 2, 12.0),
    "four classes": draw(6, 150, 4, 1.5),
    "four classes, many ties": draw(7, 90, 4, 1.0, distinct=23),
    "four classes, one of them without rows": draw(8, 80, 4, 1.5, without=2),
    "four classes, one of them never decided for": draw(9, 80, 4, 1.5, never=3),
    "one row": draw(10, 1, 3, 1.0),
    "twelve classes of few rows": draw(11, 30, 12, 1.0),
}

cases = [
    {"name": name, "classes": classes, "labels": y.tolist(), "logits": [float(str(v)) for v in z.ravel()]} | {"expected": judge(z, y, classes)}
    for name, (z, y, classes) in CASES.items()
]
source = f"scripts/golden-metrics.py with scikit-learn {sklearn.__version__}, SciPy {scipy.__version__}, NumPy {np.__version__}, Python {sys.version.split()[0]}"
print("{\n" + f'"source": {json.dumps(source)},\n"cases": [')
print(",\n".join(json.dumps(case) for case in cases))
print("]\n}")
