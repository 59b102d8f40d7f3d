//! EXCLUDE in the frame of a window.
//!
//! The parser does not know it, and the engine's frames have no place for it. In: tokens. Out: the same tokens, in which the first part
//! of the window's PARTITION BY is the mark that `rolling` reads. EXCLUDE NO OTHERS leaves nothing out, and is left out itself.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Expr, Value, WindowSpec, WindowType, visit_expressions};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

use crate::rolling::Exclusion;
use crate::text::literal;
use crate::text::tokens::{is_word, next_of, significant};

const NO_OTHERS: &str = "NO OTHERS";

/// The words that begin a frame.
const UNITS: [&str; 3] = ["ROWS", "RANGE", "GROUPS"];

/// Writes each EXCLUDE of a frame as a mark.
pub fn rewritten(mut tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut start = 0;
    while let Some(word) = (start..tokens.len()).find(|index| is_word(&tokens[*index], "EXCLUDE")) {
        start = word + 1;
        if let Some(frame) = Frame::read(&tokens, word) {
            frame.write(&mut tokens);
            // Nothing that was not read yet stands before the mark.
            start = frame.open;
        }
    }
    tokens
}

/// A window with EXCLUDE, as positions among the tokens.
struct Frame {
    /// The parenthesis before the window.
    open: usize,
    /// The word EXCLUDE, and the parenthesis behind its other words.
    word: usize,
    close: usize,
    exclusion: Option<Exclusion>,
}

impl Frame {
    /// Returns `None` if the word belongs to something else, such as `* EXCLUDE (a)`.
    fn read(tokens: &[TokenWithSpan], word: usize) -> Option<Frame> {
        let mut rest = Vec::new();
        let mut close = significant(tokens, word + 1)?;
        while tokens[close].token != Token::RParen {
            let Token::Word(found) = &tokens[close].token else { return None };
            rest.push(found.value.to_uppercase());
            close = significant(tokens, close + 1).filter(|_| rest.len() < 3)?;
        }
        let rest = rest.join(" ");
        let exclusion = Exclusion::ALL.into_iter().find(|exclusion| exclusion.words() == rest);
        let open = opening(tokens, word)?;
        let has_frame = is_word_of(&tokens[next_of(tokens, open + 1, &UNITS)], &UNITS);
        ((exclusion.is_some() || rest == NO_OTHERS) && has_frame).then_some(Frame { open, word, close, exclusion })
    }

    fn write(&self, tokens: &mut Vec<TokenWithSpan>) {
        let span = tokens[self.word].span;
        tokens.drain(self.word..self.close);
        let Some(exclusion) = self.exclusion else { return };
        // The planner leaves out what it sees to be a constant, unless parentheses are around it.
        let mark = format!("({})", literal(&exclusion.mark()));
        let place = next_of(tokens, self.open + 1, &["PARTITION", "ORDER", "ROWS", "RANGE", "GROUPS"]);
        let by = Some(place).filter(|place| is_word(&tokens[*place], "PARTITION"));
        let by = by.and_then(|place| significant(tokens, place + 1)).filter(|by| is_word(&tokens[*by], "BY"));
        let (place, text) = match by {
            Some(by) => (by + 1, format!(" {mark}, ")),
            None => (place, format!("PARTITION BY {mark} ")),
        };
        let marked = Tokenizer::new(&GenericDialect {}, &text).tokenize().unwrap_or_default();
        tokens.splice(place..place, marked.into_iter().map(|token| TokenWithSpan::new(token, span)));
    }
}

/// Returns the parenthesis that is open at a position.
fn opening(tokens: &[TokenWithSpan], from: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for index in (0..from).rev() {
        match tokens[index].token {
            Token::RParen => depth += 1,
            Token::LParen if depth == 0 => return Some(index),
            Token::LParen => depth -= 1,
            _ => {}
        }
    }
    None
}

fn is_word_of(token: &TokenWithSpan, words: &[&str]) -> bool {
    words.iter().any(|word| is_word(token, word))
}

/// Returns what a part of a PARTITION BY marks, if it is a mark.
pub fn marked(part: &Expr) -> Option<Exclusion> {
    match part {
        Expr::Nested(part) => marked(part),
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => Exclusion::of_mark(text),
            _ => None,
        },
        _ => None,
    }
}

/// Returns an expression as the user typed it, with EXCLUDE in the place of marks.
pub fn typed(expression: &Expr) -> String {
    let mut windows: Vec<WindowSpec> = Vec::new();
    let _ = visit_expressions(expression, |part| {
        if let Expr::Function(call) = part
            && let Some(WindowType::WindowSpec(window)) = &call.over
        {
            windows.push(window.clone());
        }
        ControlFlow::<()>::Continue(())
    });
    windows.into_iter().fold(expression.to_string(), |text, mut window| {
        let before = format!("({window})");
        let found = window.partition_by.iter().find_map(marked);
        window.partition_by.retain(|part| marked(part).is_none());
        match found {
            Some(exclusion) => text.replace(&before, &format!("({window} EXCLUDE {})", exclusion.words())),
            None => text,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> String {
        let tokens = Tokenizer::new(&GenericDialect {}, text).tokenize_with_location().expect("tokens");
        rewritten(tokens).iter().map(crate::text::tokens::written).collect::<String>().replace('\u{1}', "!")
    }

    #[test]
    fn exclude_becomes_a_mark_of_the_partition() {
        assert_eq!(
            written("SELECT f(x) OVER (PARTITION BY (a) ORDER BY b ROWS 1 PRECEDING EXCLUDE current row) FROM t"),
            "SELECT f(x) OVER (PARTITION BY ('!EXCLUDE CURRENT ROW'),  (a) ORDER BY b ROWS 1 PRECEDING ) FROM t"
        );
        assert_eq!(
            written("SELECT f(x) OVER w FROM t WINDOW w AS (v GROUPS 1 PRECEDING EXCLUDE /* them */ TIES)"),
            "SELECT f(x) OVER w FROM t WINDOW w AS (v PARTITION BY ('!EXCLUDE TIES') GROUPS 1 PRECEDING )"
        );
        assert_eq!(written("f() OVER (ROWS 1 PRECEDING EXCLUDE NO OTHERS)"), "f() OVER (ROWS 1 PRECEDING )");
    }

    #[test]
    fn other_words_stay() {
        for text in [
            "SELECT * EXCLUDE (a) FROM t",
            "SELECT (SELECT t.* EXCLUDE ties)",
            "SELECT f() OVER (ROWS 1 PRECEDING EXCLUDE them)",
            "SELECT f() OVER (ORDER BY a EXCLUDE TIES)",
            "SELECT exclude FROM t",
        ] {
            assert_eq!(written(text), text);
        }
    }
}
