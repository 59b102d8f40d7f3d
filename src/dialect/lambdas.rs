//! Lambdas and comprehensions of lists.
//!
//! In: `list_transform(l, lambda x: x + 1)`, `list_filter(l, x -> x > 1)`, `[x + 1 FOR x IN l IF x > 1]`. The parser reads none of them in the
//! dialect of squall. As tokens, a lambda is written as a call, whose last argument is the body, and a comprehension as calls of `list_filter`
//! and `list_transform`. Out: in the parsed statement, such a call is a lambda.

use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, LambdaFunction, LambdaFunctionParameter,
    LambdaSyntax, OneOrManyWithParens, Statement, Value,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

use super::calls::call;
use super::each_expression;
use super::identifiers::folded;
use crate::error::Refused;
use crate::text::tokens::{is_word, significant, written};

/// The call that stands for a lambda.
const LAMBDA: &str = "squall_lambda";

/// Functions that take a lambda, also with an arrow. Elsewhere, an arrow takes a part of JSON.
const OF_LAMBDAS: [&str; 9] = [
    "list_transform",
    "list_apply",
    "array_transform",
    "array_apply",
    "list_filter",
    "array_filter",
    "array_any_match",
    "list_any_match",
    "any_match",
];

/// Writes lambdas and comprehensions as calls.
pub fn rewritten(mut tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut at = 0;
    while at < tokens.len() {
        let found = match &tokens[at].token {
            Token::LBracket => comprehension(&tokens, at),
            Token::Word(_) => lambda(&tokens, at),
            _ => None,
        };
        if let Some((text, end)) = found
            && let Ok(call) = Tokenizer::new(&GenericDialect {}, &text).tokenize_with_location()
        {
            let span = tokens[at].span;
            let call = call.into_iter().filter(|token| token.token != Token::EOF);
            tokens.splice(at..end, call.map(|token| TokenWithSpan::new(token.token, span)));
        }
        // What was written may hold another one.
        at += 1;
    }
    tokens
}

/// Writes `[value FOR x IN list IF condition]`; also returns where it ends.
fn comprehension(tokens: &[TokenWithSpan], open: usize) -> Option<(String, usize)> {
    let end = end_of(tokens, open + 1, &[]);
    let each = end_of(tokens, open + 1, &["FOR"]);
    let name = significant(tokens, each + 1).filter(|name| is_name(tokens, *name))?;
    let inside = significant(tokens, name + 1).filter(|inside| is_word(&tokens[*inside], "IN"))?;
    let condition = end_of(tokens, inside + 1, &["IF"]);
    if tokens.get(end)?.token != Token::RBracket || !is_word(&tokens[each], "FOR") {
        return None;
    }
    let text = |from: usize, to: usize| tokens[from..to].iter().map(written).collect::<String>();
    let (value, name) = (text(open + 1, each), written(&tokens[name]));
    let mut list = text(inside + 1, condition);
    if condition < end {
        list = format!("list_filter({list}, {LAMBDA}({name}, {}))", text(condition + 1, end));
    }
    Some((format!("list_transform({list}, {LAMBDA}({name}, {value}))"), end + 1))
}

/// Writes `lambda x: body`, and `x -> body` as an argument of a function that takes lambdas; also returns where it ends.
fn lambda(tokens: &[TokenWithSpan], first: usize) -> Option<(String, usize)> {
    let is_keyword = is_word(&tokens[first], "LAMBDA");
    let mut name = if is_keyword { significant(tokens, first + 1)? } else { first };
    let mut names = String::new();
    let sign = loop {
        if !is_name(tokens, name) {
            return None;
        }
        names += &format!("{}, ", written(&tokens[name]));
        let next = significant(tokens, name + 1)?;
        match tokens[next].token {
            Token::Comma if is_keyword => name = significant(tokens, next + 1)?,
            _ => break next,
        }
    };
    let is_lambda = match tokens[sign].token {
        Token::Colon => is_keyword,
        Token::Arrow => !is_keyword && is_argument(tokens, first),
        _ => false,
    };
    let end = end_of(tokens, sign + 1, &[]);
    let body: String = tokens[sign + 1..end].iter().map(written).collect();
    is_lambda.then(|| (format!("{LAMBDA}({names}{body})"), end))
}

fn is_name(tokens: &[TokenWithSpan], index: usize) -> bool {
    matches!(tokens[index].token, Token::Word(_))
}

