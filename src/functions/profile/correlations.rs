//! `correlations`: Pearson's coefficient of every pair of numeric columns of a relation.
//!
//! Each batch is centred on its own means, and batches are joined by the formulas of Pébay (Sandia report SAND2008-6212). `origin.rs` says how the
//! numbers are measured. A pair's coefficient counts the rows in which both are finite, as pandas' `corr` does.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, Float64Type, Schema, SchemaRef};
use datafusion::common::Result;

use super::column::digits;
use super::origin::{Origin, power_of, scaled, whole_difference};
use super::pass::Pass;
use crate::text::documentation::Documentation;

/// The first so many numeric columns are compared; their pairs grow as the square.
pub const MOST_COLUMNS: usize = 40;

/// The sums of one pair over the rows in which both are finite.
#[derive(Debug, Clone, Copy, Default)]
struct Pair {
    rows: f64,
    sides: [Side; 2],
    /// Of the differences to the means, in the units of both sides.
    products: f64,
}

/// One column of a pair.
#[derive(Debug, Clone, Copy, Default)]
struct Side {
    origin: Origin,
    /// Two to this power is the unit.
    power: i32,
    /// The mean less the origin.
    mean: f64,
    /// Squared differences to the mean.
    squares: f64,
}

impl Pair {
    /// Computes the sums over one batch, whose values are centred on their means.
    fn of(a: &Centred, b: &Centred) -> Pair {
        let (mut rows, mut sums, mut squares, mut products) = (0.0, [0.0; 2], [0.0; 2], 0.0);
        if a.is_whole && b.is_whole {
            rows = a.values.len() as f64;
            squares = [a.side.squares, b.side.squares];
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
        let side = |side: &Side, index: usize| Side {
            mean: side.mean + shifts[index],
            squares: squares[index] - sums[index] * shifts[index],
            ..*side
        };
        Pair { rows, sides: [side(&a.side, 0), side(&b.side, 1)], products: products - sums[0] * shifts[1] }
    }

    fn merge(&mut self, other: &Pair) {
        if other.rows == 0.0 {
            return;
        }
        if self.rows == 0.0 {
            *self = *other;
            return;
        }
        let powers = [0, 1].map(|side| self.sides[side].power.max(other.sides[side].power));
        *self = self.in_units(powers);
        let other = other.in_units(powers);
        let rows = self.rows + other.rows;
        let weight = self.rows * other.rows / rows;
        let deltas = [0, 1].map(|side| other.sides[side].less(&self.sides[side]));
        self.products += other.products + deltas[0] * deltas[1] * weight;
        for ((side, other_side), delta) in self.sides.iter_mut().zip(other.sides).zip(deltas) {
            side.squares += other_side.squares + delta * delta * weight;
            side.mean += delta * other.rows / rows;
        }
        self.rows = rows;
    }

    /// Returns the same sums in other units, which must not be smaller.
    fn in_units(self, powers: [i32; 2]) -> Pair {
        let by = [0, 1].map(|side| self.sides[side].power - powers[side]);
        let side = |side: usize| Side {
            power: powers[side],
            mean: scaled(self.sides[side].mean, by[side]),
            squares: scaled(self.sides[side].squares, 2 * by[side]),
            ..self.sides[side]
        };
        Pair { sides: [side(0), side(1)], products: scaled(self.products, by[0] + by[1]), ..self }
    }

    /// Returns the coefficient; `None` if there are fewer than two rows, or if a column is constant.
    fn coefficient(&self) -> Option<f64> {
        let [a, b] = self.sides;
        let defined = self.rows > 1.0 && a.varies(self.rows) && b.varies(self.rows);
        // The units cancel out.
        defined.then(|| (self.products / a.squares * (a.squares / b.squares).sqrt()).clamp(-1.0, 1.0))
    }
}

impl Side {
    /// Returns the difference of the means, in a unit that both share.
    fn less(&self, other: &Side) -> f64 {
        self.origin.less(other.origin, self.power) + (self.mean - other.mean)
    }

    /// Returns whether the values differ. What rounding leaves of a constant column is not a deviation.
    fn varies(&self, rows: f64) -> bool {
        let deviation = (self.squares / rows).sqrt();
        let size = match self.origin {
            Origin::Number(origin) => scaled(origin, -self.power) + self.mean,
            Origin::Whole(_) => self.mean,
        };
        deviation.is_finite() && deviation > size.abs() * 1e-14
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
    /// In the unit of the side; NaN or infinite where the column is.
    values: Vec<f64>,
    side: Side,
    /// Whether all values are finite.
    is_whole: bool,
}

impl Centred {
    fn read(array: &ArrayRef) -> Result<Centred> {
        if let Some(digits) = digits(array)? {
            let first = digits.iter().flatten().next().copied().unwrap_or_default();
            let difference = |digits: &Option<i128>| digits.map_or(f64::NAN, |digits| whole_difference(digits, first));
            return Ok(Centred::around(Origin::Whole(first), 0, digits.iter().map(difference).collect()));
        }
        let column = cast(array, &DataType::Float64)?;
        let column = column.as_primitive::<Float64Type>();
        let mut values = match column.null_count() {
            0 => column.values().to_vec(),
            _ => column.iter().map(|value| value.unwrap_or(f64::NAN)).collect(),
        };
        let finite = || values.iter().filter(|value| value.is_finite());
        let first = finite().next().copied().unwrap_or_default();
        let power = power_of(finite().fold(0.0, |largest, value| largest.max(value.abs())));
        let origin = scaled(first, -power);
        values.iter_mut().for_each(|value| *value = scaled(*value, -power) - origin);
        Ok(Centred::around(Origin::Number(first), power, values))
    }

    /// Centres values that are given by their differences to the origin.
    fn around(origin: Origin, power: i32, mut values: Vec<f64>) -> Centred {
        let (mut rows, mut sum) = (0.0, 0.0);
        for value in values.iter().filter(|value| value.is_finite()) {
            rows += 1.0;
            sum += value;
        }
        let is_whole = rows as usize == values.len();
        let mean = if rows > 0.0 { sum / rows } else { 0.0 };
        values.iter_mut().for_each(|value| *value -= mean);
        let squares = if is_whole { dot(&values, &values) } else { 0.0 };
        Centred { values, side: Side { origin, power, mean, squares }, is_whole }
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
            columns.push(Centred::read(batch.column(*place))?);
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
