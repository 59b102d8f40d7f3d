//! `ks_test`, `wasserstein_distance` and others: how two samples differ, as aggregates.
//!
//! In: for each row whether it is of the current sample, and a value. Out: a distance, or statistic and p-value. The definitions are those
//! of SciPy and, for shares of bins and categories, Evidently's. To add a function, add its line to [`FUNCTIONS`].

pub mod samples;
pub mod shares;
pub mod tests;
pub mod whole;

use samples::{Measure, aggregate};

use super::{categories, ks, wasserstein};
use crate::functions::Function;
use crate::text::documentation::{Argument, Documentation, Example, Kind, Outcome, Section};

const CURRENT: Argument = Argument {
    name: "current",
    sql_type: "BOOLEAN",
    meaning: "whether the row is of the current sample; otherwise it is of the reference. 1 and 0 are taken too",
    required: true,
};

const NUMBERS: &[Argument] = &[
    CURRENT,
    Argument {
        name: "value",
        sql_type: "DOUBLE",
        meaning: "rows where it is NULL, NaN or infinite do not count; whole numbers are compared without rounding",
        required: true,
    },
];

const VALUES: &[Argument] = &[
    CURRENT,
    Argument {
        name: "value",
        sql_type: "DOUBLE, VARCHAR or BOOLEAN",
        meaning: "a number or a category; rows where it is NULL, NaN or infinite do not count",
        required: true,
    },
];

const NO_SAMPLE: &str = "a sample has no value";

const SCIPY: &str = "SciPy 1.17.1";

/// Returns the documentation of a distance.
const fn distance(
    name: &'static str,
    summary: &'static str,
    arguments: &'static [Argument],
    meaning: &'static str,
    example: (&'static str, &'static str),
    source: &'static str,
) -> Documentation {
    let (query, output) = example;
    Documentation {
        name,
        kind: Kind::Aggregate,
        section: Section::Drift,
        summary,
        arguments,
        result: Outcome { sql_type: "DOUBLE", meaning, when_null: NO_SAMPLE },
        example: Example { query, output },
        source,
    }
}

/// Returns the documentation of a test.
const fn test(
    name: &'static str,
    summary: &'static str,
    arguments: &'static [Argument],
    (meaning, when_null): (&'static str, &'static str),
    example: (&'static str, &'static str),
    source: &'static str,
) -> Documentation {
    let (query, output) = example;
    Documentation {
        name,
        kind: Kind::Aggregate,
        section: Section::Drift,
        summary,
        arguments,
        result: Outcome { sql_type: "STRUCT (statistic, p_value)", meaning, when_null },
        example: Example { query, output },
        source,
    }
}

const KS_STATISTIC: Documentation = distance(
    "ks_statistic",
    "Returns the largest distance between the distribution functions of two samples",
    NUMBERS,
    "in [0, 1]",
    ("SELECT ks_statistic(value > 7, value) FROM generate_series(1, 10)", "1.0"),
    SCIPY,
);

const KS_TEST: Documentation = test(
    "ks_test",
    "Tests whether two samples have one distribution: Kolmogorov and Smirnov",
    NUMBERS,
    ("two-sided; the p-value is exact for up to 10,000 values a sample", NO_SAMPLE),
    (
        "SELECT t['statistic'], round(t['p_value'], 6) FROM (SELECT ks_test(value > 7, value) AS t FROM generate_series(1, 10))",
        "1.0 | 0.016667",
    ),
    "SciPy 1.17.1, ks_2samp",
);

const WASSERSTEIN_DISTANCE: Documentation = distance(
    "wasserstein_distance",
    "Returns the area between the distribution functions of two samples",
    NUMBERS,
    "at least 0, in the unit of the values; `drift` divides it by the standard deviation of the reference",
    ("SELECT wasserstein_distance(value > 5, value) FROM generate_series(1, 10)", "5.0"),
    SCIPY,
);

const ENERGY_DISTANCE: Documentation = distance(
    "energy_distance",
    "Returns the energy distance of two samples",
    NUMBERS,
    "at least 0, in the root of the values' unit",
    ("SELECT round(energy_distance(value > 5, value), 6) FROM generate_series(1, 10)", "2.607681"),
    SCIPY,
);

