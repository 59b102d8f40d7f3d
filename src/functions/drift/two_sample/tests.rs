//! Tests of two samples of numbers, as SciPy 1.17.1 computes them: ascending samples in, statistic and p-value out.

use super::super::special::{bessel_k_quarter, normal_upper, student_two_sided};
use super::super::wasserstein::mean;

/// Up to this size of both samples, the Cramér-von Mises test counts all arrangements.
const CRAMER_EXACT: usize = 20;

/// If the smaller sample has at most this many values, and no two values are equal, the Mann-Whitney test counts all arrangements.
const MANN_WHITNEY_EXACT: usize = 8;

/// Counting takes time and memory by the product of the sizes, so larger products are not counted.
const MOST_ARRANGED: usize = 20_000;

/// The p-values of the Anderson-Darling test lie between the first and the last of these levels.
const ANDERSON_LEVELS: [f64; 7] = [0.25, 0.1, 0.05, 0.025, 0.01, 0.005, 0.001];

/// The statistics at these levels, from Scholz and Stephens 1987, table 2.
const ANDERSON_CRITICAL: [[f64; 3]; 7] = [
    [0.675, -0.245, -0.105],
    [1.281, 0.25, -0.305],
    [1.645, 0.678, -0.362],
    [1.96, 1.149, -0.391],
    [2.326, 1.822, -0.396],
    [2.573, 2.364, -0.345],
    [3.085, 3.615, -0.154],
];

/// A distinct value: how often it occurs in the first and in the second sample.
fn runs(first: &[f64], second: &[f64]) -> Vec<(usize, usize)> {
    let (mut i, mut j, mut runs) = (0, 0, Vec::new());
    while i < first.len() || j < second.len() {
        let next = match (first.get(i), second.get(j)) {
            (Some(a), Some(b)) => a.min(*b),
            (Some(value), None) | (None, Some(value)) => *value,
            (None, None) => break,
        };
        let run = |sample: &[f64]| sample.iter().take_while(|value| **value == next).count();
        let (m, n) = (run(&first[i..]), run(&second[j..]));
        runs.push((m, n));
        (i, j) = (i + m, j + n);
    }
    runs
}

/// `ttest_ind`: Student's test of equal means, with one variance for both samples.
pub fn t_test(reference: &[f64], current: &[f64]) -> Option<(f64, f64)> {
    let (m, n) = (reference.len() as f64, current.len() as f64);
    let degrees = m + n - 2.0;
    if degrees <= 0.0 || reference.is_empty() {
        return None;
    }
    // Far from 0, a mean has lost the digits in which two means differ: values are measured from one of them.
    let middle = reference[reference.len() / 2];
    let moved = |sample: &[f64]| sample.iter().map(|value| value - middle).collect::<Vec<f64>>();
    let (reference, current) = (moved(reference), moved(current));
    let (mean_m, mean_n) = (mean(&reference), mean(&current));
    let squares = |sample: &[f64], mean: f64| sample.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
    let variance = (squares(&reference, mean_m) + squares(&current, mean_n)) / degrees;
    let t = (mean_m - mean_n) / (variance * (1.0 / m + 1.0 / n)).sqrt();
    if t.is_nan() {
        return None;
    }
    Some((t, student_two_sided(t, degrees)))
}

/// `mannwhitneyu`: the statistic of the reference, two-sided, with the correction for ties and continuity where it is not exact.
pub fn mann_whitney(reference: &[f64], current: &[f64]) -> Option<(f64, f64)> {
    let (m, n) = (reference.len(), current.len());
    let runs = runs(reference, current);
    let (mut before, mut ranks, mut ties) = (0.0, 0.0, 0.0);
    for (i, j) in &runs {
        let size = (i + j) as f64;
        ranks += *i as f64 * (before + (size + 1.0) / 2.0);
        ties += size.powi(3) - size;
        before += size;
    }
    let (m_rows, n_rows) = (m as f64, n as f64);
    let statistic = ranks - m_rows * (m_rows + 1.0) / 2.0;
    let greater = statistic.max(m_rows * n_rows - statistic);
    let tail = if m.min(n) <= MANN_WHITNEY_EXACT && m * n <= MOST_ARRANGED && ties == 0.0 {
        arrangements_at_least(m, n, greater as usize)
    } else {
        let all = m_rows + n_rows;
        let spread = (m_rows * n_rows / 12.0 * ((all + 1.0) - ties / (all * (all - 1.0)))).sqrt();
        let z = (greater - m_rows * n_rows / 2.0 - 0.5) / spread;
        // Where all values are equal, both the distance and the spread are 0.
        if z.is_nan() { return None } else { normal_upper(z) }
    };
    Some((statistic, (2.0 * tail).clamp(0.0, 1.0)))
}

