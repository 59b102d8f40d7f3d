//! The distribution of the one-sample Kolmogorov-Smirnov statistic for finite n, and the choice of method.
//!
//! The regions are those of SciPy's `kstwo.sf` (Simard and L'Ecuyer, doi:10.18637/jss.v039.i11). So the approximation
//! errors, up to 3e-6 in the Pelz-Good region, are the same as SciPy's. SciPy uses Pomeranz' recursion in some places where
//! this code uses the matrix method; both give the same exact value.

use std::f64::consts::PI;

/// Returns the probability that the two-sided statistic of `n` observations is at least `d`.
pub fn two_sided_tail(n: u32, d: f64) -> f64 {
    let size = f64::from(n);
    let t = size * d;
    if d >= 1.0 {
        return 0.0;
    }
    if t <= 0.5 {
        return 1.0;
    }
    if t <= 1.0 {
        // Ruben and Gambino: n! (2d - 1/n)^n.
        let log: f64 = (1..=n).map(|k| (f64::from(k) / size * (2.0 * t - 1.0)).ln()).sum();
        return 1.0 - log.exp();
    }
    if t >= size - 1.0 {
        return 2.0 * (1.0 - d).powi(n as i32);
    }
    let scaled = t * d;
    let tail = match () {
        () if d >= 0.5 => 2.0 * one_sided_tail(n, d),
        () if n <= 140 && scaled <= 4.0 => 1.0 - matrix_distribution(n, d),
        () if n <= 140 => 2.0 * one_sided_tail(n, d),
        () if scaled >= 370.0 => 0.0,
        () if scaled >= 2.2 => 2.0 * one_sided_tail(n, d),
        () if n <= 100_000 && size * d.powf(1.5) <= 1.4 => 1.0 - matrix_distribution(n, d),
        () => 1.0 - pelz_good_distribution(size, d),
    };
    tail.clamp(0.0, 1.0)
}

/// Returns the exact probability that the one-sided statistic is at least `d` (Birnbaum and Tingey,
/// doi:10.1214/aoms/1177729550).
fn one_sided_tail(n: u32, d: f64) -> f64 {
    let size = f64::from(n);
    let mut log_binomial = 0.0;
    let mut sum = 0.0;
    for j in 0..=n {
        let share = f64::from(j) / size;
        let rest = 1.0 - d - share;
        if rest < 0.0 {
            break;
        }
        if j > 0 {
            log_binomial += (f64::from(n - j + 1) / f64::from(j)).ln();
        }
        let power = f64::from(n - j);
        let log_rest = if power == 0.0 { 0.0 } else { power * rest.ln() };
        sum += (log_binomial + (f64::from(j) - 1.0) * (d + share).ln() + log_rest).exp();
    }
    d * sum
}

/// Returns the exact probability that the two-sided statistic is below `d` (Marsaglia, Tsang and Wang,
/// doi:10.18637/jss.v008.i18).
fn matrix_distribution(n: u32, d: f64) -> f64 {
    let size = f64::from(n);
    let k = (size * d).ceil();
    let h = k - size * d;
    let k = k as usize;
    let m = 2 * k - 1;
    let mut matrix = vec![0.0; m * m];
    for row in 0..m {
        for column in 0..m.min(row + 2) {
            matrix[row * m + column] = 1.0;
        }
    }
    for row in 0..m {
        let power = h.powi(row as i32 + 1);
        matrix[row * m] -= power;
        matrix[(m - 1) * m + (m - 1 - row)] -= power;
    }
    if 2.0 * h > 1.0 {
        matrix[(m - 1) * m] += (2.0 * h - 1.0).powi(m as i32);
    }
    for row in 0..m {
        for column in 0..m.min(row + 2) {
            for factor in 1..=(row + 1 - column) {
                matrix[row * m + column] /= factor as f64;
            }
        }
    }
    let (power, mut exponent) = matrix_power(&matrix, m, n);
    let mut result = power[(k - 1) * m + (k - 1)];
    // n! / n^n, with a separate exponent so that nothing underflows.
    for factor in 1..=n {
        result *= f64::from(factor) / size;
        if result < 1e-140 {
            result *= 1e140;
            exponent -= 140;
        }
    }
    result * 10f64.powi(exponent)
}

