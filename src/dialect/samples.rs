//! TABLESAMPLE and USING SAMPLE.
//!
//! In: `TABLESAMPLE 10%`, `TABLESAMPLE reservoir(50 ROWS)`, `USING SAMPLE 10% (bernoulli)`, as DuckDB has them. As tokens, they are written in
//! the one form that the parser reads, behind the table of FROM. Out: in the parsed statement, a subquery takes the place of such a table. A share takes each
//! row with this probability; a number takes as many rows, each with the same probability.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, ObjectNamePart, Query, Statement, TableAlias, TableFactor, TableSample, TableSampleKind, TableSampleQuantity,
    TableSampleUnit, Value, VisitMut, VisitorMut,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

use crate::error::Refused;
use crate::text::tokens::{closing, is_word, next_of, significant};

/// Words that end a FROM. Behind USING SAMPLE, only ORDER and LIMIT follow.
const AFTER_FROM: [&str; 8] = ["WHERE", "GROUP", "HAVING", "WINDOW", "QUALIFY", "USING", "ORDER", "LIMIT"];

/// Writes samples as the parser reads them. What cannot be read stays as it is.
pub fn rewritten(mut tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut start = 0;
    while let Some(word) = (start..tokens.len()).find(|index| is_sample(&tokens, *index)) {
        start = word + 1;
        let is_behind = is_word(&tokens[word], "USING");
        let Some(first) = significant(&tokens, if is_behind { start } else { word }) else { break };
        let Some((sample, end)) = significant(&tokens, first + 1).and_then(|from| read(&tokens, from)) else {
            continue;
        };
        let place = if is_behind { table_end(&tokens, word) } else { Some(word) };
        let Some(place) = place else { continue };
        let written = format!(" TABLESAMPLE {sample} ");
        let Ok(written) = Tokenizer::new(&GenericDialect {}, &written).tokenize_with_location() else { continue };
        let span = tokens[word].span;
        let written = written.into_iter().map(|token| TokenWithSpan::new(token.token, span));
        let written: Vec<TokenWithSpan> = written.filter(|token| token.token != Token::EOF).collect();
        start = place + written.len();
        tokens.drain(word..end);
        tokens.splice(place..place, written);
    }
    tokens
}

fn is_sample(tokens: &[TokenWithSpan], index: usize) -> bool {
    let next = || significant(tokens, index + 1).is_some_and(|next| is_word(&tokens[next], "SAMPLE"));
    is_word(&tokens[index], "TABLESAMPLE") || is_word(&tokens[index], "USING") && next()
}

/// Returns where the only table of the query ends whose USING SAMPLE stands at a position; `None` if there is not exactly one.
fn table_end(tokens: &[TokenWithSpan], using: usize) -> Option<usize> {
    let mut depth = 0_usize;
    let mut from = None;
    for (index, token) in tokens[..using].iter().enumerate().rev() {
        match &token.token {
            Token::RParen => depth += 1,
            Token::LParen if depth == 0 => break,
            Token::LParen => depth -= 1,
            Token::SemiColon if depth == 0 => break,
            _ if depth == 0 && is_word(token, "FROM") => {
                from = Some(index);
                break;
            }
            _ => {}
        }
    }
    let from = from?;
    let end = next_of(tokens, from + 1, &AFTER_FROM);
    let joined = next_of(tokens, from + 1, &["JOIN"]);
    let has_comma = {
        let mut depth = 0_usize;
        tokens[from..end].iter().any(|token| {
            match token.token {
                Token::LParen | Token::LBracket => depth += 1,
                Token::RParen | Token::RBracket => depth = depth.saturating_sub(1),
                Token::Comma => return depth == 0,
                _ => {}
            }
            false
        })
    };
    (end <= using && joined >= end && !has_comma).then_some(end)
}

/// Reads a sample; returns it in the parser's words, and where it ends.
fn read(tokens: &[TokenWithSpan], from: usize) -> Option<(String, usize)> {
    let mut method = method(tokens, from);
    let inner = match method {
        Some(_) => significant(tokens, from + 1).filter(|open| tokens[*open].token == Token::LParen)?,
        None => from,
    };
    let (number, close) = match tokens[inner].token {
        Token::LParen => (significant(tokens, inner + 1)?, Some(closing(tokens, inner)?)),
        _ => (inner, None),
    };
    let Token::Number(quantity, false) = &tokens[number].token else { return None };
    let mut end = number + 1;
    let unit = significant(tokens, end).filter(|unit| close.is_none_or(|close| *unit < close));
    let is_share = unit.is_some_and(|unit| tokens[unit].token == Token::Mod || is_word(&tokens[unit], "PERCENT"));
    let is_number = unit.is_some_and(|unit| is_word(&tokens[unit], "ROWS"));
    if is_share || is_number {
        end = unit? + 1;
    }
    if let Some(close) = close {
        if significant(tokens, end)? != close {
            return None;
        }
        end = close + 1;
    }
    let mut has_seed = false;
    // `10% (bernoulli)`: the method may stand behind; `(bernoulli, 42)` has a seed too.
    if let Some(open) = significant(tokens, end).filter(|open| tokens[*open].token == Token::LParen)
        && let Some(behind) = significant(tokens, open + 1)
        && let Some(close) = closing(tokens, open)
    {
        method = Some(self::method(tokens, behind).filter(|_| method.is_none())?);
        has_seed = significant(tokens, behind + 1) != Some(close);
        end = close + 1;
    }
    if let Some(open) = significant(tokens, end)
        .filter(|word| is_word(&tokens[*word], "REPEATABLE"))
        .and_then(|word| significant(tokens, word + 1))
    {
        has_seed = true;
        end = closing(tokens, open)? + 1;
    }
    // As in PostgreSQL, the number of these methods is a share if nothing else is said.
    let of_shares = method.is_some_and(|method| method != RESERVOIR);
    let unit = if is_share || of_shares && !is_number { "PERCENT" } else { "ROWS" };
    // DuckDB refuses a number of rows for these; its reservoir of a share has an exact number of rows.
    if method.is_some() && of_shares != (unit == "PERCENT") {
        return None;
    }
    let seed = if has_seed { " REPEATABLE (0)" } else { "" };
    Some((format!("({quantity} {unit}){seed}"), end))
}

