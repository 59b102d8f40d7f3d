//! Functions of DuckDB that are another expression of the engine.
//!
//! In: a statement. Out: the same statement, in which such a call is written as the engine has it. To add one: a line in [`CALLS`].

use std::collections::HashMap;
use std::sync::LazyLock;

use datafusion::sql::sqlparser::ast::{
    Array, BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments,
    Ident, ObjectName, ObjectNamePart, Statement, Value,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;

use super::each_expression;
use crate::error::Refused;

/// A call by its name and the number of its arguments, and what it is. A window and a FILTER of the call stay.
const CALLS: &[(&str, usize, &str)] = &[
    ("count_star", 0, "count(*)"),
    ("if", 3, "CASE WHEN $1 THEN $2 ELSE $3 END"),
    ("iff", 3, "CASE WHEN $1 THEN $2 ELSE $3 END"),
    ("count_if", 1, "count(CASE WHEN $1 THEN 1 END)"),
    ("countif", 1, "count(CASE WHEN $1 THEN 1 END)"),
    ("list", 1, "array_agg($1)"),
    ("first", 1, "first_value($1)"),
    ("last", 1, "last_value($1)"),
    ("any_value", 1, "first_value($1) IGNORE NULLS"),
    // The greatest or least values as a list.
    ("max", 2, "max_n($1, $2)"),
    ("min", 2, "min_n($1, $2)"),
    ("arg_max", 3, "arg_max_n($1, $2, $3)"),
    ("max_by", 3, "arg_max_n($1, $2, $3)"),
    ("argmax", 3, "arg_max_n($1, $2, $3)"),
    ("arg_min", 3, "arg_min_n($1, $2, $3)"),
    ("min_by", 3, "arg_min_n($1, $2, $3)"),
    ("argmin", 3, "arg_min_n($1, $2, $3)"),
    ("variance", 1, "var_samp($1)"),
    ("quantile", 2, "quantile_disc($1, $2)"),
    ("group_concat", 1, "string_agg($1, ',')"),
    ("group_concat", 2, "string_agg($1, $2)"),
    ("listagg", 1, "string_agg($1, ',')"),
    ("listagg", 2, "string_agg($1, $2)"),
    ("string_agg", 1, "string_agg($1, ',')"),
    // Sums of doubles are exact.
    ("fsum", 1, "sum($1)"),
    ("kahan_sum", 1, "sum($1)"),
    ("sumkahan", 1, "sum($1)"),
    ("favg", 1, "avg($1)"),
    ("approx_count_distinct", 1, "approx_distinct($1)"),
    ("approx_quantile", 2, "approx_percentile_cont($1, $2)"),
    ("year", 1, "date_part('year', $1)"),
    ("quarter", 1, "date_part('quarter', $1)"),
    ("month", 1, "date_part('month', $1)"),
    ("week", 1, "date_part('week', $1)"),
    ("weekofyear", 1, "date_part('week', $1)"),
    ("day", 1, "date_part('day', $1)"),
    ("dayofmonth", 1, "date_part('day', $1)"),
    ("dayofweek", 1, "date_part('dow', $1)"),
    ("weekday", 1, "date_part('dow', $1)"),
    ("yearweek", 1, "date_part('isoyear', $1) * 100 + date_part('week', $1)"),
    ("isodow", 1, "(date_part('dow', $1) + 6) % 7 + 1"),
    ("dayofyear", 1, "date_part('doy', $1)"),
    ("hour", 1, "date_part('hour', $1)"),
    ("minute", 1, "date_part('minute', $1)"),
    ("second", 1, "date_part('second', $1)"),
    ("last_day", 1, "CAST(date_trunc('month', $1) + INTERVAL '1 month' - INTERVAL '1 day' AS DATE)"),
    ("dayname", 1, "to_char($1, '%A')"),
    ("monthname", 1, "to_char($1, '%B')"),
    // The engine leaves out the hours of a format without minutes.
    ("to_timestamp", 2, "strptime($1, $2)"),
    ("to_timestamp", 3, "coalesce(try_strptime($1, $2), strptime($1, $3))"),
    ("to_timestamp", 4, "coalesce(try_strptime($1, $2), try_strptime($1, $3), strptime($1, $4))"),
    ("to_timestamp_seconds", 2, "to_timestamp_seconds(strptime($1, $2))"),
    ("to_timestamp_seconds", 3, "to_timestamp_seconds(coalesce(try_strptime($1, $2), strptime($1, $3)))"),
    ("to_timestamp_millis", 2, "to_timestamp_millis(strptime($1, $2))"),
    ("to_timestamp_millis", 3, "to_timestamp_millis(coalesce(try_strptime($1, $2), strptime($1, $3)))"),
    ("to_timestamp_micros", 2, "to_timestamp_micros(strptime($1, $2))"),
    ("to_timestamp_micros", 3, "to_timestamp_micros(coalesce(try_strptime($1, $2), strptime($1, $3)))"),
    ("to_timestamp_nanos", 2, "to_timestamp_nanos(strptime($1, $2))"),
    ("to_timestamp_nanos", 3, "to_timestamp_nanos(coalesce(try_strptime($1, $2), strptime($1, $3)))"),
    ("to_unixtime", 2, "to_unixtime(strptime($1, $2))"),
    ("to_unixtime", 3, "to_unixtime(coalesce(try_strptime($1, $2), strptime($1, $3)))"),
    ("date_add", 2, "($1) + ($2)"),
    ("to_years", 1, "($1) * INTERVAL '1 year'"),
    ("to_months", 1, "($1) * INTERVAL '1 month'"),
    ("to_weeks", 1, "($1) * INTERVAL '7 days'"),
    ("to_days", 1, "($1) * INTERVAL '1 day'"),
    ("to_hours", 1, "($1) * INTERVAL '1 hour'"),
    ("to_minutes", 1, "($1) * INTERVAL '1 minute'"),
    ("to_seconds", 1, "($1) * INTERVAL '1 second'"),
    ("to_milliseconds", 1, "($1) * INTERVAL '1 millisecond'"),
    ("mod", 2, "($1) % ($2)"),
    ("xor", 2, "($1 | $2) - ($1 & $2)"),
    ("isinf", 1, "abs($1) = CAST('inf' AS DOUBLE)"),
    ("isfinite", 1, "abs($1) < CAST('inf' AS DOUBLE)"),
    ("struct_extract", 2, "get_field($1, $2)"),
    ("strlen", 1, "octet_length($1)"),
    ("unicode", 1, "ascii($1)"),
    ("ord", 1, "ascii($1)"),
    ("sign", 1, "signum($1)"),
    ("list_apply", 2, "array_transform($1, $2)"),
    ("array_apply", 2, "array_transform($1, $2)"),
    ("list_min", 1, "array_min($1)"),
    ("list_max", 1, "array_max($1)"),
    ("list_sort", 1, "array_sort($1, 'ASC', 'NULLS LAST')"),
    ("array_sort", 1, "array_sort($1, 'ASC', 'NULLS LAST')"),
    ("list_sort", 2, "array_sort($1, $2, 'NULLS LAST')"),
    ("array_sort", 2, "array_sort($1, $2, 'NULLS LAST')"),
    ("list_reverse_sort", 1, "array_sort($1, 'DESC', 'NULLS LAST')"),
    ("array_reverse_sort", 1, "array_sort($1, 'DESC', 'NULLS LAST')"),
    ("list_reverse_sort", 2, "array_sort($1, 'DESC', $2)"),
    ("array_reverse_sort", 2, "array_sort($1, 'DESC', $2)"),
    (IS_ANY, 2, "array_has($2, $1) OR CASE WHEN array_position($2, NULL, 1) IS NOT NULL THEN NULL ELSE FALSE END"),
    (
        IS_NONE,
        2,
        "NOT (array_has($2, $1) OR CASE WHEN array_position($2, NULL, 1) IS NOT NULL THEN NULL ELSE FALSE END)",
    ),
    ("regexp_matches", 2, "regexp_like($1, $2)"),
    ("regexp_full_match", 2, "regexp_like($1, '\\A(' || $2 || ')\\z')"),
    ("regexp_extract", 2, REGEXP_EXTRACT),
    ("regexp_extract", 3, REGEXP_EXTRACT_GROUP),
    ("string_split", 2, "string_to_array($1, $2)"),
    ("str_split", 2, "string_to_array($1, $2)"),
    ("unhex", 1, "decode($1, 'hex')"),
    ("from_hex", 1, "decode($1, 'hex')"),
    ("to_base64", 1, "encode($1, 'base64pad')"),
    ("base64", 1, "encode($1, 'base64pad')"),
    ("from_base64", 1, "decode($1, 'base64')"),
    ("gen_random_uuid", 0, "uuid()"),
    ("prefix", 2, "starts_with($1, $2)"),
    ("suffix", 2, "ends_with($1, $2)"),
];

/// What a pattern matches, or one of its groups; an empty text if it does not match.
const REGEXP_EXTRACT: &str =
    "CASE WHEN $1 || $2 IS NOT NULL THEN coalesce(regexp_match($1, '(' || $2 || ')')[1], '') END";
const REGEXP_EXTRACT_GROUP: &str =
    "CASE WHEN $1 || $2 IS NOT NULL THEN coalesce(regexp_match($1, '(' || $2 || ')')[$3 + 1], '') END";

/// `x = ANY (list)` and `x <> ALL (list)`, which are unknown if only a NULL of the list could be the value.
const IS_ANY: &str = "= any";
const IS_NONE: &str = "<> all";

/// What each call is, read once.
static FORMS: LazyLock<HashMap<(&str, usize), Expr>> = LazyLock::new(|| {
    CALLS.iter().filter_map(|(name, arguments, form)| Some(((*name, *arguments), read(form)?))).collect()
});

fn read(form: &str) -> Option<Expr> {
    Parser::new(&GenericDialect {}).try_with_sql(form).and_then(|mut parser| parser.parse_expr()).ok()
}

/// Returns an expression that is written as SQL, with values in the places of `$1`, `$2` and so on.
pub(super) fn filled(form: &str, values: &[Expr]) -> Option<Expr> {
    read(form).map(|form| fill(form, values))
}

fn fill(mut form: Expr, values: &[Expr]) -> Expr {
    each_expression(&mut form, |expression| {
        if let Expr::Value(value) = expression
            && let Value::Placeholder(place) = &value.value
            && let Some(value) = place.strip_prefix('$').and_then(|place| values.get(place.parse::<usize>().ok()? - 1))
        {
            *expression = value.clone();
        }
    });
    form
}

/// Writes such calls as the engine has them.
pub fn write(statement: &mut Statement) -> Result<(), Refused> {
    each_expression(statement, |expression| {
        let other = match expression {
            Expr::Function(call) => written(call),
            Expr::AnyOp { left, compare_op: BinaryOperator::Eq, right, .. } => of_list(IS_ANY, left, right),
            Expr::AllOp { left, compare_op: BinaryOperator::NotEq, right } => of_list(IS_NONE, left, right),
            _ => None,
        };
        if let Some(other) = other {
            *expression = other;
        }
    });
    Ok(())
}

fn written(call: &Function) -> Option<Expr> {
    let FunctionArguments::List(list) = &call.args else { return None };
    let name = call.name.to_string().to_lowercase();
    if let Some(other) = shaped(&name, call, list) {
        return Some(other);
    }
    let form = FORMS.get(&(name.as_str(), list.args.len()))?;
    let values = list.args.iter().map(|argument| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) => Some(value.clone()),
        _ => None,
    });
    let values: Vec<Expr> = values.collect::<Option<_>>()?;
    let mut form = fill(form.clone(), &values);
    match &mut form {
        Expr::Function(written) => {
            if let FunctionArguments::List(own) = &mut written.args {
                own.duplicate_treatment = list.duplicate_treatment;
                own.clauses = list.clauses.clone();
            }
            written.filter = call.filter.clone();
            written.over = call.over.clone();
            written.within_group = call.within_group.clone();
            written.null_treatment = call.null_treatment.or(written.null_treatment);
            Some(form)
        }
        _ => Some(Expr::Nested(Box::new(form))),
    }
}

