//! Writes PostgreSQL's own words in a statement as words that the engine knows.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CastKind, DataType, Expr, FunctionArguments, Ident, Query, Select, SelectItem, SetExpr, Statement,
    TableAlias, TableFactor, VisitMut, VisitorMut,
};

use super::constants::CONSTANTS;
use super::nothing;
use super::syntax::{arguments, array, first, identifiers, is_relation, last, object, parsed, string, type_oid};
use super::tables::is_known;
use super::{CATALOG, DATABASE, Facts, SCHEMA, relations};
use crate::serve::settings::SERVER_VERSION;
use crate::text::literal;

/// The function that lists the words of SQL; a table here.
const KEYWORDS: &str = "pg_get_keywords";

/// Names that the standard writes without parentheses.
const BARE: [&str; 6] = ["current_user", "session_user", "user", "current_role", "current_catalog", "current_schema"];

pub struct Rewrite {
    facts: Facts,
    relations: BTreeMap<u32, String>,
}

impl Rewrite {
    pub fn new(facts: Facts, relations: BTreeMap<u32, String>) -> Rewrite {
        Rewrite { facts, relations }
    }

    pub fn statement(&mut self, statement: &mut Statement) {
        let _ = statement.visit(self);
    }

    /// Returns what a function returns that is known before the query runs.
    fn known(&self, name: &str, arguments: &[&Expr]) -> Option<Expr> {
        let constant = CONSTANTS.iter().find(|(names, _)| names.contains(&name));
        if let Some((_, value)) = constant {
            return parsed(value);
        }
        let value = match (name, arguments) {
            ("version", []) => literal(&format!("PostgreSQL {SERVER_VERSION} (squall {})", env!("CARGO_PKG_VERSION"))),
            ("current_database" | "current_catalog", _) => literal(DATABASE),
            ("current_user" | "session_user" | "user" | "current_role", _) => literal(&self.facts.user),
            ("pg_backend_pid", []) => self.facts.process.to_string(),
            ("current_schemas", [implicit]) => match implicit.to_string().to_lowercase().as_str() {
                "false" => format!("ARRAY['{SCHEMA}']"),
                _ => format!("ARRAY['{CATALOG}', '{SCHEMA}']"),
            },
            ("current_setting", [name, ..]) => match string(name) {
                Some(name) => {
                    let value = self.facts.settings.get(&name.to_lowercase());
                    value.map_or_else(|| "CAST(NULL AS VARCHAR)".into(), |value| literal(value))
                }
                None => {
                    let values = self.facts.settings.iter();
                    let values = values.map(|(name, value)| format!("WHEN {} THEN {}", literal(name), literal(value)));
                    format!("CASE lower({name}) {} END", values.collect::<Vec<_>>().join(" "))
                }
            },
            ("parse_ident", [name, ..]) => {
                let parts: Vec<String> = identifiers(&string(name)?)?.iter().map(|part| literal(part)).collect();
                format!("ARRAY[{}]", parts.join(", "))
            }
            ("pg_get_viewdef", [oid, ..]) => view_definition(oid),
            // It is answered as PostgreSQL does, but sets nothing; SET does.
            ("set_config", [_, value, ..]) => return Some((*value).clone()),
            ("to_regclass", [name]) => return self.relation(&string(name)?).or_else(|| parsed("CAST(NULL AS BIGINT)")),
            ("to_regtype", [name]) => {
                type_oid(&string(name)?).map_or_else(|| "CAST(NULL AS BIGINT)".into(), |oid| oid.to_string())
            }
            ("array_upper", [array, ..]) => format!("CAST(array_length({array}) AS BIGINT)"),
            _ => return None,
        };
        parsed(&value)
    }

