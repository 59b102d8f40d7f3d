//! A relation of a comparison: rows, or what a model keeps of the columns that it was trained on.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::{Result, exec_datafusion_err};

use super::changes::Column;
use super::values::{Parts, Sample, Values, read};
use crate::model::{Sketch, Sketched};

/// A relation in memory.
pub struct Relation {
    pub schema: SchemaRef,
    pub content: Content,
}

/// What is known of a relation.
pub enum Content {
    Rows(Vec<RecordBatch>),
    /// What a model keeps of the columns that it was trained on. Their types are not known.
    Sketches(Arc<Vec<Sketch>>),
}

impl Relation {
    /// Returns what a model keeps of the columns that it was trained on.
    pub fn of_model(sketches: Arc<Vec<Sketch>>) -> Relation {
        let fields: Vec<Field> =
            sketches.iter().map(|sketch| Field::new(&sketch.column, DataType::Null, true)).collect();
        Relation { schema: Arc::new(Schema::new(fields)), content: Content::Sketches(sketches) }
    }

    /// Returns the relation's rows; empty where only sketches are known.
    pub fn batches(&self) -> &[RecordBatch] {
        match &self.content {
            Content::Rows(batches) => batches,
            Content::Sketches(_) => &[],
        }
    }

    /// Reads a column; one sample for each part of the rows. A sketch is one part.
    pub fn samples(&self, index: usize, parts: &Parts<'_>) -> Result<Vec<Sample>> {
        match &self.content {
            Content::Rows(batches) => {
                let columns: Vec<&ArrayRef> = batches.iter().map(|batch| batch.column(index)).collect();
                read(self.schema.field(index).data_type(), &columns, parts)
            }
            // A sketch of numbers becomes up to a million values, so one is made when its column is read.
            Content::Sketches(sketches) => Ok(sketches.get(index).map(of_sketch).into_iter().collect()),
        }
    }

    /// Reads a column with all of its rows.
    pub fn column(&self, index: usize) -> Result<Column<'_>> {
        let sample = self.samples(index, &Parts::WHOLE)?.pop();
        let sample = sample.ok_or_else(|| exec_datafusion_err!("a column has no sample"))?;
        Ok(Column { data_type: self.schema.field(index).data_type(), sample })
    }
}

fn of_sketch(sketch: &Sketch) -> Sample {
    match &sketch.values {
        Sketched::Categories(counts) => Sample::new(Values::Texts(counts.clone())),
        numbers => Sample { sketch_of: Some(sketch.rows), ..Sample::new(Values::Numbers(numbers.numbers())) },
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array, RecordBatch, StringArray};
    use datafusion::arrow::datatypes::Float64Type;

    use super::{Arc, Content, Relation, Sketch, Sketched};
    use crate::functions::drift::choices::Choices;
    use crate::functions::drift::comparison::compare_all;
    use crate::model::{Split, TrainingSet, sketch};

    /// A model keeps quantiles of numbers and counts of categories; the columns that it does not read are left out.
    #[test]
    fn rows_are_compared_with_what_a_model_keeps() {
        let quantiles: Vec<f64> = (0..=100).map(f64::from).collect();
        let counts = [("buy".to_string(), 50), ("sell".to_string(), 50)];
        let sketches = vec![
            Sketch { column: "x".into(), rows: 100, values: Sketched::Quantiles(quantiles) },
            Sketch { column: "side".into(), rows: 100, values: Sketched::Categories(counts.into()) },
            Sketch { column: "gone".into(), rows: 100, values: Sketched::Quantiles(vec![1.0; 101]) },
        ];
        let numbers: ArrayRef = Arc::new(Float64Array::from_iter_values((0..200).map(|row| f64::from(row) + 100.0)));
        let sides: ArrayRef = Arc::new((0..200).map(|row| Some(["buy", "sell"][row % 2])).collect::<StringArray>());
        let columns = [("x", numbers.clone()), ("side", sides), ("other", numbers)];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let current = Relation { schema: batch.schema(), content: Content::Rows(vec![batch]) };
        let reference = Relation::of_model(Arc::new(sketches));
        let compared = compare_all(&reference, &current, &Choices::default()).unwrap();
        assert_eq!(compared.num_rows(), 3);
        let text = |column: &str, row: usize| {
            let texts = compared.column_by_name(column).unwrap().as_string::<i32>();
            texts.is_valid(row).then(|| texts.value(row).to_string())
        };
        let tests = [0, 1, 2].map(|row| text("test", row));
        assert_eq!(tests, [Some("wasserstein".into()), Some("z".into()), None]);
        assert_eq!([0, 1, 2].map(|row| text("change", row)), [None, None, Some("vanished".into())]);
        assert!(compared.column_by_name("drifted").unwrap().as_boolean().value(0));
        let chosen = Choices::parse("x=ks").unwrap();
        let error = compare_all(&reference, &current, &chosen).unwrap_err().to_string();
        assert!(error.contains("a model does not keep them"), "{error}");
    }

    /// What a model keeps gives nearly the distances that its training rows give, whatever the distribution.
    #[test]
    fn a_sketch_measures_as_the_rows_do() {
        // Uniform on 0 to 1, without a generator: the fractional parts of the multiples of the golden ratio.
        let uniform = |row: u32| (f64::from(row + 1) * 0.618_033_988_749_895).fract();
        type Quantile = fn(f64) -> f64;
        let kinds: [(&str, Quantile); 5] = [
            ("exponential", |share| -share.ln()),
            ("heavy tails", |share| (share - 0.5).signum() * (1.0 - (2.0 * share - 1.0).abs()).powf(-0.4)),
            ("three values", |share| (share * share * 3.0).floor()),
            ("whole numbers", |share| (100.0 / (share + 0.1)).round()),
            ("many zeros", |share| (share - 0.7).max(0.0).sqrt()),
        ];
        let relation = |numbers: Vec<f64>| {
            let numbers: ArrayRef = Arc::new(Float64Array::from(numbers));
            let batch = RecordBatch::try_from_iter([("x", numbers)]).unwrap();
            Relation { schema: batch.schema(), content: Content::Rows(vec![batch]) }
        };
        for (kind, of) in kinds {
            let reference: Vec<f64> = (0..200_000).map(|row| of(uniform(row))).collect();
            let current = relation((0..20_000).map(|row| 1.1 * of(uniform(row))).collect());
            let set = TrainingSet {
                features: vec![("x".into(), reference.clone())],
                splits: vec![Split::Train; reference.len()],
                ..TrainingSet::default()
            };
            let model = Relation::of_model(Arc::new(sketch(&set, None, &["x"])));
            let rows = relation(reference);
            for test in ["wasserstein", "ks_stat", "ed", "psi", "jensenshannon", "kl_div", "hellinger"] {
                let choice = Choices::parse(&format!("x={test}")).unwrap();
                let value = |reference: &Relation| {
                    let compared = compare_all(reference, &current, &choice).unwrap();
                    compared.column_by_name("value").unwrap().as_primitive::<Float64Type>().value(0)
                };
                let (kept, all) = (value(&model), value(&rows));
                assert!((kept - all).abs() <= 0.01 * all + 0.001, "{kind}, {test}: {kept}, and of all rows {all}");
            }
        }
    }
}
