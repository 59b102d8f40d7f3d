//! `* EXCLUDE (…) REPLACE (…) RENAME (…)`.
//!
//! The engine ignores what REPLACE says of a column that is not there, and knows no RENAME; beside USING, it does not know which table's
//! column is left out. In: a statement. Out: the same statement with columns in the place of such a star.

use datafusion::sql::sqlparser::ast::{
    ExceptSelectItem, ExcludeSelectItem, Expr, Ident, IdentWithAlias, ObjectName, RenameSelectItem, Select, SelectItem,
    WildcardAdditionalOptions,
};

use super::identifiers::folded;
use super::probe::{Answer, Ask, Need};
use super::scopes::{Part, Scope, everything};
use crate::error::Refused;

/// The word's entry in the list.
pub const NEED: Need = Need { asks, write };

/// Returns the options of a star that has some which are written out here.
fn options(item: &SelectItem) -> Option<&WildcardAdditionalOptions> {
    let (SelectItem::Wildcard(options) | SelectItem::QualifiedWildcard(_, options)) = item else { return None };
    let some = options.opt_exclude.is_some()
        || options.opt_except.is_some()
        || options.opt_replace.is_some()
        || options.opt_rename.is_some();
    (some && options.opt_ilike.is_none()).then_some(options)
}

fn asks(part: &Part, scope: &Scope) -> Option<Vec<Ask>> {
    let Part::Select(select) = part else { return None };
    let asks = select.projection.iter().filter(|item| options(item).is_some()).map(|item| {
        let plain = WildcardAdditionalOptions::default();
        let star = match item {
            SelectItem::QualifiedWildcard(kind, _) => SelectItem::QualifiedWildcard(kind.clone(), plain),
            _ => SelectItem::Wildcard(plain),
        };
        let all = Select { projection: vec![star], ..everything(select.from.clone()) };
        Ask { query: scope.query(all), rows: false }
    });
    let asks: Vec<Ask> = asks.collect();
    (!asks.is_empty()).then_some(asks)
}

fn write(part: Part, answers: &[Answer]) -> Result<(), Refused> {
    let Part::Select(select) = part else { return Ok(()) };
    let mut answers = answers.iter();
    for item in std::mem::take(&mut select.projection) {
        match (options(&item), answers.as_slice()) {
            (Some(options), [answer, ..]) => {
                select.projection.extend(columns(options, answer)?);
                answers.next();
            }
            _ => select.projection.push(item),
        }
    }
    Ok(())
}

/// Returns the positions of the columns that EXCLUDE leaves; `None` if there are other options.
pub(super) fn kept(options: &WildcardAdditionalOptions, answer: &Answer) -> Result<Option<Vec<usize>>, Refused> {
    let changes = changes(options);
    if options.opt_ilike.is_some() || changes.iter().any(|(.., change)| !matches!(change, Change::LeftOut)) {
        return Ok(None);
    }
    check(&changes, answer)?;
    let names = answer.columns.iter().map(|(_, name)| name);
    let kept = names.enumerate().filter(|(_, name)| !changes.iter().any(|(_, left_out, _)| left_out == *name));
    Ok(Some(kept.map(|(place, _)| place).collect()))
}

/// What is done with a column.
enum Change<'a> {
    LeftOut,
    Replaced(&'a Expr),
    Renamed(&'a Ident),
}

fn columns(options: &WildcardAdditionalOptions, answer: &Answer) -> Result<Vec<SelectItem>, Refused> {
    let changes = changes(options);
    check(&changes, answer)?;
    let mut items = Vec::with_capacity(answer.columns.len());
    for (place, (_, name)) in answer.columns.iter().enumerate() {
        let own = Ident::with_quote('"', name.clone());
        match changes.iter().find(|(_, changed, _)| changed == name) {
            Some((.., Change::LeftOut)) => {}
            Some((.., Change::Replaced(expr))) => {
                items.push(SelectItem::ExprWithAlias { expr: (*expr).clone(), alias: own });
            }
            Some((.., Change::Renamed(alias))) => {
                items.push(SelectItem::ExprWithAlias { expr: answer.column(place), alias: (*alias).clone() });
            }
            None => items.push(SelectItem::UnnamedExpr(answer.column(place))),
        }
    }
    match items.is_empty() {
        true => Err(Refused { message: "EXCLUDE leaves no column".into(), hint: Some("leave one in".into()) }),
        false => Ok(items),
    }
}

/// Returns an error if a name is written twice or is not there.
fn check(changes: &[(&str, String, Change<'_>)], answer: &Answer) -> Result<(), Refused> {
    for (place, (clause, name, _)) in changes.iter().enumerate() {
        if let Some((before, ..)) = changes[..place].iter().find(|(_, known, _)| known == name) {
            let message = format!("{clause} names `{name}`, which {before} names too");
            return Err(Refused { message, hint: Some("write each name once".into()) });
        }
        if !answer.columns.iter().any(|(_, column)| column == name) {
            let all: Vec<&str> = answer.columns.iter().map(|(_, name)| name.as_str()).collect();
            let hint = format!("the columns are {}", all.join(", "));
            return Err(Refused { message: format!("{clause}: no column is named `{name}`"), hint: Some(hint) });
        }
    }
    Ok(())
}

/// Returns each change with its clause and the column's name.
fn changes(options: &WildcardAdditionalOptions) -> Vec<(&'static str, String, Change<'_>)> {
    let mut changes = Vec::new();
    let mut leave_out = |name: &Ident| changes.push(("EXCLUDE", folded(name), Change::LeftOut));
    match &options.opt_exclude {
        Some(ExcludeSelectItem::Single(name)) => last(name).into_iter().for_each(&mut leave_out),
        Some(ExcludeSelectItem::Multiple(names)) => names.iter().filter_map(last).for_each(&mut leave_out),
        None => {}
    }
    if let Some(ExceptSelectItem { first_element, additional_elements }) = &options.opt_except {
        std::iter::once(first_element).chain(additional_elements).for_each(&mut leave_out);
    }
    for element in options.opt_replace.iter().flat_map(|replace| &replace.items) {
        changes.push(("REPLACE", folded(&element.column_name), Change::Replaced(&element.expr)));
    }
    let renamed: &[IdentWithAlias] = match &options.opt_rename {
        Some(RenameSelectItem::Single(renamed)) => std::slice::from_ref(renamed),
        Some(RenameSelectItem::Multiple(renamed)) => renamed,
        None => &[],
    };
    changes.extend(renamed.iter().map(|item| ("RENAME", folded(&item.ident), Change::Renamed(&item.alias))));
    changes
}

fn last(name: &ObjectName) -> Option<&Ident> {
    name.0.last()?.as_ident()
}