    /// Returns a relation's number as an expression, given its name, which may name the schema.
    fn relation(&self, name: &str) -> Option<Expr> {
        if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit()) {
            return parsed(name);
        }
        let last = name.rsplit('.').next().unwrap_or(name).trim_matches('"');
        let oid = relations::oid(last);
        let known = self.relations.get(&oid).is_some_and(|known| known == last);
        (known || is_known(last)).then(|| parsed(&oid.to_string())).flatten()
    }

    /// Writes a cast to a type that only PostgreSQL has.
    fn cast(&self, expr: &Expr, to: &DataType) -> Option<Expr> {
        let DataType::Custom(name, _) = to else {
            return match (string(expr), to) {
                (Some(text), DataType::Array(_)) => parsed(&format!("CAST({} AS {to})", array(&text)?)),
                (None, DataType::Regclass) => parsed(&relname(expr)),
                (Some(text), DataType::Regclass) => self.relation(&text).or_else(|| parsed("CAST(NULL AS BIGINT)")),
                _ => None,
            };
        };
        match last(name)?.as_str() {
            "regclass" => match string(expr) {
                Some(text) => self.relation(&text).or_else(|| parsed("CAST(NULL AS BIGINT)")),
                None => parsed(&relname(expr)),
            },
            "oid" | "xid" | "cid" => match string(expr) {
                Some(text) => parsed(&text),
                // A relation's number is a number already.
                None if is_relation(expr) => Some(expr.clone()),
                None => parsed(&format!("CAST({expr} AS BIGINT)")),
            },
            "regtype" => match string(expr) {
                Some(text) => parsed(&type_oid(&text)?.to_string()),
                None => parsed(&format!("format_type({expr}, NULL)")),
            },
            // Functions are known by their names, without a schema.
            "regproc" if string(expr).is_some() => {
                let name = string(expr)?;
                parsed(&literal(name.rsplit('.').next().unwrap_or(&name)))
            }
            "regproc" | "regnamespace" | "regrole" | "name" | "char" | "text" | "varchar" | "bpchar" => {
                parsed(&format!("CAST({expr} AS VARCHAR)"))
            }
            "bool" => parsed(&format!("CAST({expr} AS BOOLEAN)")),
            "int2" => parsed(&format!("CAST({expr} AS SMALLINT)")),
            "int4" => parsed(&format!("CAST({expr} AS INTEGER)")),
            "int8" => parsed(&format!("CAST({expr} AS BIGINT)")),
            "float8" => parsed(&format!("CAST({expr} AS DOUBLE)")),
            "timestamptz" => parsed(&format!("CAST({expr} AS TIMESTAMP WITH TIME ZONE)")),
            _ => None,
        }
    }
}

