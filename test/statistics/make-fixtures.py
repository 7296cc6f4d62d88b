"""Writes fixtures.json, next to this script: what the statistics must agree with.

Run it with
    python3 -m venv venv && venv/bin/pip install scipy mpmath && venv/bin/python make-fixtures.py

All is from scipy, except where scipy itself is not exact enough (checked against mpmath):
- hypergeom.sf takes its terms as sums of factorials' logarithms, and is 3e-6 off at populations of
  1e9: large populations are summed by mpmath with 50 digits;
- binomtest(...).proportion_ci stops 2e-12 (absolute) from the bound, which is half of one that is
  5e-13; betaincinv is 6e-9 off for shapes of 2 and 1e9: above 10 trials betaincinv is taken, with
  a step of Newton's method;
- gammaincinv, and with it chi2.ppf, is 1e-9 off at shapes of 1e6 and a tail of 5e-7: that level is
  for small counts;
- the larger share of exposures of 1e9 and 1 has lost the smaller one: tests go by the smaller;
- betainc is about 4e-11 off at shapes of 1e9 and tails of 1e-280: close enough for the tests.
The output has nothing random in it, and no time.
"""

import json
import math
from pathlib import Path

import mpmath
import scipy
from scipy import special, stats

mpmath.mp.dps = 50

EXPOSURES = [(1, 1), (1, 14), (1e6, 7e6), (1, 1e9), (1e9, 1), (3.5, 1.25)]
COUNTS = [(0, 0), (0, 1), (1, 0), (1, 1), (0, 30), (5, 0), (5, 5), (12, 70), (100, 1000)]
LARGE_COUNTS = [
    (0, 10**6),
    (10**6, 10**6),
    (10**6, 1003000),
    (10**6, 0),
    (10**9, 10**9),
    (10**9, 1000050000),
    (1, 10**9),
    (10**9, 7),
]


def upper_tail(x, n, p):
    """P(X >= x) for real x and n."""
    return 1.0 if x == 0 else float(special.betainc(x, n - x + 1, p))


def lower_tail(x, n, p):
    """P(X <= x) for real x and n."""
    return 1.0 if x == n else float(special.betaincc(x + 1, n - x, p))


