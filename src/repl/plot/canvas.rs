//! A grid of braille characters: two dots across and four down in each.

const ACROSS: usize = 2;
const DOWN: usize = 4;

/// The first braille character; the dots are added as bits.
const BLANK: u32 = 0x2800;

/// The bit of each dot: first the row, then the column.
const BITS: [[u8; ACROSS]; DOWN] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];

/// Dots in cells; each cell has the series that was drawn there last.
#[derive(Debug)]
pub struct Canvas {
    width: usize,
    cells: Vec<(u8, usize)>,
}

impl Canvas {
    /// Makes an empty canvas of so many characters.
    pub fn new(width: usize, height: usize) -> Canvas {
        Canvas { width, cells: vec![(0, 0); width * height] }
    }

    /// Returns how many dots are beside each other.
    pub fn dots_across(&self) -> usize {
        self.width * ACROSS
    }

    /// Returns how many dots are below each other.
    pub fn dots_down(&self) -> usize {
        self.cells.len() / self.width * DOWN
    }

    /// Draws a line between two dots, with Bresenham's algorithm. (0, 0) is the upper left dot.
    pub fn line(&mut self, (mut x, mut y): (i64, i64), (to_x, to_y): (i64, i64), series: usize) {
        let (across, down) = ((to_x - x).abs(), -(to_y - y).abs());
        let (step_x, step_y) = ((to_x - x).signum(), (to_y - y).signum());
        let mut error = across + down;
        loop {
            self.dot(x, y, series);
            if (x, y) == (to_x, to_y) {
                return;
            }
            let doubled = 2 * error;
            if doubled >= down {
                error += down;
                x += step_x;
            }
            if doubled <= across {
                error += across;
                y += step_y;
            }
        }
    }

    fn dot(&mut self, x: i64, y: i64, series: usize) {
        let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y)) else { return };
        if x < self.dots_across()
            && let Some(cell) = self.cells.get_mut(y / DOWN * self.width + x / ACROSS)
        {
            cell.0 |= BITS[y % DOWN][x % ACROSS];
            cell.1 = series;
        }
    }

    /// Returns a row of characters. `colour` gives the code that begins the colour of a series, `plain` ends it.
    pub fn row(&self, row: usize, colour: impl Fn(usize) -> Option<&'static str>, plain: &str) -> String {
        let mut text = String::new();
        let mut current = None;
        for (bits, series) in &self.cells[row * self.width..(row + 1) * self.width] {
            let wanted = if *bits == 0 { current } else { colour(*series) };
            if wanted != current {
                text.push_str(wanted.unwrap_or(plain));
                current = wanted;
            }
            // Every sum of the bits is a braille character.
            text.extend(char::from_u32(BLANK + u32::from(*bits)));
        }
        if current.is_some() {
            text.push_str(plain);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_fill_the_dots_between_their_ends() {
        let mut canvas = Canvas::new(2, 1);
        canvas.line((0, 0), (3, 3), 0);
        assert_eq!(canvas.row(0, |_| None, ""), "⠑⢄");
        let mut canvas = Canvas::new(2, 1);
        canvas.line((3, 0), (0, 0), 0);
        canvas.line((1, 3), (1, 3), 1);
        assert_eq!(canvas.row(0, |_| None, ""), "⢉⠉");
        assert_eq!(canvas.row(0, |series| Some(["a", "b"][series]), "!"), "b⢉a⠉!");
        canvas.line((9, 9), (-1, -1), 0);
    }
}