impl VisitorMut for Rewrite {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        nothing::write(query);
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        let mut taken: Vec<String> = select.projection.iter().filter_map(nothing::name).collect();
        taken.sort();
        for item in &mut select.projection {
            // PostgreSQL names a column by the function alone. The engine wants each name once.
            if let SelectItem::UnnamedExpr(Expr::Function(function)) = item
                && let Some(name) = last(&function.name)
                && match function.name.0.len() {
                    1 => self.known(&name, &arguments(function)).is_some(),
                    _ => first(&function.name).as_deref() == Some(CATALOG),
                }
                && taken.iter().filter(|other| **other == name).count() == 1
            {
                let expr = Expr::Function(function.clone());
                *item = SelectItem::ExprWithAlias { expr, alias: Ident::with_quote('"', name) };
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        let TableFactor::Table { name, alias, args, .. } = factor else { return ControlFlow::Continue(()) };
        let parts: Option<Vec<String>> =
            name.0.iter().map(|part| Some(part.as_ident()?.value.to_lowercase())).collect();
        let Some(mut parts) = parts else { return ControlFlow::Continue(()) };
        if parts.len() == 3 && parts[0] == DATABASE {
            name.0.remove(0);
            parts.remove(0);
        }
        match parts.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            [CATALOG, KEYWORDS] => *args = None,
            [CATALOG, _] if args.is_some() => {
                name.0.remove(0);
            }
            ["information_schema", table] => {
                let own = format!("information_schema_{table}");
                if is_known(&own) {
                    *name = object(&[CATALOG, &own]);
                    if alias.is_none() {
                        *alias = Some(TableAlias {
                            explicit: true,
                            name: Ident::new(*table),
                            columns: Vec::new(),
                            at: None,
                        });
                    }
                }
            }
            [table] if args.is_none() && table.starts_with("pg_") && is_known(table) => {
                *name = object(&[CATALOG, table]);
            }
            [KEYWORDS] => (*name, *args) = (object(&[CATALOG, KEYWORDS]), None),
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        // Each step may uncover another; none writes what another takes.
        while let Some(written) = self.written(expr) {
            *expr = written;
        }
        ControlFlow::Continue(())
    }
}

impl Rewrite {
    fn written(&self, expr: &mut Expr) -> Option<Expr> {
        match expr {
            Expr::Function(function) => {
                let name = last(&function.name)?;
                let qualified = function.name.0.len() == 2 && first(&function.name).as_deref() == Some(CATALOG);
                if !qualified && function.name.0.len() > 1 {
                    return None;
                }
                if name == "array" && matches!(function.args, FunctionArguments::Subquery(_)) {
                    return parsed("CAST(NULL AS VARCHAR[])");
                }
                let known = self.known(&name, &arguments(function));
                if known.is_none() && qualified {
                    function.name.0.remove(0);
                }
                known
            }
            Expr::Identifier(name) if name.quote_style.is_none() => {
                let name = name.value.to_lowercase();
                BARE.contains(&name.as_str()).then(|| self.known(&name, &[])).flatten()
            }
            Expr::CompoundIdentifier(parts) => {
                let schema = parts.len() == 3 && parts[0].value.eq_ignore_ascii_case("information_schema");
                schema.then(|| Expr::CompoundIdentifier(parts[1..].to_vec()))
            }
            Expr::Cast { expr, data_type, kind: CastKind::Cast | CastKind::DoubleColon, .. } => {
                self.cast(expr, data_type)
            }
            // The engine's LIKE escapes by the backslash alone.
            Expr::Like { negated, any, expr, pattern, escape_char: Some(escape) } if escape.to_string() != "'\\'" => {
                let pattern = parsed(&format!("replace({pattern}, {escape}, '\\')"))?;
                let (expr, pattern) = (expr.clone(), Box::new(pattern));
                Some(Expr::Like { negated: *negated, any: *any, expr, pattern, escape_char: None })
            }
            Expr::Collate { expr, .. } => Some(expr.as_ref().clone()),
            Expr::BinaryOp { left, op: BinaryOperator::PGCustomBinaryOperator(name), right } => {
                let op = match name.last()?.as_str() {
                    "~" => BinaryOperator::PGRegexMatch,
                    "~*" => BinaryOperator::PGRegexIMatch,
                    "!~" => BinaryOperator::PGRegexNotMatch,
                    "=" => BinaryOperator::Eq,
                    "<>" => BinaryOperator::NotEq,
                    "~~" => BinaryOperator::PGLikeMatch,
                    "!~~" => BinaryOperator::PGNotLikeMatch,
                    "+" => BinaryOperator::Plus,
                    "||" => BinaryOperator::StringConcat,
                    _ => return None,
                };
                Some(Expr::BinaryOp { left: left.clone(), op, right: right.clone() })
            }
            Expr::BinaryOp { left, op: op @ (BinaryOperator::Eq | BinaryOperator::NotEq), right } => {
                let (left, right) = with_function(left, right).or_else(|| {
                    let (right, left) = with_function(right, left)?;
                    Some((left, right))
                })?;
                Some(Expr::BinaryOp { left: Box::new(left), op: op.clone(), right: Box::new(right) })
            }
            Expr::AnyOp { left, compare_op, right, is_some } => {
                let array = array(&string(right)?)?;
                let (left, compare_op) = (left.clone(), compare_op.clone());
                Some(Expr::AnyOp { left, compare_op, right: Box::new(array), is_some: *is_some })
            }
            // Grafana asks whether a schema is one of search_path, by ways that only PostgreSQL goes.
            Expr::InSubquery { expr, subquery, negated } if subquery.to_string().contains("search_path") => {
                Some(Expr::InList { expr: expr.clone(), list: vec![parsed(&literal(SCHEMA))?], negated: *negated })
            }
            Expr::Subquery(query) if nothing::is_read_by(query) => parsed("CAST(NULL AS VARCHAR)"),
            Expr::Exists { subquery, negated } if nothing::is_read_by(subquery) => {
                parsed(if *negated { "TRUE" } else { "FALSE" })
            }
            Expr::Subquery(query) => {
                one_row(query);
                None
            }
            _ => None,
        }
    }
}

/// Lets a subquery over `pg_catalog` return one row, which the engine wants to see from its form.
fn one_row(query: &mut Query) {
    let SetExpr::Select(select) = query.body.as_mut() else { return };
    let of_catalog = select.from.iter().all(|from| match &from.relation {
        TableFactor::Table { name, .. } => last(name).is_some_and(|name| is_known(&name)),
        _ => false,
    });
    if select.from.is_empty() || !of_catalog {
        return;
    }
    if let [SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }] = select.projection.as_mut_slice()
        && !expr.to_string().contains('(')
        && let Some(largest) = parsed(&format!("max({expr})"))
    {
        *expr = largest;
    }
}

/// Returns the name of the relation with this number.
fn relname(oid: &Expr) -> String {
    format!("(SELECT max(relations.relname) FROM {CATALOG}.pg_class AS relations WHERE relations.oid = {oid})")
}

/// Returns the definition of the view with this number.
fn view_definition(oid: &Expr) -> String {
    format!("(SELECT max(views.definition) FROM {CATALOG}.squall_views AS views WHERE views.oid = {oid})")
}

