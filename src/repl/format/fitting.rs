//! Chooses the columns of a table that fit into a line.
//!
//! In: the columns' widths, and which of them are wanted. Out: the columns to show, and where the gaps are.

/// A column that may be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    pub width: usize,
    /// Whether longer cells may be cut. Times and numbers may not, because a part of one would be wrong.
    pub text: bool,
    /// Whether it is a key or the query names it.
    pub wanted: bool,
}

/// To make a table fit, text columns are narrowed to this many characters; after that, columns are left out.
const NARROWEST: usize = 12;

/// The width of the sign for columns that are left out.
const GAP: usize = 1;

/// What is shown: a field of the schema, or a gap.
pub type Shown = Option<usize>;

/// Returns the columns to show in a line of `fit` characters, with `between` characters between two of them and one at each end.
/// Narrows columns whose cells may be cut.
///
/// The first column stays, then those that are wanted, then the others from both ends.
pub fn choose(columns: &mut [Column], fit: usize, between: usize) -> Vec<Shown> {
    let all: Vec<usize> = (0..columns.len()).collect();
    // First the widest texts are narrowed.
    while total(&shown(&all, columns.len()), columns, between) > fit {
        let over = total(&shown(&all, columns.len()), columns, between) - fit;
        let texts = columns.iter_mut().filter(|column| column.text && column.width > NARROWEST);
        let Some(widest) = texts.max_by_key(|column| column.width) else { break };
        widest.width = widest.width.saturating_sub(over.div_ceil(2)).max(NARROWEST);
    }
    let mut kept: Vec<usize> = Vec::new();
    for candidate in by_importance(columns) {
        let mut with: Vec<usize> = kept.iter().copied().chain([candidate]).collect();
        with.sort_unstable();
        if kept.is_empty() || total(&shown(&with, columns.len()), columns, between) <= fit {
            kept = with;
        }
    }
    shown(&kept, columns.len())
}

/// Returns the columns: the first, those that are wanted, the others from both ends.
fn by_importance(columns: &[Column]) -> Vec<usize> {
    let (wanted, others): (Vec<usize>, Vec<usize>) =
        (0..columns.len()).partition(|index| *index == 0 || columns[*index].wanted);
    let mut order = wanted;
    let mut others = others.into_iter();
    while let Some(first) = others.next() {
        order.push(first);
        order.extend(others.next_back());
    }
    order
}

/// Returns the columns that are kept, with gaps where others are left out.
fn shown(kept: &[usize], count: usize) -> Vec<Shown> {
    let mut shown = Vec::new();
    let mut next = 0;
    for index in kept {
        if *index > next {
            shown.push(None);
        }
        shown.push(Some(*index));
        next = index + 1;
    }
    if next < count {
        shown.push(None);
    }
    shown
}

fn total(shown: &[Shown], columns: &[Column], between: usize) -> usize {
    let cells: usize = shown.iter().map(|index| index.map_or(GAP, |index| columns[index].width)).sum();
    cells + between * shown.len().saturating_sub(1) + 2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(widths: &[usize], wanted: &[usize], fit: usize) -> Vec<Shown> {
        let column =
            |(index, width): (usize, &usize)| Column { width: *width, text: false, wanted: wanted.contains(&index) };
        let mut columns: Vec<Column> = widths.iter().enumerate().map(column).collect();
        choose(&mut columns, fit, 3)
    }

    #[test]
    fn the_first_and_the_wanted_columns_stay() {
        assert_eq!(chosen(&[5, 5, 5], &[], 30), [Some(0), Some(1), Some(2)]);
        assert_eq!(chosen(&[5, 5, 5, 5, 5], &[], 30), [Some(0), Some(1), None, Some(4)]);
        assert_eq!(chosen(&[5, 5, 5, 5, 5], &[2], 30), [Some(0), Some(1), Some(2), None]);
        assert_eq!(chosen(&[5, 5, 5, 5, 5], &[2], 25), [Some(0), None, Some(2), None]);
        assert_eq!(chosen(&[50, 5, 5], &[2], 30), [Some(0), None]);
        assert_eq!(chosen(&[], &[], 30), []);
    }

    #[test]
    fn texts_are_narrowed_before_columns_are_left_out() {
        let mut columns =
            [Column { width: 5, text: false, wanted: false }, Column { width: 90, text: true, wanted: false }];
        assert_eq!(choose(&mut columns, 30, 3), [Some(0), Some(1)]);
        assert_eq!(columns[1].width, 20);
    }
}