/// Returns a matrix power as a matrix and a power of ten.
fn matrix_power(matrix: &[f64], m: usize, mut power: u32) -> (Vec<f64>, i32) {
    let mut result: Vec<f64> = (0..m * m).map(|cell| if cell / m == cell % m { 1.0 } else { 0.0 }).collect();
    let mut base = matrix.to_vec();
    let (mut result_exponent, mut base_exponent) = (0, 0);
    while power > 0 {
        if power % 2 == 1 {
            result = product(&result, &base, m);
            result_exponent += base_exponent;
            rescale(&mut result, &mut result_exponent);
        }
        power /= 2;
        if power > 0 {
            base = product(&base, &base, m);
            base_exponent *= 2;
            rescale(&mut base, &mut base_exponent);
        }
    }
    (result, result_exponent)
}

fn rescale(matrix: &mut [f64], exponent: &mut i32) {
    let largest = matrix.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    if largest > 1e140 {
        matrix.iter_mut().for_each(|value| *value *= 1e-140);
        *exponent += 140;
    }
}

fn product(a: &[f64], b: &[f64], m: usize) -> Vec<f64> {
    let mut result = vec![0.0; m * m];
    for row in 0..m {
        for (inner, left) in a[row * m..(row + 1) * m].iter().enumerate() {
            let right = &b[inner * m..(inner + 1) * m];
            for (cell, value) in result[row * m..(row + 1) * m].iter_mut().zip(right) {
                *cell += left * value;
            }
        }
    }
    result
}

/// Returns the Pelz-Good approximation to the probability that the two-sided statistic is below `d`
/// (doi:10.1111/j.2517-6161.1976.tb01579.x): the limit distribution and corrections in n^(-1/2), n^(-1) and n^(-3/2).
fn pelz_good_distribution(size: f64, d: f64) -> f64 {
    let z = size.sqrt() * d;
    let (z2, z4, z6, z8) = (z.powi(2), z.powi(4), z.powi(6), z.powi(8));
    let (p2, p4, p6) = (PI.powi(2), PI.powi(4), PI.powi(6));
    let mut terms = [0.0; 4];
    let last = (16.0 * z / PI).ceil() as u32;
    for k in 1..=last {
        let (whole, half) = (f64::from(k), f64::from(k) - 0.5);
        let (h2, h4, h6) = (half.powi(2), half.powi(4), half.powi(6));
        let at_half = (-p2 * h2 / (2.0 * z2)).exp();
        terms[0] += at_half;
        terms[1] += at_half * (p2 * h2 - z2);
        terms[2] += at_half * (6.0 * z6 + 2.0 * z4 + p2 * (2.0 * z4 - 5.0 * z2) * h2 + p4 * (1.0 - 2.0 * z2) * h4);
        terms[3] += at_half
            * (-30.0 * z6 - 90.0 * z8
                + p2 * (135.0 * z4 - 96.0 * z6) * h2
                + p4 * (212.0 * z4 - 60.0 * z2) * h4
                + p6 * (5.0 - 30.0 * z2) * h6);
        let k2 = whole * whole;
        let at_whole = (-p2 * k2 / (2.0 * z2)).exp();
        // These terms get the common denominators of the second and the third term below.
        terms[2] -= at_whole * p2 * k2 * 2.0 * z4;
        terms[3] += at_whole * p2 * k2 * (3.0 * z2 - p2 * k2) * 30.0 * z4;
    }
    let root = (2.0 * PI).sqrt();
    root * (terms[0] / z
        + terms[1] / (6.0 * z4 * size.sqrt())
        + terms[2] / (72.0 * z.powi(7) * size)
        + terms[3] / (6480.0 * z.powi(10) * size.powf(1.5)))
}

#[cfg(test)]
mod tests {
    use super::two_sided_tail;

    /// SciPy 1.17.1: `kstwo.sf(d, n)`, at least once in each region.
    #[test]
    fn tails_are_scipys() {
        let cases = [
            (10, 0.06, 0.9999999999628411),
            (10, 0.3, 0.27053557479999946),
            (10, 0.95, 1.9531250000000172e-13),
            (10, 0.6, 0.0005681672000000003),
            (100, 0.05, 0.9532159710635725),
            (100, 0.15, 0.019839242125643017),
            (140, 0.25, 3.391572437071032e-08),
            (400, 0.03, 0.8534115453673426),
            (400, 0.06, 0.10777126907396828),
            (400, 0.09, 0.0028652847831479775),
            (1000, 0.012, 0.9984464668620097),
            (1000, 0.02, 0.8108971656895577),
            (1000, 0.05, 0.013012074781090332),
            (100000, 0.004, 0.08130148920222469),
            (1000, 0.0006, 1.0),
        ];
        for (n, d, scipy) in cases {
            let ours = two_sided_tail(n, d);
            assert!((ours - scipy).abs() <= 1e-11 * scipy.max(1e-3), "n = {n}, d = {d}: {ours} against {scipy}");
        }
    }
}
