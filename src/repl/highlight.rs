//! Colours for a line of SQL while it is typed.

use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, Whitespace};

use super::statement::{Cursor, begin, end, tokens};

const KEYWORD: &str = "\x1b[1;34m";
const TEXT: &str = "\x1b[32m";
const NUMBER: &str = "\x1b[36m";
const COMMENT: &str = "\x1b[90m";
const PLAIN: &str = "\x1b[0m";

/// Returns the line with its keywords, texts, numbers and comments in colour.
pub fn coloured(line: &str) -> String {
    let (tokens, _) = tokens(line);
    let mut cursor = Cursor::start(line);
    let (mut text, mut copied) = (String::new(), 0);
    for token in &tokens {
        let Some(colour) = colour(&token.token) else { continue };
        let (from, to) = (cursor.seek(begin(token)).offset, cursor.seek(end(token)).offset);
        text.push_str(&line[copied..from]);
        text.extend([colour, &line[from..to], PLAIN]);
        copied = to;
    }
    text + &line[copied..]
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
        let text = coloured(line);
        assert_eq!(
            text,
            "\x1b[1;34mSELECT\x1b[0m \x1b[32m'é'\x1b[0m, \"from\", \x1b[36m1.5\x1b[0m \x1b[1;34mFROM\x1b[0m ticks \x1b[90m-- all\x1b[0m"
        );
        let plain = [KEYWORD, TEXT, NUMBER, COMMENT, PLAIN].iter().fold(text, |text, code| text.replace(code, ""));
        assert_eq!(plain, line);
    }

    #[test]
    fn what_is_no_sql_stays_as_it_is() {
        assert_eq!(coloured("'open"), "'open");
        assert_eq!(coloured(""), "");
    }
}