/// Aggregates of which a list of shares gives a list of results.
const OF_SHARES: [&str; 5] = ["quantile", "quantile_cont", "quantile_disc", "percentile_cont", "approx_quantile"];

/// Writes calls whose arguments have a shape of their own: `quantile(x, [0.1, 0.9])`, `percentile_disc(0.5) WITHIN GROUP (ORDER BY x)`,
/// `mode() WITHIN GROUP (ORDER BY x)`, `struct_pack(a := 1)`, `list_value(1, 2)`.
fn shaped(name: &str, call: &Function, list: &FunctionArgumentList) -> Option<Expr> {
    let unnamed = |value: &Expr| FunctionArg::Unnamed(FunctionArgExpr::Expr(value.clone()));
    let with = |name: &str, args: Vec<FunctionArg>| Function {
        name: ObjectName(vec![ObjectNamePart::Identifier(Ident::new(name))]),
        args: FunctionArguments::List(FunctionArgumentList { args, ..list.clone() }),
        within_group: Vec::new(),
        ..call.clone()
    };
    match (name, list.args.as_slice(), call.within_group.as_slice()) {
        (_, [value, FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Array(shares)))], [])
            if OF_SHARES.contains(&name) && !shares.elem.is_empty() =>
        {
            let each = shares.elem.iter().map(|share| with(name, vec![value.clone(), unnamed(share)]));
            let elem = each.map(|call| written(&call).unwrap_or(Expr::Function(call))).collect();
            Some(Expr::Array(Array { elem, named: shares.named }))
        }
        ("percentile_disc", [share], [key]) if key.options.asc != Some(false) => {
            Some(Expr::Function(with("quantile_disc", vec![unnamed(&key.expr), share.clone()])))
        }
        ("list_value" | "list_pack", _, []) => Some(Expr::Function(with("make_array", list.args.clone()))),
        ("mode", [], [key]) => Some(Expr::Function(with("mode", vec![unnamed(&key.expr)]))),
        ("struct_pack", fields, []) => {
            let mut args = Vec::new();
            for field in fields {
                let FunctionArg::Named { name, arg, .. } = field else { return None };
                args.push(unnamed(&Expr::value(Value::SingleQuotedString(name.value.clone()))));
                args.push(FunctionArg::Unnamed(arg.clone()));
            }
            Some(Expr::Function(with("named_struct", args)))
        }
        _ => None,
    }
}