def binomial():
    cases = [
        (x, n, p)
        for n in (0, 1, 2, 10, 100)
        for x in sorted({0, min(1, n), n // 2, n})
        for p in (0, 1e-300, 1e-12, 0.01, 0.3, 0.5, 0.999, 1)
    ]
    cases += [
        (0.25, 0.25, 0.4),
        (0.25, 2.5, 0.1),
        (2.75, 10.5, 0.125),
        (30.25, 31, 0.6),
        (7.5, 7.5, 1e-9),
    ]
    cases += [
        (x, 10**6, p)
        for x, p in [
            (0, 1e-6),
            (1, 1e-6),
            (500000, 0.5),
            (515000, 0.5),
            (482000, 0.5),
            (1060, 1e-3),
            (2500, 1e-3),
            (10**6, 0.9999),
            (999990, 1 - 1e-6),
        ]
    ]
    cases += [
        (x, 10**9, p)
        for x, p in [
            (0, 1e-9),
            (3, 1e-9),
            (40, 1e-9),
            (500000000, 0.5),
            (500500000, 0.5),
            (499500000, 0.5),
            (1000000, 1e-3),
            (1030000, 1e-3),
            (970000, 1e-3),
            (10**9, 1 - 1e-9),
        ]
    ]
    cases += [(250000250.25, 500000000.5, 0.5), (250.25, 250000000.25, 1e-6)]
    # Around the border of incomplete-beta.ts, at distances in standard deviations.
    cases += [
        (x, n, (x + distance * math.sqrt(x * (1 - x / n))) / n)
        for x in (999990, 1000010)
        for n in (2 * x, 10**8, 10**9)
        for distance in (-30, -6, -1, -0.011, -0.009, 0, 0.5, 3, 20)
    ]
    return [
        {"x": x, "n": n, "p": p, "upper": upper_tail(x, n, p), "lower": lower_tail(x, n, p)}
        for x, n, p in cases
    ]


def beta_quantile(a, b, tail, side):
    """Where the side of a beta distribution holds `tail`: scipy's, and one step of Newton's method."""
    tails_inverse, tails, sign = {
        "lower": (special.betaincinv, special.betainc, -1),
        "upper": (special.betainccinv, special.betaincc, 1),
    }[side]
    x = tails_inverse(a, b, tail)
    density = math.exp((a - 1) * math.log(x) + (b - 1) * math.log1p(-x) - special.betaln(a, b))
    return float(x + sign * (tails(a, b, x) - tail) / density)


def share_interval(successes, failures, level):
    tail = (1 - level) / 2
    return (
        0 if successes == 0 else beta_quantile(successes, failures + 1, tail, "lower"),
        1 if failures == 0 else beta_quantile(successes + 1, failures, tail, "upper"),
    )


def clopper_pearson():
    found = []
    for trials in (1, 2, 10, 100, 10**6, 10**9):
        for successes in sorted({0, 1, min(5, trials), trials // 2, trials - 1, trials}):
            for level in (0.9, 0.95, 0.999):
                if trials <= 10:
                    low, high = stats.binomtest(successes, trials).proportion_ci(level, "exact")
                else:
                    low, high = share_interval(successes, trials - successes, level)
                found.append(
                    {
                        "successes": successes,
                        "trials": trials,
                        "level": level,
                        "low": float(low),
                        "high": float(high),
                    }
                )
    return found


def smaller_tail(x, y, exposure, other_exposure):
    """Of x among x + y, from the side with the smaller share, of which the other is no digit short."""
    if exposure > other_exposure:
        return smaller_tail(y, x, other_exposure, exposure)
    share = exposure / (exposure + other_exposure)
    if isinstance(x, int) and 0 < x + y < 10**5:
        return min(stats.binomtest(x, x + y, share, side).pvalue for side in ("greater", "less"))
    return min(
        1 if x == 0 else special.betainc(x, y + 1, share),
        1 if y == 0 else special.betaincc(x + 1, y, share),
    )


def rates():
    """At dispersion 1 by binomtest; above it the counts are real, and the tails are betainc's."""
    found = []
    for dispersion in (1, 3, 4):
        for count, baseline in COUNTS + LARGE_COUNTS:
            x, y = (n if dispersion == 1 else n / dispersion for n in (count, baseline))
            share_low, share_high = share_interval(x, y, 0.95)
            rest_low, rest_high = share_interval(y, x, 0.95)
            for exposure, baseline_exposure in EXPOSURES:
                factor = baseline_exposure / exposure
                tail = float(smaller_tail(x, y, exposure, baseline_exposure))
                found.append(
                    {
                        "count": count,
                        "exposure": exposure,
                        "baselineCount": baseline,
                        "baselineExposure": baseline_exposure,
                        "dispersion": dispersion,
                        "pValue": min(1.0, 2 * tail),
                        "ratio": None if baseline == 0 else count / baseline * factor,
                        "low": share_low / rest_high * factor,
                        "high": None if baseline == 0 else share_high / rest_low * factor,
                    }
                )
    return found


def garwood():
    found = []
    for count in (0, 0.25, 1, 2, 10, 99.5, 499.5, 500, 501, 1000, 3000, 10**4, 10**6, 10**9):
        for level in (0.5, 0.95, 0.999, 0.999999):
            if count > 10**4 and level > 0.999:
                continue
            tail = (1 - level) / 2
            low = 0 if count == 0 else stats.chi2.ppf(tail, 2 * count) / 2
            found.append(
                {
                    "count": count,
                    "level": level,
                    "low": float(low),
                    "high": float(stats.chi2.isf(tail, 2 * count + 2) / 2),
                }
            )
    return found


def hypergeometric_exact(k, population, successes, draws):
    """P(X >= k), summed from k upwards."""

    def log_binomial(n, i):
        return mpmath.loggamma(n + 1) - mpmath.loggamma(i + 1) - mpmath.loggamma(n - i + 1)

    failures = population - successes
    term = mpmath.exp(
        log_binomial(successes, k)
        + log_binomial(failures, draws - k)
        - log_binomial(population, draws)
    )
    total = mpmath.mpf(0)
    while term > total * mpmath.mpf(10) ** -25 or k < draws * successes / population:
        total += term
        term = term * (successes - k) * (draws - k) / ((k + 1) * (failures - draws + k + 1))
        k += 1
    return float(total)


def hypergeometric():
    small = [
        (0, 10, 0, 5),
        (1, 10, 0, 5),
        (0, 10, 3, 5),
        (1, 10, 3, 5),
        (3, 10, 3, 5),
        (4, 10, 3, 5),
        (3, 10, 10, 3),
        (1, 1, 1, 1),
        (2, 10, 8, 4),
        (3, 10, 8, 4),
        (4, 10, 8, 4),
        (5, 50, 5, 10),
        (3, 1000, 10, 40),
        (10, 1000, 10, 40),
        (20, 1000, 300, 70),
        (60, 1000, 300, 70),
        (200, 1000, 900, 220),
    ]
    large = [
        (1, 10**6, 10, 1000),
        (3, 10**6, 10, 1000),
        (10, 10**6, 10, 10),
        (100, 10**6, 1000, 10**4),
        (5000, 10**6, 5000, 999900),
        (500, 10**6, 1000, 500000),
        (560, 10**6, 1000, 500000),
        (3, 10**9, 50, 1000),
        (50, 10**9, 10**6, 1000),
        (110, 10**9, 10**6, 1000),
        (100000, 10**9, 10**6, 10**8),
        (99000, 10**9, 10**6, 10**8),
        (111000, 10**9, 10**6, 10**8),
        (250000000, 10**9, 5 * 10**8, 5 * 10**8),
        (250100000, 10**9, 5 * 10**8, 5 * 10**8),
        (250290000, 10**9, 5 * 10**8, 5 * 10**8),
    ]
    found = [(case, "scipy", float(stats.hypergeom.sf(case[0] - 1, *case[1:]))) for case in small]
    found += [(case, "mpmath", hypergeometric_exact(*case)) for case in large]
    return [
        {
            "k": k,
            "population": population,
            "successes": successes,
            "draws": draws,
            "source": source,
            "upper": upper,
        }
        for (k, population, successes, draws), source, upper in found
    ]


def benjamini_hochberg():
    cases = [
        [0.03],
        [0, 1],
        [1, 1, 1],
        [0.01, 0.02, 0.03, 0.04, 0.05],
        [0.05, 0.01, 0.03, 0.01, 0.9, 1e-300],
        [0.5, 0.5, 1e-4, 0.5],
        [(i * 7919 % 1009 / 1009) ** 3 for i in range(200)],
    ]
    return [
        {
            "pValues": p,
            "adjusted": [float(q) for q in stats.false_discovery_control([float(q) for q in p])],
        }
        for p in cases
    ]


fixtures = {
    "scipy": scipy.__version__,
    "mpmath": mpmath.__version__,
    "binomial": binomial(),
    "clopperPearson": clopper_pearson(),
    "rates": rates(),
    "garwood": garwood(),
    "hypergeometric": hypergeometric(),
    "benjaminiHochberg": benjamini_hochberg(),
}
# One case a line, so that a change shows as what it is.
sections = [
    f'  "{name}": '
    + (
        json.dumps(value)
        if isinstance(value, str)
        else "[\n"
        + ",\n".join("    " + json.dumps(case, allow_nan=False) for case in value)
        + "\n  ]"
    )
    for name, value in fixtures.items()
]
Path(__file__).with_name("fixtures.json").write_text("{\n" + ",\n".join(sections) + "\n}\n")