/// Returns the share of the arrangements of two samples without ties whose statistic is at least this.
fn arrangements_at_least(m: usize, n: usize, statistic: usize) -> f64 {
    let (few, many) = (m.min(n), m.max(n));
    // counts[k][u]: the ways to choose k of the values seen so far with statistic u.
    let most = few * many;
    let mut counts = vec![vec![0.0; most + 1]; few + 1];
    counts[0][0] = 1.0;
    for seen in 1..=(few + many) {
        for chosen in (1..=few.min(seen)).rev() {
            // The value at this place is one of the few: it is above all of the others seen so far.
            let above = seen - chosen;
            for u in (above..=most).rev() {
                counts[chosen][u] += counts[chosen - 1][u - above];
            }
        }
    }
    let total: f64 = counts[few].iter().sum();
    counts[few][statistic.min(most)..].iter().sum::<f64>() / total
}

/// `anderson_ksamp` of two samples: the version for ties, normalised; its p-value is interpolated and lies in [0.001, 0.25].
pub fn anderson_darling(reference: &[f64], current: &[f64]) -> Option<(f64, f64)> {
    let (m, n) = (reference.len() as f64, current.len() as f64);
    let all = m + n;
    let runs = runs(reference, current);
    if runs.len() < 2 || all < 4.0 {
        return None;
    }
    let (mut left, mut before, mut sums) = (0.0, [0.0, 0.0], [0.0, 0.0]);
    for (i, j) in &runs {
        let size = (i + j) as f64;
        let middle = left + size / 2.0;
        for ((count, before), (sum, rows)) in
            [*i as f64, *j as f64].into_iter().zip(&mut before).zip(sums.iter_mut().zip([m, n]))
        {
            let below = *before + count / 2.0;
            *sum += size / all * (all * below - middle * rows).powi(2) / (middle * (all - middle) - all * size / 4.0);
            *before += count;
        }
        left += size;
    }
    let statistic = (sums[0] / m + sums[1] / n) * (all - 1.0) / all;
    let whole = all as u64;
    let (mut harmonic, mut g) = (0.0, 0.0);
    // The harmonic numbers are added from the small terms, as SciPy does.
    for term in 0..whole - 2 {
        harmonic += 1.0 / (whole - 1 - term) as f64;
        g += harmonic / (term + 2) as f64;
    }
    let (h, both) = (harmonic + 1.0, 1.0 / m + 1.0 / n);
    let k = 2.0;
    let a = (4.0 * g - 6.0) * (k - 1.0) + (10.0 - 6.0 * g) * both;
    let b = (2.0 * g - 4.0) * k * k + 8.0 * h * k + (2.0 * g - 14.0 * h - 4.0) * both - 8.0 * h + 4.0 * g - 6.0;
    let c = (6.0 * h + 2.0 * g - 2.0) * k * k + (4.0 * h - 4.0 * g + 6.0) * k + (2.0 * h - 6.0) * both + 4.0 * h;
    let d = (2.0 * h + 6.0) * k * k - 4.0 * h * k;
    let variance = (a * all.powi(3) + b * all * all + c * all + d) / ((all - 1.0) * (all - 2.0) * (all - 3.0));
    let normalised = (statistic - 1.0) / variance.sqrt();
    let critical = ANDERSON_CRITICAL.map(|[b0, b1, b2]| b0 + b1 + b2);
    let p_value = if normalised < critical[0] {
        ANDERSON_LEVELS[0]
    } else if normalised > critical[6] {
        ANDERSON_LEVELS[6]
    } else {
        let [constant, slope, bend] = parabola(&critical, &ANDERSON_LEVELS.map(f64::ln));
        (constant + slope * normalised + bend * normalised * normalised).exp()
    };
    Some((normalised, p_value))
}

/// Returns the coefficients of the least-squares parabola through seven points.
fn parabola(xs: &[f64; 7], ys: &[f64; 7]) -> [f64; 3] {
    // Polynomials that are orthogonal over the points, so that the sums are well conditioned.
    let over = |f: &dyn Fn(f64) -> f64| xs.iter().map(|x| f(*x)).sum::<f64>();
    let centre = over(&|x| x) / 7.0;
    let second = over(&|x| (x - centre).powi(2));
    let skew = over(&|x| (x - centre).powi(3)) / second;
    let quadratic = |x: f64| (x - centre).powi(2) - skew * (x - centre) - second / 7.0;
    let along = |f: &dyn Fn(f64) -> f64| {
        let products: f64 = xs.iter().zip(ys).map(|(x, y)| f(*x) * y).sum();
        products / over(&|x| f(x).powi(2))
    };
    let (c0, c1, c2) = (along(&|_| 1.0), along(&|x| x - centre), along(&quadratic));
    let constant = c0 - c1 * centre + c2 * (centre * centre + skew * centre - second / 7.0);
    [constant, c1 - c2 * (2.0 * centre + skew), c2]
}