const POPULATION_STABILITY_INDEX: Documentation = distance(
    "population_stability_index",
    "Returns the population stability index (PSI): the sum of (p - q) ln(p / q) over bins or categories",
    VALUES,
    "at least 0; by custom, 0.1 is a change and 0.25 a large one. Numbers with more than 20 distinct values in the reference are binned by Sturges' rule over both samples; a share of 0 counts as 0.0001",
    ("SELECT round(population_stability_index(value > 6, value % 2), 6) FROM generate_series(1, 11)", "0.040547"),
    "Evidently 0.7.23, psi",
);

const KULLBACK_LEIBLER_DIVERGENCE: Documentation = distance(
    "kullback_leibler_divergence",
    "Returns the Kullback-Leibler divergence of the reference from the current sample",
    VALUES,
    "at least 0, in nats; bins and shares of 0 are as for `population_stability_index`",
    ("SELECT round(kullback_leibler_divergence(value > 6, value % 2), 6) FROM generate_series(1, 11)", "0.020411"),
    "Evidently 0.7.23, kl_div",
);

const JENSEN_SHANNON_DISTANCE: Documentation = distance(
    "jensen_shannon_distance",
    "Returns the Jensen-Shannon distance of two samples",
    VALUES,
    "in [0, 0.8326]: the root of the divergence in nats; bins are as for `population_stability_index`",
    ("SELECT round(jensen_shannon_distance(value > 6, value % 2), 6) FROM generate_series(1, 11)", "0.071129"),
    "Evidently 0.7.23, jensenshannon",
);

const HELLINGER_DISTANCE: Documentation = distance(
    "hellinger_distance",
    "Returns the Hellinger distance of two samples",
    VALUES,
    "in [0, 1]; numbers are binned by Sturges' rule over the distinct values of both samples",
    ("SELECT round(hellinger_distance(value > 6, value % 2 = 0), 6) FROM generate_series(1, 11)", "0.071161"),
    "Evidently 0.7.23, hellinger",
);

const TOTAL_VARIATION_DISTANCE: Documentation = distance(
    "total_variation_distance",
    "Returns half the sum of the differences between the shares of each distinct value",
    VALUES,
    "in [0, 1]; it is 1 where no value occurs in both samples",
    ("SELECT round(total_variation_distance(value > 6, value % 2), 6) FROM generate_series(1, 11)", "0.1"),
    "Evidently 0.7.23, TVD",
);

const CHI_SQUARE_TEST: Documentation = test(
    "chi_square_test",
    "Tests whether the categories of the current sample occur as often as in the reference: chi-square",
    VALUES,
    (
        "expected counts are those of the reference, scaled to the current sample; the statistic is infinite if the reference lacks a category. Each distinct number is a category",
        "a sample has no value, or there is one category only",
    ),
    (
        "SELECT round(t['statistic'], 6), round(t['p_value'], 6) FROM (SELECT chi_square_test(value > 6, value % 3) AS t FROM generate_series(1, 11))",
        "0.4 | 0.818731",
    ),
    "SciPy 1.17.1, chisquare; Evidently 0.7.23",
);

const Z_TEST: Documentation = test(
    "z_test",
    "Tests whether two samples have the same share of one of two categories: Z test of proportions",
    VALUES,
    (
        "two-sided; the statistic is that of the first category in order, reference less current",
        "a sample has no value, or there are more than two categories",
    ),
    (
        "SELECT round(t['statistic'], 6), round(t['p_value'], 6) FROM (SELECT z_test(value > 6, value % 2) AS t FROM generate_series(1, 11))",
        "0.331662 | 0.740144",
    ),
    "Evidently 0.7.23, z",
);

const T_TEST: Documentation = test(
    "t_test",
    "Tests whether two samples have the same mean: Student's test with one variance",
    NUMBERS,
    (
        "two-sided; the statistic is that of the reference less the current sample",
        "a sample has no value, there are two values in all, or all values are equal",
    ),
    (
        "SELECT round(t['statistic'], 6), round(t['p_value'], 6) FROM (SELECT t_test(value > 6, value % 6) AS t FROM generate_series(1, 11))",
        "-0.472377 | 0.647902",
    ),
    "SciPy 1.17.1, ttest_ind",
);

const MANN_WHITNEY_U: Documentation = test(
    "mann_whitney_u",
    "Tests whether the values of one sample tend to be larger: Mann and Whitney",
    NUMBERS,
    (
        "two-sided; the statistic is that of the reference. The p-value is exact without equal values for a sample of up to 8 and a product of the sizes of up to 20,000, and otherwise by the normal distribution, corrected for ties and continuity",
        "a sample has no value, or all values are equal",
    ),
    (
        "SELECT t['statistic'], round(t['p_value'], 6) FROM (SELECT mann_whitney_u(value > 6, value) AS t FROM generate_series(1, 11))",
        "0.0 | 0.004329",
    ),
    "SciPy 1.17.1, mannwhitneyu",
);

