//! Colours for a line of SQL while it is typed.

use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, Whitespace};

use super::statement::{Cursor, begin, end, tokens};

const KEYWORD: &str = "\x1b[1;34m";
const TEXT: &str = "\x1b[32m";
const NUMBER: &str = "\x1b[36m";
const COMMENT: &str = "\x1b[90m";
const PLAIN: &str = "\x1b[0m";

/// Returns a line with its keywords, texts, numbers and comments in colour. `before` has the lines of its statement before it.
pub fn coloured(before: &str, line: &str) -> String {
    let whole = format!("{before}{line}");
    let (tokens, _) = tokens(&whole);
    let mut cursor = Cursor::start(&whole);
    let (mut text, mut copied) = (String::new(), before.len());
    let mut read = 0;
    for token in &tokens {
        let (from, to) = (cursor.seek(begin(token)).offset, cursor.seek(end(token)).offset);
        read = to;
        let Some(colour) = colour(&token.token) else { continue };
        if to > copied {
            let from = from.max(copied);
            text.push_str(&whole[copied..from]);
            text.extend([colour, &whole[from..to], PLAIN]);
            copied = to;
        }
    }
    // A text or a comment without an end is one already.
    let rest = whole[read..].trim_start();
    let begun = if rest.starts_with('\'') { Some(TEXT) } else { rest.starts_with("/*").then_some(COMMENT) };
    match begun {
        Some(colour) => {
            let from = (whole.len() - rest.len()).max(copied);
            text + &whole[copied..from] + colour + &whole[from..] + PLAIN
        }
        None => text + &whole[copied..],
    }
}

fn colour(token: &Token) -> Option<&'static str> {
    match token {
        Token::Word(word) if word.keyword != Keyword::NoKeyword && word.quote_style.is_none() => Some(KEYWORD),
        Token::SingleQuotedString(_) | Token::DollarQuotedString(_) | Token::EscapedStringLiteral(_) => Some(TEXT),
        Token::Number(..) => Some(NUMBER),
        Token::Whitespace(Whitespace::SingleLineComment { .. } | Whitespace::MultiLineComment(_)) => Some(COMMENT),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_keep_their_places() {
        let line = "SELECT 'é', \"from\", 1.5 FROM ticks -- all";
        let text = coloured("", line);
        assert_eq!(
            text,
            "\x1b[1;34mSELECT\x1b[0m \x1b[32m'é'\x1b[0m, \"from\", \x1b[36m1.5\x1b[0m \x1b[1;34mFROM\x1b[0m ticks \x1b[90m-- all\x1b[0m"
        );
        let plain = [KEYWORD, TEXT, NUMBER, COMMENT, PLAIN].iter().fold(text, |text, code| text.replace(code, ""));
        assert_eq!(plain, line);
    }

    #[test]
    fn what_is_open_goes_on_in_the_next_line() {
        assert_eq!(coloured("SELECT 'a\n", "b', 1"), "\x1b[32mb'\x1b[0m, \x1b[36m1\x1b[0m");
        assert_eq!(coloured("", "x 'open"), "x \x1b[32m'open\x1b[0m");
        assert_eq!(coloured("/* a\n", "b */ 1"), "\x1b[90mb */\x1b[0m \x1b[36m1\x1b[0m");
        assert_eq!(coloured("", ""), "");
    }
}