const RESERVOIR: &str = "RESERVOIR";

fn method(tokens: &[TokenWithSpan], index: usize) -> Option<&'static str> {
    [RESERVOIR, "BERNOULLI", "SYSTEM"].into_iter().find(|method| is_word(&tokens[index], method))
}

/// Writes samples of tables as subqueries.
///
/// # Errors
/// A sample has a seed, or another form than DuckDB's.
pub fn write(statement: &mut Statement) -> Result<(), Refused> {
    super::refused(statement.visit(&mut Writer))
}

struct Writer;

impl VisitorMut for Writer {
    type Break = Refused;

    fn post_visit_table_factor(&mut self, table: &mut TableFactor) -> ControlFlow<Refused> {
        let (sample, alias) = match table {
            TableFactor::Table { sample, alias, name, .. } => {
                let named =
                    name.0.last().and_then(ObjectNamePart::as_ident).filter(|name| name.quote_style != Some('\''));
                let own =
                    named.map(|name| TableAlias { explicit: true, name: name.clone(), columns: Vec::new(), at: None });
                (sample.take(), alias.clone().or(own))
            }
            TableFactor::Derived { sample, alias, .. } => (sample.take(), alias.clone()),
            _ => return ControlFlow::Continue(()),
        };
        let Some(TableSampleKind::BeforeTableAlias(sample) | TableSampleKind::AfterTableAlias(sample)) = sample else {
            return ControlFlow::Continue(());
        };
        match sampled(table.clone(), &sample) {
            Ok(subquery) => {
                let alias = alias.map(|alias| TableAlias { columns: Vec::new(), ..alias });
                *table = TableFactor::Derived { lateral: false, subquery: Box::new(subquery), alias, sample: None };
                ControlFlow::Continue(())
            }
            Err(refused) => ControlFlow::Break(refused),
        }
    }
}

/// Returns the query for some of a table's rows.
fn sampled(table: TableFactor, sample: &TableSample) -> Result<Query, Refused> {
    let refuse = |message: &str, hint: &str| Refused { message: message.into(), hint: Some(hint.into()) };
    if sample.name.is_some() {
        let hint = "write BERNOULLI (10 PERCENT), or RESERVOIR (100 ROWS)";
        return Err(refuse("this form of `TABLESAMPLE` is not supported", hint));
    }
    if sample.seed.is_some() {
        let hint = "choose rows by a key: WHERE md5(concat(id, 'seed')) < '1999' takes the same tenth each time";
        return Err(refuse("a sample with a seed is not supported", hint));
    }
    let quantity = sample.quantity.as_ref().filter(|_| sample.bucket.is_none() && sample.offset.is_none());
    let number = quantity.and_then(|quantity| Some((number(&quantity.value)?, quantity)));
    let Some((number, TableSampleQuantity { unit: Some(unit), .. })) = number else {
        return Err(refuse(
            "this form of `TABLESAMPLE` is not supported",
            "write TABLESAMPLE 10% or TABLESAMPLE 100 ROWS",
        ));
    };
    let form = match unit {
        TableSampleUnit::Percent => {
            let share = number.parse::<f64>().ok().filter(|percent| (0.0..=100.0).contains(percent));
            let Some(percent) = share else {
                return Err(refuse("a sample has between 0 and 100 percent of the rows", "write TABLESAMPLE 10%"));
            };
            format!("SELECT * FROM {SAMPLED} WHERE random() < {:?}", percent / 100.0)
        }
        TableSampleUnit::Rows => {
            if number.parse::<u64>().is_err() {
                return Err(refuse("a sample has a whole number of rows", "write TABLESAMPLE 100 ROWS"));
            }
            // The engine cannot sort rows without columns by an expression, and count(*) needs no other column.
            format!(
                "SELECT * EXCLUDE ({KEY}) FROM \
                 (SELECT *, random() AS {KEY} FROM {SAMPLED} ORDER BY {KEY} LIMIT {number})"
            )
        }
    };
    let query = Parser::new(&GenericDialect {}).try_with_sql(&form).and_then(|mut parser| parser.parse_query());
    let mut query = query.map_err(|error| refuse(&error.to_string(), "write TABLESAMPLE 10%"))?;
    // Nothing ends the visit early.
    let _ = query.visit(&mut Place(Some(table)));
    Ok(*query)
}