/// Returns whether a position is the start of an argument, not the first one, of a function that takes lambdas.
fn is_argument(tokens: &[TokenWithSpan], at: usize) -> bool {
    let mut before = (0..at).rev().filter(|index| !matches!(tokens[*index].token, Token::Whitespace(_)));
    if before.next().is_none_or(|comma| tokens[comma].token != Token::Comma) {
        return false;
    }
    let mut depth = 0_usize;
    while let Some(index) = before.next() {
        match tokens[index].token {
            Token::RParen | Token::RBracket | Token::RBrace => depth += 1,
            Token::LParen if depth == 0 => {
                return before.next().is_some_and(|name| OF_LAMBDAS.iter().any(|known| is_word(&tokens[name], known)));
            }
            Token::LParen | Token::LBracket | Token::LBrace => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

/// Returns the first token from a position on, outside of parentheses and brackets, that is one of some words, or that ends what is around:
/// a comma if no word is wanted, or what closes it.
fn end_of(tokens: &[TokenWithSpan], from: usize, words: &[&str]) -> usize {
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate().skip(from) {
        match token.token {
            Token::LParen | Token::LBracket | Token::LBrace => depth += 1,
            Token::RParen | Token::RBracket | Token::RBrace | Token::EOF | Token::SemiColon if depth == 0 => {
                return index;
            }
            Token::RParen | Token::RBracket | Token::RBrace => depth -= 1,
            Token::Comma if depth == 0 && words.is_empty() => return index,
            _ if depth == 0 && words.iter().any(|word| is_word(token, word)) => return index,
            _ => {}
        }
    }
    tokens.len()
}

/// Writes such calls as lambdas.
pub fn write(statement: &mut Statement) -> Result<(), Refused> {
    each_expression(statement, |expression| {
        if let Expr::Function(call) = expression
            && let Some(lambda) = read(call)
        {
            *expression = Expr::Lambda(lambda);
        }
    });
    Ok(())
}

fn read(call: &Function) -> Option<LambdaFunction> {
    let FunctionArguments::List(list) = &call.args else { return None };
    if call.name.to_string() != LAMBDA {
        return None;
    }
    let (body, names) = list.args.split_last()?;
    let expression = |argument: &FunctionArg| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expression)) => Some(expression.clone()),
        _ => None,
    };
    let parameter = |argument: &FunctionArg| match expression(argument)? {
        Expr::Identifier(name) => Some(LambdaFunctionParameter { name, data_type: None }),
        _ => None,
    };
    let mut names: Vec<_> = names.iter().map(parameter).collect::<Option<_>>()?;
    let params = match names.len() {
        1 => OneOrManyWithParens::One(names.remove(0)),
        _ => OneOrManyWithParens::Many(names),
    };
    let mut body = Box::new(expression(body)?);
    each_expression(&mut *body, |part| write_field(part, &params));
    Some(LambdaFunction { params, body, syntax: LambdaSyntax::LambdaKeyword })
}

/// Writes `x.field` of a parameter as a call; the planner would look for a table `x`.
fn write_field(expression: &mut Expr, params: &[LambdaFunctionParameter]) {
    let Expr::CompoundIdentifier(names) = expression else { return };
    let is_parameter = names.first().is_some_and(|name| params.iter().any(|known| folded(&known.name) == folded(name)));
    if is_parameter {
        let parameter = Expr::Identifier(names[0].clone());
        *expression = names[1..].iter().fold(parameter, |value, field| {
            call("get_field", vec![value, Expr::value(Value::SingleQuotedString(folded(field)))])
        });
    }
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::parser::Parser;

    use super::*;

    fn text(sql: &str) -> String {
        let tokens = Tokenizer::new(&GenericDialect {}, sql).tokenize_with_location().unwrap();
        let found: String = rewritten(tokens).iter().map(written).collect();
        let mut statements = Parser::parse_sql(&GenericDialect {}, &found).unwrap();
        write(&mut statements[0]).unwrap();
        statements[0].to_string()
    }

    #[test]
    fn lambdas_are_read() {
        for (sql, expected) in [
            ("SELECT list_transform(l, lambda x: x + 1), 2", "SELECT list_transform(l, lambda x : x + 1), 2"),
            (
                "SELECT list_filter([1, 2], x -> x > 1 AND f(x, 2))",
                "SELECT list_filter([1, 2], lambda x : x > 1 AND f(x, 2))",
            ),
            ("SELECT list_transform(l, lambda x, i: x + i)", "SELECT list_transform(l, lambda x, i : x + i)"),
            (
                "SELECT [x * 2 for x in [1, 2] if x > 1]",
                "SELECT list_transform(list_filter([1, 2], lambda x : x > 1), lambda x : x * 2)",
            ),
            (
                "SELECT [x.a.b for x in l if t.a]",
                "SELECT list_transform(list_filter(l, lambda x : t.a), lambda x : get_field(get_field(x, 'a'), 'b'))",
            ),
            (
                "SELECT [[y for y in x] for x in l]",
                "SELECT list_transform(l, lambda x : list_transform(x, lambda y : y))",
            ),
        ] {
            assert_eq!(text(sql), expected);
        }
    }

    #[test]
    fn others_stay() {
        for sql in ["SELECT f(a, j -> 'b'), list_contains(l, j -> 'b')", "SELECT l[1], [1, 2], lambda, {'a': x} FROM t"]
        {
            assert_eq!(text(sql), sql);
        }
    }
}
