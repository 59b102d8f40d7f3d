//! Rows of text in aligned columns, for lists and small tables on a terminal.

/// Returns the rows as lines, with two spaces between columns. The first `left` columns are aligned to the left, the others
/// to the right. The last column of a line has no spaces after it.
pub fn columns<C: AsRef<str>>(rows: &[Vec<C>], left: usize) -> String {
    let length = |cell: &C| cell.as_ref().chars().count();
    let count = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(length).max().unwrap_or_default();
    let widths: Vec<usize> = (0..count).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, width))| {
            let cell = cell.as_ref();
            if column < left { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// Returns how many columns fit in a width, counted from the left.
pub fn columns_that_fit<C: AsRef<str>>(rows: &[Vec<C>], width: usize) -> usize {
    let length = |cell: &C| cell.as_ref().chars().count();
    let count = rows.iter().map(Vec::len).max().unwrap_or_default();
    let mut taken = 0;
    (0..count)
        .take_while(|&column| {
            let widest = rows.iter().filter_map(|row| row.get(column)).map(length).max().unwrap_or_default();
            taken += widest + if column > 0 { 2 } else { 0 };
            taken <= width
        })
        .count()
}

#[cfg(test)]
mod tests {
    use super::{columns, columns_that_fit};

    #[test]
    fn columns_fit_until_the_width_is_full() {
        let rows = [vec!["né", "rows"], vec!["longer", "7", "12345678"]];
        let fit = |width| columns_that_fit(&rows, width);
        assert_eq!([fit(5), fit(6), fit(11), fit(12), fit(21), fit(22)], [0, 1, 1, 2, 2, 3]);
    }

    #[test]
    fn columns_are_as_wide_as_their_longest_cell() {
        let rows = [vec!["né", "rows"], vec!["longer", "7"], vec!["x"]];
        assert_eq!(columns(&rows, 1), "né      rows\nlonger     7\nx\n");
        assert_eq!(columns(&rows, 2), "né      rows\nlonger  7\nx\n");
        assert_eq!(columns::<&str>(&[], 1), "");
    }
}
