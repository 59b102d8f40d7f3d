//! How much each row counts in training: its weight, times that of its class.

use super::options::{ModelOption, Options, Range};

/// The option of the types that take weights, of classes by this option and of rows by `weight_col`.
pub const CLASS_WEIGHT: ModelOption = ModelOption {
    name: "class_weight",
    meaning: "how much a positive row counts, where a negative one counts once; with 'balanced', both classes count as much, as with scikit-learn's class_weight and BigQuery's auto_class_weights",
    default: 1.0,
    usual: &[],
    range: Range::WordOrFrom(BALANCED, 1e-9, 1e9),
};

const BALANCED: &str = "balanced";

/// Returns the weight of each row; `None` if each counts once. The rows have both classes, and weights above 0.
pub fn of_rows(weights: Option<Vec<f64>>, labels: &[bool], options: &Options) -> Option<Vec<f64>> {
    let (negative, positive) = match options.number(&CLASS_WEIGHT) {
        number if Some(number) == CLASS_WEIGHT.range.of_word() => {
            let mut sums = [0.0; 2];
            for (row, &label) in labels.iter().enumerate() {
                sums[usize::from(label)] += weights.as_ref().map_or(1.0, |weights| weights[row]);
            }
            let half = (sums[0] + sums[1]) / 2.0;
            (half / sums[0], half / sums[1])
        }
        number => (1.0, number),
    };
    if (negative, positive) == (1.0, 1.0) {
        return weights;
    }
    let of_class = |label: bool| if label { positive } else { negative };
    let mut weights = weights.unwrap_or_else(|| vec![1.0; labels.len()]);
    weights.iter_mut().zip(labels).for_each(|(weight, label)| *weight *= of_class(*label));
    Some(weights)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::of_rows;
    use crate::model::options::Options;
    use crate::model::types::ModelType;

    #[test]
    fn balanced_classes_count_as_much_and_a_number_is_the_weight_of_a_positive() {
        let labels = [true, false, false, false];
        let mut options = Options::of(ModelType::parse("logistic_reg").unwrap());
        assert_eq!(of_rows(None, &labels, &options), None);
        assert_eq!(of_rows(Some(vec![2.0; 4]), &labels, &options), Some(vec![2.0; 4]));
        options.set("class_weight", &json!("balanced")).unwrap();
        assert_eq!(of_rows(None, &labels, &options).unwrap()[..2], [2.0, 4.0 / 6.0]);
        assert_eq!(of_rows(Some(vec![3.0, 1.0, 1.0, 1.0]), &labels, &options), Some(vec![3.0, 1.0, 1.0, 1.0]));
        options.set("class_weight", &json!(5)).unwrap();
        assert_eq!(of_rows(None, &labels, &options), Some(vec![5.0, 1.0, 1.0, 1.0]));
        // Beyond these bounds the rows of one class would be lost in the rounding of sums over both.
        for wrong in
            [json!(0), json!(-1), json!(1e-320), json!(1e-10), json!(1e10), json!(1e308), json!("even"), json!([1])]
        {
            let error = options.set("class_weight", &wrong).unwrap_err().to_string();
            assert!(error.starts_with("class_weight must be 'balanced' or a number from 1e-9 to 1e9, not "), "{error}");
        }
    }
}
