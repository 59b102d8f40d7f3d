//! Collects lines until they are an input: a command, or whole statements.
//!
//! In: the lines of a pipe or a file. Out: inputs. The time grows with the number of lines, however long a statement is.

use super::commands::is_command;
use super::ending::Ending;

/// The lines that have come and are not a whole input yet.
#[derive(Debug, Default)]
pub struct Feeder {
    pending: String,
    ending: Ending,
}

impl Feeder {
    /// Takes a line, with its end; returns an input if the line completes one.
    pub fn push(&mut self, line: &str) -> Option<String> {
        let first = self.pending.is_empty();
        let line = if first { line.trim_start_matches('\u{feff}') } else { line };
        self.pending.push_str(line);
        if first && is_command(line) {
            return self.take();
        }
        self.ending.push(line);
        if self.ending.is_between_statements() { self.take() } else { None }
    }

    /// Returns what is left at the end of the input.
    pub fn finish(&mut self) -> Option<String> {
        if self.pending.trim().is_empty() { None } else { self.take() }
    }

    /// Returns whether no line waits for the rest of its statement.
    pub fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// Returns the lines that wait for the rest of their statement.
    pub fn pending(&self) -> &str {
        &self.pending
    }

    /// Returns what the next line continues, in a few characters: a quote, a comment, or `.` for a statement. `None` if it
    /// continues nothing.
    pub fn open(&self) -> Option<&str> {
        if self.pending.is_empty() { None } else { Some(self.ending.open()) }
    }

    fn take(&mut self) -> Option<String> {
        self.ending = Ending::default();
        Some(std::mem::take(&mut self.pending))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inputs(text: &str) -> Vec<String> {
        let mut feeder = Feeder::default();
        let mut inputs: Vec<String> = text.split_inclusive('\n').filter_map(|line| feeder.push(line)).collect();
        inputs.extend(feeder.finish());
        inputs
    }

    #[test]
    fn lines_become_commands_and_statements() {
        let text = "\u{feff}-- a note\n.help\nSELECT 1,\n  ';',\n 2;\n/* two\nlines */\n\\dt\nquit\nSELECT\n3";
        let expected = [
            "-- a note\n",
            ".help\n",
            "SELECT 1,\n  ';',\n 2;\n",
            "/* two\nlines */\n",
            "\\dt\n",
            "quit\n",
            "SELECT\n3",
        ];
        assert_eq!(inputs(text), expected);
        assert_eq!(inputs("SELECT 1; -- done\nSELECT 2;"), ["SELECT 1; -- done\n", "SELECT 2;"]);
        assert_eq!(inputs(" \n\n"), [" \n", "\n"]);
    }

    #[test]
    fn a_long_statement_takes_a_time_that_grows_with_its_lines() {
        let rows = |n: usize| format!("INSERT INTO t VALUES\n{}(0);\n", "(1), -- ;\n".repeat(n));
        assert_eq!(inputs(&rows(20_000)), [rows(20_000)]);
    }
}