/// Writes what a column of functions is compared with. The column holds names. Clients compare it with numbers too: with 0, which
/// stands for none, or with the `oid` of a function.
fn with_function(column: &Expr, other: &Expr) -> Option<(Expr, Expr)> {
    const COLUMNS: [&str; 4] = ["typinput", "typoutput", "typreceive", "typsend"];
    let named = |expr: &Expr| match expr {
        Expr::Identifier(name) => Some(name.value.to_lowercase()),
        Expr::CompoundIdentifier(parts) => Some(parts.last()?.value.to_lowercase()),
        _ => None,
    };
    if !COLUMNS.contains(&named(column)?.as_str()) {
        return None;
    }
    let other = match other {
        Expr::CompoundIdentifier(parts) if named(other)? == "oid" => {
            let mut parts = parts.clone();
            *parts.last_mut()? = Ident::new("proname");
            Expr::CompoundIdentifier(parts)
        }
        number if number.to_string() == "0" => parsed("'-'")?,
        _ => return None,
    };
    Some((column.clone(), other))
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::dialect::GenericDialect;
    use datafusion::sql::sqlparser::parser::Parser;

    use super::*;

    fn rewritten(text: &str) -> String {
        let facts = Facts {
            user: "ann".into(),
            process: 7,
            settings: [("search_path".to_string(), "public".to_string())].into(),
        };
        let relations = [(relations::oid("ticks"), "ticks".to_string())].into();
        let mut statements = Parser::parse_sql(&GenericDialect {}, text).unwrap();
        Rewrite::new(facts, relations).statement(&mut statements[0]);
        statements[0].to_string()
    }

    #[test]
    fn words_of_postgresql_become_words_of_the_engine() {
        let ticks = relations::oid("ticks");
        for (text, expected) in [
            ("SELECT version()", r#"SELECT 'PostgreSQL 16.0 (squall 0.1.0)' AS "version""#.to_string()),
            ("SELECT current_user", "SELECT 'ann' AS \"current_user\"".into()),
            ("SELECT u.user FROM u", "SELECT u.user FROM u".into()),
            ("SELECT 'public.ticks'::regclass::oid", format!("SELECT {ticks}")),
            ("SELECT 'nothing'::regclass", "SELECT CAST(NULL AS BIGINT)".into()),
            ("SELECT * FROM pg_class", "SELECT * FROM pg_catalog.pg_class".into()),
            (
                "SELECT table_name FROM information_schema.tables",
                "SELECT table_name FROM pg_catalog.information_schema_tables AS tables".into(),
            ),
            ("SELECT * FROM squall.public.ticks", "SELECT * FROM public.ticks".into()),
            (
                "SELECT 1 WHERE a OPERATOR(pg_catalog.~) '^(t)$' COLLATE pg_catalog.default",
                "SELECT 1 WHERE a ~ '^(t)$'".into(),
            ),
            ("SELECT 1 WHERE EXISTS (SELECT 1 FROM pg_catalog.pg_index)", "SELECT 1 WHERE false".into()),
            (
                "SELECT ct.relname, count(*), (x.keys).n FROM pg_catalog.pg_class ct JOIN pg_catalog.pg_index i ON true, x GROUP BY 1 ORDER BY 2",
                r#"SELECT NULL AS "relname", NULL AS "count", NULL AS "n" WHERE false"#.into(),
            ),
            (
                "SELECT pg_get_expr(a, b), pg_get_expr(c, d) FROM t",
                "SELECT CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR) FROM t".into(),
            ),
            ("SELECT count(*) FROM pg_index", "SELECT count(*) FROM pg_catalog.pg_index".into()),
            ("SELECT 1 WHERE a LIKE 'pg/_%' ESCAPE '/'", "SELECT 1 WHERE a LIKE replace('pg/_%', '/', '\\')".into()),
            ("SELECT to_regtype('int8')", "SELECT 20 AS \"to_regtype\"".into()),
            ("SELECT (parse_ident('a.\"B\"'))[2]", "SELECT (ARRAY['a', 'B'])[2]".into()),
            (
                "SELECT 1 FROM pg_type t JOIN pg_proc AS p ON p.oid = t.typreceive WHERE t.typsend <> 0 AND t.typinput = 'pg_catalog.array_in'::regproc",
                "SELECT 1 FROM pg_catalog.pg_type t JOIN pg_catalog.pg_proc AS p ON p.proname = t.typreceive WHERE t.typsend <> '-' AND t.typinput = 'array_in'".into(),
            ),
            ("SELECT a = ANY('{x,y}')", "SELECT a = ANY(ARRAY['x', 'y'])".into()),
            ("SELECT pg_catalog.format_type(1, 2)", "SELECT format_type(1, 2) AS \"format_type\"".into()),
            ("SELECT user_id, my_pg_x FROM visits", "SELECT user_id, my_pg_x FROM visits".into()),
        ] {
            assert_eq!(rewritten(text), expected, "{text}");
        }
    }
}