/// What stands for the table in a form.
const SAMPLED: &str = "squall_sampled";

/// The column by which rows are chosen.
const KEY: &str = "squall_random";

/// Puts a table into a form.
struct Place(Option<TableFactor>);

impl VisitorMut for Place {
    type Break = ();

    fn pre_visit_table_factor(&mut self, place: &mut TableFactor) -> ControlFlow<()> {
        if matches!(place, TableFactor::Table { name, .. } if name.to_string() == SAMPLED)
            && let Some(table) = self.0.take()
        {
            *place = table;
        }
        ControlFlow::Continue(())
    }
}

fn number(value: &Expr) -> Option<&str> {
    match value {
        Expr::Value(value) => match &value.value {
            Value::Number(number, _) => Some(number),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::tokens::written;

    fn text(sql: &str) -> String {
        let tokens = Tokenizer::new(&GenericDialect {}, sql).tokenize_with_location().unwrap();
        let found: String = rewritten(tokens).iter().map(written).collect();
        found.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn samples_stand_behind_their_table() {
        for (sql, expected) in [
            ("FROM t TABLESAMPLE 10%", "FROM t TABLESAMPLE (10 PERCENT)"),
            ("FROM t AS a TABLESAMPLE system(10 PERCENT)", "FROM t AS a TABLESAMPLE (10 PERCENT)"),
            ("FROM t TABLESAMPLE bernoulli(0.5)", "FROM t TABLESAMPLE (0.5 PERCENT)"),
            ("FROM t TABLESAMPLE (5) WHERE a", "FROM t TABLESAMPLE (5 ROWS) WHERE a"),
            ("FROM t TABLESAMPLE reservoir(5 ROWS), u", "FROM t TABLESAMPLE (5 ROWS) , u"),
            ("FROM t WHERE a USING SAMPLE 10 % ORDER BY a", "FROM t TABLESAMPLE (10 PERCENT) WHERE a ORDER BY a"),
            ("FROM t USING SAMPLE 10% (bernoulli)", "FROM t TABLESAMPLE (10 PERCENT)"),
            ("FROM t USING SAMPLE 10% (system, 7)", "FROM t TABLESAMPLE (10 PERCENT) REPEATABLE (0)"),
            ("FROM (FROM f(1, 2) USING SAMPLE 5) u", "FROM (FROM f(1, 2) TABLESAMPLE (5 ROWS) ) u"),
            ("FROM t USING SAMPLE reservoir(5) REPEATABLE (7)", "FROM t TABLESAMPLE (5 ROWS) REPEATABLE (0)"),
        ] {
            assert_eq!(text(sql), expected);
        }
        for sql in [
            "FROM t JOIN u USING (a) USING SAMPLE 10%",
            "FROM t, u USING SAMPLE 10%",
            "FROM t USING SAMPLE bernoulli(5 ROWS)",
            "FROM t TABLESAMPLE reservoir(5%)",
            "SELECT sample, tablesample FROM t JOIN u USING (sample)",
        ] {
            assert_eq!(text(sql), sql);
        }
    }

    #[test]
    fn samples_are_subqueries() {
        let parse = |sql: &str| Parser::parse_sql(&GenericDialect {}, sql).unwrap();
        for (sql, expected) in [
            (
                "SELECT t.a FROM t TABLESAMPLE (10 PERCENT) WHERE a",
                "SELECT t.a FROM (SELECT * FROM t WHERE random() < 0.1) AS t WHERE a",
            ),
            (
                "SELECT 1 FROM t AS u TABLESAMPLE (5 ROWS)",
                "SELECT 1 FROM (SELECT * EXCLUDE (squall_random) FROM (SELECT *, random() AS squall_random FROM t AS u \
                 ORDER BY squall_random LIMIT 5)) AS u",
            ),
        ] {
            let mut statements = parse(sql);
            write(&mut statements[0]).unwrap();
            assert_eq!(statements[0].to_string(), expected);
        }
        for sql in [
            "SELECT 1 FROM t TABLESAMPLE (101 PERCENT)",
            "SELECT 1 FROM t TABLESAMPLE (1.5 ROWS)",
            "SELECT 1 FROM t TABLESAMPLE (1 PERCENT) REPEATABLE (3)",
            "SELECT 1 FROM t TABLESAMPLE BERNOULLI (1 ROWS)",
            "SELECT 1 FROM t TABLESAMPLE (BUCKET 1 OUT OF 2)",
        ] {
            assert!(write(&mut parse(sql)[0]).is_err(), "{sql}");
        }
    }
}
