"""Writes two_sample.json: distances and tests of pairs of samples, by SciPy and, for bins and categories, by Evidently's definitions.

    pip install scipy==1.17.1
    python tests/reference/two_sample.py > tests/reference/two_sample.json
"""

import json
import warnings

import numpy
import scipy
from scipy import stats
from scipy.spatial.distance import jensenshannon

warnings.simplefilter("ignore")
rng = numpy.random.default_rng(20251124)

PAIRS = {
    "normal_7_9": (rng.normal(size=7), rng.normal(0.8, 1, size=9)),
    "normal_20_20": (rng.normal(size=20), rng.normal(0.5, 1, size=20)),
    "normal_21_30": (rng.normal(size=21), rng.normal(0.2, 1.4, size=30)),
    "normal_120_90": (rng.normal(size=120), rng.normal(0.3, 1, size=90)),
    "ties_40_60": (rng.normal(size=40).round(1), rng.normal(0.4, 1, size=60).round(1)),
    "ties_12_15": (rng.integers(0, 5, 12).astype(float), rng.integers(1, 6, 15).astype(float)),
    "skewed_300_250": (rng.lognormal(size=300), rng.lognormal(0.2, 1.1, size=250)),
    "apart_50_50": (rng.normal(size=50), rng.normal(9, 1, size=50)),
    "equal_30": (numpy.arange(30.0), numpy.arange(30.0)),
    "large_values_60_80": (1e9 + rng.integers(0, 1000, 60) / 1024, 1e9 + rng.integers(100, 1100, 80) / 1024),
    "many_against_few_2000_5": (rng.normal(size=2000), rng.normal(0.5, 1, size=5)),
    "binary_50_70": (rng.integers(0, 2, 50).astype(float), (rng.random(70) < 0.7).astype(float)),
    "constant_reference_20_25": (numpy.full(20, 3.0), rng.normal(3, 1, 25)),
    "outlier_100_100": (rng.normal(size=100), numpy.append(rng.normal(size=99), 1e6)),
}

TEXTS = {
    "categories": (list("aaaabbbbbbcccdde"), list("abbbbbccccccccdffff")),
    "two": (list("xxxyyyyyy"), list("xxxxxxyyy")),
    "one": (list("zzz"), list("zz")),
}


def counts(reference, current):
    keys = sorted(set(reference) | set(current))
    return [numpy.array([list(sample).count(key) for key in keys], dtype=float) for sample in (reference, current)]


def shares(reference, current, number):
    if number and len(set(reference)) > 20:
        bins = numpy.histogram_bin_edges(numpy.concatenate([reference, current]), bins="sturges")
        return [numpy.histogram(sample, bins)[0] / len(sample) for sample in (reference, current)]
    return [count / count.sum() for count in counts(reference, current)]


def filled(share):
    least = share[share > 0].min()
    return numpy.where(share == 0, least / 1e6 if least <= 0.0001 else 0.0001, share)


def hellinger(reference, current, number):
    if number:
        keys = sorted(set(reference) | set(current))
        bins = numpy.histogram_bin_edges(keys, bins="sturges")
        p, q = [numpy.histogram(sample, bins)[0] / len(sample) for sample in (reference, current)]
    else:
        p, q = shares(reference, current, False)
    return numpy.sqrt(1 - numpy.clip(numpy.sqrt(p * q).sum(), 0, 1))


def of_either(reference, current, number):
    m, n = counts(reference, current)
    p, q = shares(reference, current, number)
    fp, fq = filled(p), filled(q)
    chi = stats.chisquare(n, m * n.sum() / m.sum()) if (m > 0).all() else (numpy.inf, 0.0)
    # Of one category there is nothing to test.
    chi = chi if len(m) > 1 else (numpy.nan, numpy.nan)
    expected = {
        "population_stability_index": ((fp - fq) * numpy.log(fp / fq)).sum(),
        "kullback_leibler_divergence": stats.entropy(fp, fq),
        "jensen_shannon_distance": jensenshannon(p, q),
        "hellinger_distance": hellinger(reference, current, number),
        "total_variation_distance": abs(m / m.sum() - n / n.sum()).sum() / 2,
        "chi_square_test": list(chi),
    }
    if len(m) == 2:
        share = (m + n)[0] / (m + n).sum()
        z = (m[0] / m.sum() - n[0] / n.sum()) / numpy.sqrt(share * (1 - share) * (1 / m.sum() + 1 / n.sum()))
        expected["z_test"] = [z, 2 * stats.norm.sf(abs(z))]
    return expected


def of_numbers(reference, current):
    expected = of_either(reference, current, True)
    # Far from 0, ttest_ind loses the digits in which the means differ; the differences to a value are exact.
    middle = numpy.median(reference) if abs(numpy.median(reference)) > 1e6 * numpy.std(reference) else 0
    tests = {
        "ks_test": stats.ks_2samp(reference, current),
        "t_test": stats.ttest_ind(reference - middle, current - middle),
        "mann_whitney_u": stats.mannwhitneyu(reference, current),
        "cramer_von_mises": stats.cramervonmises_2samp(reference, current),
        "anderson_darling": stats.anderson_ksamp([reference, current]),
    }
    expected.update({name: [test.statistic, test.pvalue] for name, test in tests.items()})
    expected["ks_statistic"] = tests["ks_test"].statistic
    expected["wasserstein_distance"] = stats.wasserstein_distance(reference, current)
    expected["energy_distance"] = stats.energy_distance(reference, current)
    return expected


def plain(value):
    if isinstance(value, list):
        return [plain(item) for item in value]
    # JSON has no infinity.
    return float(value) if numpy.isfinite(value) else str(float(value))


pairs = [
    {
        "name": name,
        "reference": reference.tolist(),
        "current": current.tolist(),
        "expected": {key: plain(value) for key, value in of_numbers(reference, current).items()},
    }
    for name, (reference, current) in PAIRS.items()
]
pairs += [
    {
        "name": name,
        "reference": reference,
        "current": current,
        "expected": {key: plain(value) for key, value in of_either(reference, current, False).items()},
    }
    for name, (reference, current) in TEXTS.items()
]
print(json.dumps({"scipy": scipy.__version__, "numpy": numpy.__version__, "pairs": pairs}, separators=(",", ":")))