/// Returns a call of a function.
pub(super) fn call(name: &str, values: Vec<Expr>) -> Expr {
    let args = values.into_iter().map(|value| FunctionArg::Unnamed(FunctionArgExpr::Expr(value))).collect();
    Expr::Function(Function {
        name: ObjectName(vec![ObjectNamePart::Identifier(Ident::new(name))]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList { duplicate_treatment: None, args, clauses: Vec::new() }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

/// Writes what is asked of a list; a parameter's type is known to the engine only in its own form.
fn of_list(name: &str, value: &Expr, list: &Expr) -> Option<Expr> {
    let mut inner = list;
    while let Expr::Nested(nested) = inner {
        inner = nested;
    }
    if matches!(inner, Expr::Subquery(_) | Expr::Value(_)) {
        return None;
    }
    let form = FORMS.get(&(name, 2))?.clone();
    Some(Expr::Nested(Box::new(fill(form, &[value.clone(), list.clone()]))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_can_be_read() {
        assert_eq!(FORMS.len(), CALLS.len());
    }

    #[test]
    fn a_call_keeps_its_window_and_its_filter() {
        let text =
            "SELECT count_if(a > 1) FILTER (WHERE b), list(DISTINCT a ORDER BY a), any_value(a) OVER w, if(a, 1, 2)";
        let mut statements = Parser::parse_sql(&GenericDialect {}, text).expect("SQL");
        write(&mut statements[0]).expect("written");
        assert_eq!(
            statements[0].to_string(),
            "SELECT count(CASE WHEN a > 1 THEN 1 END) FILTER (WHERE b), array_agg(DISTINCT a ORDER BY a), \
             first_value(a) IGNORE NULLS OVER w, (CASE WHEN a THEN 1 ELSE 2 END)"
        );
    }
}