/// `cramervonmises_2samp`: exact for up to 20 values a sample, and by the limiting distribution above.
pub fn cramer_von_mises(reference: &[f64], current: &[f64]) -> Option<(f64, f64)> {
    let (m, n) = (reference.len(), current.len());
    if m < 2 || n < 2 {
        return None;
    }
    let (m_rows, n_rows) = (m as f64, n as f64);
    let (mut before, mut sums) = (0.0, (0.0, 0.0));
    let mut place = (0.0, 0.0);
    for (i, j) in runs(reference, current) {
        let rank = before + (i + j) as f64 / 2.0 + 0.5;
        for _ in 0..i {
            place.0 += 1.0;
            sums.0 += (rank - place.0).powi(2);
        }
        for _ in 0..j {
            place.1 += 1.0;
            sums.1 += (rank - place.1).powi(2);
        }
        before += (i + j) as f64;
    }
    let u = m_rows * sums.0 + n_rows * sums.1;
    let (product, all) = (m_rows * n_rows, m_rows + n_rows);
    let statistic = u / (product * all) - (4.0 * product - 1.0) / (6.0 * all);
    if m.max(n) <= CRAMER_EXACT {
        return Some((statistic, cramer_exact(u, m, n)));
    }
    let expected = (1.0 + 1.0 / all) / 6.0;
    let variance = (all + 1.0) * (4.0 * product * all - 3.0 * (m_rows * m_rows + n_rows * n_rows) - 2.0 * product)
        / (45.0 * all * all * 4.0 * product);
    let normalised = 1.0 / 6.0 + (statistic - expected) / (45.0 * variance).sqrt();
    let p_value = if normalised < 0.003 { 1.0 } else { (1.0 - cramer_limit(normalised)).max(0.0) };
    Some((statistic, p_value))
}

/// Returns the probability of a statistic of at least `u` over all arrangements (Xiao, Gordon and Yakovlev 2006).
fn cramer_exact(u: f64, m: usize, n: usize) -> f64 {
    let common = (m * n / gcd(m, n)) as i128;
    let (a, b) = (common / m as i128, common / n as i128);
    let product = (m * n) as i128;
    // Sums of mid-ranks have quarters, so the floor is taken of floats as SciPy does.
    let zeta = ((common * common * (m + n) as i128) as f64 * (6.0 * u - (product * (4 * product - 1)) as f64)
        / (6 * product * product) as f64)
        .floor() as i128;
    // Of each place on the grid: how many paths lead there, by their sum of squares.
    let mut rows: Vec<std::collections::BTreeMap<i128, f64>> = vec![Default::default(); m + 1];
    rows[0].insert(0, 1.0);
    for i in 0..=n {
        let mut left = std::collections::BTreeMap::<i128, f64>::new();
        for (j, row) in rows.iter_mut().enumerate() {
            for (sum, paths) in std::mem::take(row) {
                *left.entry(sum).or_default() += paths;
            }
            let square = (a * j as i128 - b * i as i128).pow(2);
            let shifted: std::collections::BTreeMap<i128, f64> =
                left.iter().map(|(sum, paths)| (sum + square, *paths)).collect();
            row.clone_from(&shifted);
            left = shifted;
        }
    }
    let total: f64 = rows[m].values().sum();
    rows[m].range(zeta..).map(|(_, paths)| paths).sum::<f64>() / total
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Returns the limiting distribution function of the statistic (Csörgő and Faraway 1996, equation 1.2).
fn cramer_limit(x: f64) -> f64 {
    let (mut sum, mut ratio) = (0.0, std::f64::consts::PI.sqrt());
    for k in 0..1000 {
        // ratio is gamma(k + 1/2) / gamma(k + 1).
        let y = f64::from(4 * k + 1);
        let q = y * y / (16.0 * x);
        let term = ratio / (std::f64::consts::PI.powf(1.5) * x.sqrt()) * y.sqrt() * (-q).exp() * bessel_k_quarter(q);
        sum += term;
        if term < 1e-7 {
            break;
        }
        ratio *= (f64::from(k) + 0.5) / (f64::from(k) + 1.0);
    }
    sum
}

#[cfg(test)]
mod checks {
    use super::t_test;

    /// The expected statistic is computed in fractions, in Python.
    #[test]
    fn an_offset_costs_the_t_test_no_digits() {
        let steps = [
            [-8000.0, -2246.0, -2226.0, 814.0, 1353.0, 8524.0, 10738.0, 16319.0],
            [4521.0, 9121.0, 9734.0, 12516.0, 12620.0, 17936.0, 19151.0, 22565.0],
        ];
        let far = steps.map(|sample| sample.map(|step| 1e6 + step * 2f64.powi(-33)));
        for [reference, current] in [steps, far] {
            let (statistic, _) = t_test(&reference, &current).unwrap();
            assert!((statistic - -2.929_670_243_749_715_7).abs() < 1e-13, "{statistic}");
        }
        assert_eq!(t_test(&[], &[1.0, 2.0, 3.0]), None);
    }
}
