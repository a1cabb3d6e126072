"""Golden cases of the statistics, by scipy, statsmodels and scikit-learn: tests/golden/metric_statistics.json.

Student's t, McNemar's exact test, Holm's adjustment, and bootstraps: numpy draws the resamples (grouped
by text), this script hands the drawn counts to the golden file, and the scores of
each resample come from scikit-learn. Run it as metric_golden.py says.
"""
import json
import os
import warnings

import numpy as np
from scipy import stats
from sklearn import metrics
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

warnings.filterwarnings("ignore")
rng = np.random.default_rng(20240502)


def students():
    quantiles = [[p, df, float(stats.t.ppf(p, df))]
                 for df in (1, 1.7, 2, 3, 4, 5.5, 9, 30, 200, 1e4, 1e6)
                 for p in (0.0005, 0.025, 0.2, 0.4, 0.6, 0.9, 0.975, 0.9999)]
    tails = [[t, df, float(stats.t.cdf(t, df))]
             for df in (1, 2.3, 4, 17, 500, 1e5) for t in (-40, -6, -2, -0.3, 0, 0.01, 1, 3, 12)]
    return quantiles, tails


def mcnemars():
    pairs = [(0, 0), (0, 1), (1, 0), (3, 3), (0, 6), (5, 20), (40, 61), (300, 350), (2500, 2300), (7, 4000)]
    return [[b, c, float(mcnemar([[9, b], [c, 9]], exact=True).pvalue)] for b, c in pairs]


def holms():
    out = []
    for size in (1, 2, 5, 10, 45):
        p = rng.random(size) ** 4
        if size > 4:
            p[1] = p[2]
        out.append({"p": p.tolist(), "adjusted": multipletests(p, method="holm")[1].tolist()})
    return out


def score(gold, predicted, classes):
    return [metrics.accuracy_score(gold, predicted),
            metrics.f1_score(gold, predicted, labels=list(range(classes)), average="macro", zero_division=0)]


def bootstrap(rows, classes, runs, draws):
    """units are texts"""
    gold = rng.integers(0, classes, rows)
    first = np.arange(rows)
    for i in range(1, rows):
        if rng.random() < 0.15:
            first[i] = first[rng.integers(0, i)]
    predicted = np.where(rng.random((runs, rows)) < 0.6, gold, rng.integers(0, classes, (runs, rows)))
    units = [np.flatnonzero(first == u) for u in np.unique(first)]
    counts, scores = [], np.zeros((runs, 2, draws))
    for d in range(draws):
        drawn = np.bincount(rng.integers(0, len(units), len(units)), minlength=len(units))
        index = np.concatenate([np.tile(units[u], drawn[u]) for u in range(len(units))]).astype(int)
        for r in range(runs):
            scores[r, :, d] = score(gold[index], predicted[r][index], classes)
        counts.append(drawn.tolist())
    return {"classes": classes, "gold": gold.tolist(), "first_row": first.tolist(),
            "predicted": predicted.tolist(), "unit_counts": counts, "scores": scores.tolist(),
            "interval": np.quantile(scores, [0.025, 0.975], axis=2).transpose(1, 2, 0).tolist()}


def row_bootstrap():
    """scipy.stats.bootstrap itself, plain rows: its percentile interval from the resamples it draws"""
    gold = np.zeros(40, int)
    predicted = (rng.random(40) < 0.3).astype(int)
    drawn = np.random.default_rng(5).integers(0, 40, (300, 40))
    hits = 1.0 - predicted
    result = stats.bootstrap((hits,), np.mean, n_resamples=300, method="percentile", vectorized=True,
                             random_state=np.random.default_rng(5))
    counts = [np.bincount(row, minlength=40).tolist() for row in drawn]
    interval = [float(result.confidence_interval.low), float(result.confidence_interval.high)]
    assert np.allclose(np.quantile(hits[drawn].mean(axis=1), [0.025, 0.975]), interval)
    return {"classes": 2, "gold": gold.tolist(), "first_row": list(range(40)),
            "predicted": [predicted.tolist()], "unit_counts": counts, "interval": interval}


def differences():
    """Welch-Satterthwaite by hand in numpy, tail by scipy; the last pair's rows are below the floor"""
    out = []
    for seeds_a, seeds_b, gap, units in ((1, 1, 0.02, 471), (3, 3, 0.05, 20), (5, 2, 0.0, 300), (3, 1, 0.08, 7)):
        draws = 200
        base = rng.normal(0, 0.02, draws)
        a, b = rng.normal(0.6 + gap, 0.02, seeds_a), rng.normal(0.6, 0.01, seeds_b)
        boot_a = a[:, None] + base + rng.normal(0, 0.01, (seeds_a, draws))
        boot_b = b[:, None] + base + rng.normal(0, 0.01, (seeds_b, draws))
        variance = max(np.var(boot_a.mean(0) - boot_b.mean(0), ddof=1) * units / (units - 1), units ** -2)
        below = variance ** 2 / (units - 1)
        for x in (a, b):
            if len(x) > 1:
                part = np.var(x, ddof=1) / len(x)
                variance += part
                below += part ** 2 / (len(x) - 1)
        df = variance ** 2 / below
        value = a.mean() - b.mean()
        half = stats.t.ppf(0.975, df) * np.sqrt(variance)
        out.append({"a": a.tolist(), "b": b.tolist(), "units": units,
                    "boot_a": boot_a.tolist(), "boot_b": boot_b.tolist(),
                    "interval": [value - half, value + half],
                    "p": float(2 * stats.t.sf(abs(value) / np.sqrt(variance), df))})
    return out


def main():
    quantiles, tails = students()
    golden = {"t_quantile": quantiles, "t_cdf": tails, "mcnemar": mcnemars(), "holm": holms(),
              "bootstrap": [bootstrap(60, 3, 2, 12), bootstrap(40, 2, 1, 12), bootstrap(90, 6, 3, 8)],
              "row_bootstrap": row_bootstrap(), "difference": differences()}
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "..", "golden", "metric_statistics.json"), "w") as out:
        parts = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in golden.items()]
        out.write("{\n" + ",\n".join(parts) + "\n}\n")


main()
