//! How well scores rank positives above negatives, for several resamples in one pass over rows that are sorted only once.
//!
//! Counts change at every row, but the areas change only where a positive row comes. So rows are kept as steps: the negative rows above,
//! then the rows that share the score of a positive one. Resamples are handled [`LANES`] at a time, side by side: a cell's weights in
//! all of them are read at once. Counts are integers, and each resample adds its terms in the order of the scores.

/// How many resamples are handled at once.
pub const LANES: usize = 8;

/// How often each of the resamples holds a cell.
pub type Weights = [u32; LANES];

/// Rows in order of falling score.
#[derive(Debug)]
pub struct Ranking {
    /// The cells of the rows: of each step first the negative rows above it, then its own negative rows, then its positive rows.
    cells: Vec<u32>,
    steps: Vec<Step>,
}

/// The ends of a step's parts among the cells.
#[derive(Debug)]
struct Step {
    above: usize,
    negatives: usize,
    positives: usize,
}

/// The areas of one resample.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Areas {
    /// The area under the precision-recall curve; `None` if no row is positive.
    pub average_precision: Option<f64>,
    /// The probability that a positive outranks a negative, ties counting half; `None` unless both classes occur.
    pub roc_auc: Option<f64>,
}

impl Ranking {
    /// Sorts rows by score; no score is NaN.
    pub fn new(labels: &[bool], scores: &[f64], cells: &[u32]) -> Ranking {
        // Adding 0.0 turns -0.0 into 0.0, so that both are the same score.
        let rows =
            scores.iter().zip(labels.iter().zip(cells)).map(|(score, (&label, &cell))| (score + 0.0, label, cell));
        let mut rows: Vec<(f64, bool, u32)> = rows.collect();
        rows.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
        let mut ranking = Ranking { cells: Vec::with_capacity(rows.len()), steps: Vec::new() };
        for tied in rows.chunk_by(|a, b| a.0 == b.0) {
            let above = ranking.cells.len();
            let of = |class: bool| tied.iter().filter(move |(_, label, _)| *label == class).map(|(_, _, cell)| *cell);
            ranking.cells.extend(of(false));
            let negatives = ranking.cells.len();
            ranking.cells.extend(of(true));
            if ranking.cells.len() > negatives {
                ranking.steps.push(Step { above, negatives, positives: ranking.cells.len() });
            }
        }
        ranking
    }

    /// Returns the areas of each resample; a cell's weights are at its place.
    pub fn areas(&self, weights: &[Weights]) -> [Areas; LANES] {
        let (mut positives, mut negatives) = ([0_u64; LANES], [0_u64; LANES]);
        let (mut sum, mut doubled) = ([0.0; LANES], [0_u128; LANES]);
        let count = |counts: &mut [u64; LANES], from: usize, to: usize| {
            for &cell in &self.cells[from..to] {
                let weights = &weights[cell as usize];
                for lane in 0..LANES {
                    counts[lane] += u64::from(weights[lane]);
                }
            }
        };
        let mut start = 0;
        for step in &self.steps {
            let mut above = negatives;
            count(&mut above, start, step.above);
            let (mut tied, mut raised) = (above, positives);
            count(&mut tied, step.above, step.negatives);
            count(&mut raised, step.negatives, step.positives);
            for lane in 0..LANES {
                let (before, after) = (positives[lane], raised[lane]);
                // Negatives above the step are below the positives so far; those within it tie with its positives.
                doubled[lane] += u128::from(above[lane] - negatives[lane]) * u128::from(2 * before)
                    + u128::from(tied[lane] - above[lane]) * u128::from(before + after);
                if after > before {
                    sum[lane] += (after - before) as f64 * (after as f64 / (after + tied[lane]) as f64);
                }
            }
            (positives, negatives, start) = (raised, tied, step.positives);
        }
        let mut all = negatives;
        count(&mut all, start, self.cells.len());
        std::array::from_fn(|lane| {
            let (positives, known) = (positives[lane], positives[lane] > 0);
            let doubled = doubled[lane] + u128::from(all[lane] - negatives[lane]) * u128::from(2 * positives);
            let pairs = 2.0 * positives as f64 * all[lane] as f64;
            Areas {
                average_precision: known.then(|| sum[lane] / positives as f64),
                roc_auc: (known && all[lane] > 0).then(|| doubled as f64 / pairs),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Areas, LANES, Ranking, Weights};
    use crate::model::ranking::Ranked;

    /// A row of weight 2 is two rows.
    #[test]
    fn areas_have_the_bits_of_rows_that_are_repeated() {
        let rows = 300;
        let labels: Vec<bool> = (0..rows).map(|row| row * 31 % 17 < 3).collect();
        let cells: Vec<u32> = (0..rows).map(|row| row / 20).collect();
        let weights: Vec<Weights> = (0..rows as usize / 20)
            .map(|cell| std::array::from_fn(|lane| (cell * (lane + 2) % 5) as u32 / 2))
            .collect();
        for distinct in [1, 4, 40, 400] {
            let scores: Vec<f64> = (0..rows).map(|row| f64::from(row * 7919 % distinct) - 3.0).collect();
            let areas = Ranking::new(&labels, &scores, &cells).areas(&weights);
            for lane in 0..LANES {
                let repeated = (0..rows as usize).flat_map(|row| {
                    let times = weights[cells[row] as usize][lane] as usize;
                    std::iter::repeat_n((labels[row], scores[row]), times)
                });
                let (labels, scores): (Vec<bool>, Vec<f64>) = repeated.unzip();
                let ranked = Ranked::new(&labels, &scores).unwrap();
                let expected = Areas { average_precision: ranked.average_precision(), roc_auc: ranked.roc_auc() };
                assert_eq!(areas[lane], expected, "{distinct} scores, resample {lane}");
            }
        }
    }

    #[test]
    fn one_class_has_no_area() {
        let areas = |label: bool| Ranking::new(&[label, label], &[0.1, 0.2], &[0, 0]).areas(&[[1; LANES]])[0];
        assert_eq!(areas(false), Areas::default());
        assert_eq!(areas(true), Areas { average_precision: Some(1.0), roc_auc: None });
        assert_eq!(Ranking::new(&[true], &[0.1], &[0]).areas(&[[0; LANES]])[0], Areas::default());
    }
}
