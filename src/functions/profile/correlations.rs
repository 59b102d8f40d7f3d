//! `correlations`: Pearson's coefficient of every pair of numeric columns of a relation.
//!
//! Each batch is centred on its own means, and batches are joined by the formulas of Pébay (Sandia report SAND2008-6212). A pair's
//! coefficient counts the rows in which both are finite, as pandas' `corr` does.

use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, Float64Array, Int64Array, RecordBatch, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, Float64Type, Schema, SchemaRef};
use datafusion::common::Result;

use super::pass::Pass;
use crate::text::documentation::Documentation;

/// The first so many numeric columns are compared; their pairs grow as the square.
pub const MOST_COLUMNS: usize = 40;

/// The sums of one pair over the rows in which both are finite.
#[derive(Debug, Clone, Copy, Default)]
struct Pair {
    rows: f64,
    means: [f64; 2],
    /// Squared differences to the means, and their products.
    squares: [f64; 2],
    products: f64,
}

impl Pair {
    /// Computes the sums over one batch, whose values are centred on `means`.
    fn of(a: &Centred, b: &Centred) -> Pair {
        let (mut rows, mut sums, mut squares, mut products) = (0.0, [0.0; 2], [0.0; 2], 0.0);
        if a.is_whole && b.is_whole {
            rows = a.values.len() as f64;
            squares = [a.squares, b.squares];
            products = dot(&a.values, &b.values);
        } else {
            for (a, b) in a.values.iter().zip(&b.values).filter(|(a, b)| a.is_finite() && b.is_finite()) {
                rows += 1.0;
                sums = [sums[0] + a, sums[1] + b];
                squares = [squares[0] + a * a, squares[1] + b * b];
                products += a * b;
            }
        }
        if rows == 0.0 {
            return Pair::default();
        }
        let shifts = sums.map(|sum| sum / rows);
        Pair {
            rows,
            means: [a.mean + shifts[0], b.mean + shifts[1]],
            squares: [squares[0] - sums[0] * shifts[0], squares[1] - sums[1] * shifts[1]],
            products: products - sums[0] * shifts[1],
        }
    }

    fn merge(&mut self, other: &Pair) {
        if other.rows == 0.0 {
            return;
        }
        let rows = self.rows + other.rows;
        let deltas = [other.means[0] - self.means[0], other.means[1] - self.means[1]];
        let weight = self.rows * other.rows / rows;
        self.products += other.products + deltas[0] * deltas[1] * weight;
        for (side, delta) in deltas.into_iter().enumerate() {
            self.squares[side] += other.squares[side] + delta * delta * weight;
            self.means[side] += delta * other.rows / rows;
        }
        self.rows = rows;
    }

    /// Returns the coefficient; `None` if there are fewer than two rows, or if a column is constant.
    fn coefficient(&self) -> Option<f64> {
        // What rounding leaves of a constant column is not a deviation.
        let varies = |side: usize| {
            let deviation = (self.squares[side] / self.rows).sqrt();
            deviation.is_finite() && deviation > self.means[side].abs() * 1e-14
        };
        let defined = self.rows > 1.0 && varies(0) && varies(1);
        defined.then(|| (self.products / self.squares[0] * (self.squares[0] / self.squares[1]).sqrt()).clamp(-1.0, 1.0))
    }
}

/// Returns the sum of the products. With eight sums side by side, the processor need not wait for one addition after the other.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    const LANES: usize = 8;
    let (a, b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f64 = a.remainder().iter().zip(b.remainder()).map(|(a, b)| a * b).sum();
    let mut sums = [0.0; LANES];
    for (a, b) in a.zip(b) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    sums.iter().sum::<f64>() + rest
}

/// A batch of a column, less its mean.
struct Centred {
    values: Vec<f64>,
    mean: f64,
    squares: f64,
    /// Whether all values are finite.
    is_whole: bool,
}

impl Centred {
    fn of(values: Vec<f64>) -> Centred {
        let first = values.iter().copied().find(|value| value.is_finite()).unwrap_or_default();
        let (mut rows, mut sum) = (0.0, 0.0);
        for value in values.iter().filter(|value| value.is_finite()) {
            rows += 1.0;
            sum += value - first;
        }
        let is_whole = rows as usize == values.len();
        let mean = if rows > 0.0 { first + sum / rows } else { 0.0 };
        let values: Vec<f64> = values.into_iter().map(|value| value - mean).collect();
        let squares = if is_whole { dot(&values, &values) } else { 0.0 };
        Centred { values, mean, squares, is_whole }
    }
}

/// The coefficients in the making.
#[derive(Debug)]
pub struct Correlations {
    names: Vec<String>,
    /// The places of the columns in the relation.
    places: Vec<usize>,
    /// The pairs of the first column with every later one, then those of the second one, and so on.
    pairs: Vec<Pair>,
}

impl Pass for Correlations {
    const DOCUMENTATION: &'static Documentation = &super::CORRELATIONS;

    fn schema() -> SchemaRef {
        Arc::new(Schema::new(vec![
            Field::new("column_a", DataType::Utf8, false),
            Field::new("column_b", DataType::Utf8, false),
            Field::new("correlation", DataType::Float64, true),
            Field::new("rows", DataType::Int64, false),
        ]))
    }

    fn begin(relation: &SchemaRef, _part: usize) -> Result<Correlations> {
        let numeric = relation.fields().iter().enumerate().filter(|(_, field)| field.data_type().is_numeric());
        let (places, names): (Vec<usize>, Vec<String>) =
            numeric.take(MOST_COLUMNS).map(|(place, field)| (place, field.name().clone())).unzip();
        let pairs = vec![Pair::default(); names.len() * names.len().saturating_sub(1) / 2];
        Ok(Correlations { names, places, pairs })
    }

    fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        let mut columns = Vec::with_capacity(self.places.len());
        for place in &self.places {
            let column = cast(batch.column(*place), &DataType::Float64)?;
            let column = column.as_primitive::<Float64Type>();
            columns.push(Centred::of(match column.null_count() {
                0 => column.values().to_vec(),
                _ => column.iter().map(|value| value.unwrap_or(f64::NAN)).collect(),
            }));
        }
        let both = (0..columns.len()).flat_map(|a| (a + 1..columns.len()).map(move |b| (a, b)));
        for (pair, (a, b)) in self.pairs.iter_mut().zip(both) {
            pair.merge(&Pair::of(&columns[a], &columns[b]));
        }
        Ok(())
    }

    fn merge(&mut self, other: Correlations) -> Result<()> {
        self.pairs.iter_mut().zip(&other.pairs).for_each(|(pair, other)| pair.merge(other));
        Ok(())
    }

    fn finish(self) -> Result<RecordBatch> {
        let both = (0..self.names.len()).flat_map(|a| (a + 1..self.names.len()).map(move |b| (a, b)));
        let (a, b): (Vec<&str>, Vec<&str>) =
            both.map(|(a, b)| (self.names[a].as_str(), self.names[b].as_str())).unzip();
        let coefficients = self.pairs.iter().map(Pair::coefficient).collect::<Float64Array>();
        let rows = Int64Array::from_iter_values(self.pairs.iter().map(|pair| pair.rows as i64));
        Ok(RecordBatch::try_new(
            Correlations::schema(),
            vec![
                Arc::new(StringArray::from(a)),
                Arc::new(StringArray::from(b)),
                Arc::new(coefficients),
                Arc::new(rows),
            ],
        )?)
    }
}