const CRAMER_VON_MISES: Documentation = test(
    "cramer_von_mises",
    "Tests whether two samples have one distribution: Cramér and von Mises",
    NUMBERS,
    (
        "the p-value is exact for up to 20 values a sample, and by the limiting distribution above",
        "a sample has fewer than two values",
    ),
    (
        "SELECT round(t['statistic'], 6), round(t['p_value'], 6) FROM (SELECT cramer_von_mises(value > 6, value % 6) AS t FROM generate_series(1, 11))",
        "0.026515 | 1.0",
    ),
    "SciPy 1.17.1, cramervonmises_2samp",
);

const ANDERSON_DARLING: Documentation = test(
    "anderson_darling",
    "Tests whether two samples have one distribution, with weight on the tails: Anderson and Darling",
    NUMBERS,
    (
        "the statistic is normalised, in the version for ties; the p-value is interpolated and lies in [0.001, 0.25]",
        "a sample has no value, there are fewer than 4 values in all, or all are equal",
    ),
    (
        "SELECT round(t['statistic'], 6), round(t['p_value'], 6) FROM (SELECT anderson_darling(value > 6, value) AS t FROM generate_series(1, 11))",
        "5.215428 | 0.002906",
    ),
    "SciPy 1.17.1, anderson_ksamp",
);

/// The family's functions.
pub const FUNCTIONS: &[Function] = &[
    Function {
        documentation: &KS_STATISTIC,
        implementation: |_| aggregate(&KS_STATISTIC, Measure::Numbers(ks::statistic)),
    },
    Function { documentation: &KS_TEST, implementation: |_| aggregate(&KS_TEST, Measure::Test(ks::test)) },
    Function {
        documentation: &WASSERSTEIN_DISTANCE,
        implementation: |_| aggregate(&WASSERSTEIN_DISTANCE, Measure::Numbers(wasserstein::wasserstein)),
    },
    Function {
        documentation: &ENERGY_DISTANCE,
        implementation: |_| aggregate(&ENERGY_DISTANCE, Measure::Numbers(wasserstein::energy)),
    },
    Function {
        documentation: &POPULATION_STABILITY_INDEX,
        implementation: |_| {
            aggregate(&POPULATION_STABILITY_INDEX, Measure::Distance(shares::population_stability_index))
        },
    },
    Function {
        documentation: &KULLBACK_LEIBLER_DIVERGENCE,
        implementation: |_| aggregate(&KULLBACK_LEIBLER_DIVERGENCE, Measure::Distance(shares::kullback_leibler)),
    },
    Function {
        documentation: &JENSEN_SHANNON_DISTANCE,
        implementation: |_| aggregate(&JENSEN_SHANNON_DISTANCE, Measure::Distance(shares::jensen_shannon)),
    },
    Function {
        documentation: &HELLINGER_DISTANCE,
        implementation: |_| aggregate(&HELLINGER_DISTANCE, Measure::Distance(shares::hellinger)),
    },
    Function {
        documentation: &TOTAL_VARIATION_DISTANCE,
        implementation: |_| aggregate(&TOTAL_VARIATION_DISTANCE, Measure::Shares(shares::total_variation)),
    },
    Function {
        documentation: &CHI_SQUARE_TEST,
        implementation: |_| aggregate(&CHI_SQUARE_TEST, Measure::Categories(categories::chi_square_test)),
    },
    Function {
        documentation: &Z_TEST,
        implementation: |_| aggregate(&Z_TEST, Measure::Categories(categories::proportions_test)),
    },
    Function { documentation: &T_TEST, implementation: |_| aggregate(&T_TEST, Measure::Test(tests::t_test)) },
    Function {
        documentation: &MANN_WHITNEY_U,
        implementation: |_| aggregate(&MANN_WHITNEY_U, Measure::Test(tests::mann_whitney)),
    },
    Function {
        documentation: &CRAMER_VON_MISES,
        implementation: |_| aggregate(&CRAMER_VON_MISES, Measure::Test(tests::cramer_von_mises)),
    },
    Function {
        documentation: &ANDERSON_DARLING,
        implementation: |_| aggregate(&ANDERSON_DARLING, Measure::Test(tests::anderson_darling)),
    },
];
