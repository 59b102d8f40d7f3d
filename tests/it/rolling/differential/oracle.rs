//! The aggregates of a frame's rows, computed from those rows in exact integers.
//!
//! Stock cannot serve as the reference: it adds and retracts in floating point, so its answer depends on earlier frames.
//! Here every value is a multiple of 1/1024 and every sum is an exact integer, followed by at most five roundings.

/// An aggregate of one or two columns, as written in SQL.
#[derive(Debug, Clone, Copy)]
pub struct Aggregate {
    pub name: &'static str,
    pub first: &'static str,
    /// The second column; for aggregates of one column, the same column again.
    pub second: &'static str,
    pub filtered: bool,
}

/// What an aggregate of a frame should return.
#[derive(Debug, Clone, Copy)]
pub struct Expected {
    pub value: Option<f64>,
    /// Whether all numbers that were read are finite.
    pub finite: bool,
    /// The size of the numbers whose difference is the value; rounding errors on the way are measured against it.
    pub scale: f64,
}

const UNIT: f64 = 1024.0;

/// The sums of one frame, in units of 1/1024.
#[derive(Debug, Default)]
struct Sums {
    count: i128,
    y: i128,
    x: i128,
    yy: i128,
    xx: i128,
    xy: i128,
    /// The sum of NaN and infinities.
    special_y: Option<f64>,
    special_x: Option<f64>,
}

fn units(value: f64, special: &mut Option<f64>) -> i128 {
    if !value.is_finite() {
        *special = Some(special.unwrap_or(0.0) + value);
        return 0;
    }
    let units = value * UNIT;
    assert_eq!(units.fract(), 0.0, "{value} is not a multiple of 1/1024");
    units as i128
}

impl Sums {
    fn of(pairs: impl Iterator<Item = (Option<f64>, Option<f64>)>) -> Sums {
        let mut sums = Sums::default();
        for pair in pairs {
            let (Some(y), Some(x)) = pair else { continue };
            let (y, x) = (units(y, &mut sums.special_y), units(x, &mut sums.special_x));
            sums.count += 1;
            sums.y += y;
            sums.x += x;
            sums.yy += y * y;
            sums.xx += x * x;
            sums.xy += x * y;
        }
        sums
    }
}

/// Computes an aggregate of the given pairs, or of their first parts only.
pub fn expected(name: &str, pairs: impl Iterator<Item = (Option<f64>, Option<f64>)>) -> Expected {
    let sums = Sums::of(pairs);
    let n = sums.count as f64;
    let (finite_y, finite_x) = (sums.special_y.is_none(), sums.special_x.is_none());
    // The sum of squared deviations from the mean, times the count.
    let yy = (sums.count * sums.yy - sums.y * sums.y) as f64 / UNIT / UNIT;
    let xx = (sums.count * sums.xx - sums.x * sums.x) as f64 / UNIT / UNIT;
    let xy = (sums.count * sums.xy - sums.x * sums.y) as f64 / UNIT / UNIT;
    let constant_y = finite_y && yy == 0.0;
    let constant_x = finite_x && xx == 0.0;
    let nan_unless = |finite: bool, value: f64| if finite { value } else { f64::NAN };
    let both = finite_y && finite_x;
    let (size_y, size_x) = ((sums.yy as f64).sqrt() / UNIT, (sums.xx as f64).sqrt() / UNIT);
    let slope_size = (yy / xx).sqrt();
    let (least, scale, value) = match name {
        "sum" => (1, size_y * n, sums.special_y.unwrap_or(sums.y as f64 / UNIT)),
        "avg" | "regr_avgy" => (1, size_y, sums.special_y.unwrap_or(sums.y as f64 / (n * UNIT))),
        "regr_avgx" => (1, size_x, sums.special_x.unwrap_or(sums.x as f64 / (n * UNIT))),
        "var_samp" => (2, size_y * size_y, nan_unless(finite_y, yy / (n * (n - 1.0)))),
        "var_pop" => (1, size_y * size_y, nan_unless(finite_y, yy / (n * n))),
        "stddev_samp" => (2, size_y, nan_unless(finite_y, (yy / (n * (n - 1.0))).sqrt())),
        "stddev_pop" => (1, size_y, nan_unless(finite_y, (yy / (n * n)).sqrt())),
        "covar_samp" => (2, size_y * size_x, nan_unless(both, xy / (n * (n - 1.0)))),
        "covar_pop" => (1, size_y * size_x, nan_unless(both, xy / (n * n))),
        "regr_syy" => (1, size_y * size_y, nan_unless(finite_y, yy / n)),
        "regr_sxx" => (1, size_x * size_x, nan_unless(finite_x, xx / n)),
        "regr_sxy" => (1, size_y * size_x, nan_unless(both, xy / n)),
        "regr_slope" if !constant_x => (2, slope_size, nan_unless(both, xy / xx)),
        "regr_intercept" if !constant_x => {
            let numerator = (sums.y * sums.xx - sums.x * sums.xy) as f64 / UNIT / UNIT / UNIT;
            (2, size_y + slope_size * size_x, nan_unless(both, numerator / xx))
        }
        "regr_r2" if !constant_x && !constant_y => (2, 1.0, nan_unless(both, xy / xx * (xy / yy))),
        // Stock returns NULL if one part is not finite, and NaN if both are not, even for a single pair.
        "corr" if !finite_y && !finite_x => (1, 1.0, f64::NAN),
        "corr" if both && !constant_x && !constant_y => (2, 1.0, xy.signum() * (xy / xx * (xy / yy)).sqrt()),
        "regr_slope" | "regr_intercept" | "regr_r2" | "corr" => {
            return Expected { value: None, finite: both, scale: 1.0 };
        }
        _ => panic!("{name} is not an aggregate that is rounded"),
    };
    Expected { value: (sums.count >= least).then_some(value), finite: both, scale }
}
