//! The specification of features and labels as a page, made from headers and plans.

use datafusion::execution::context::SessionContext;

use super::error::Error;
use super::reach::Extent;
use super::{Kind, Project, Query};

const INTRODUCTION: &str = "\
# Features and labels

This page is generated from the headers and the plans of the shipped SQL project, with the default parameters. *Back* and *ahead*
say how far a column looks from its tick, as `squall lint` finds it. A formula is the last step; `squall show NAME` prints the
whole query, and `squall lineage NAME.COLUMN` says from where a column comes.
";

impl Project {
    /// Returns the page about every feature and label, in dependency order.
    ///
    /// # Errors
    /// A query cannot be planned.
    pub async fn feature_spec(&self, context: &SessionContext) -> Result<String, Error> {
        let mut page = String::from(INTRODUCTION);
        for (kind, title) in [(Kind::Feature, "Features"), (Kind::Label, "Labels")] {
            page.push_str(&format!("\n## {title}\n"));
            for query in self.queries.iter().filter(|query| query.kind == kind) {
                page.push_str(&self.specified(query, context).await?);
            }
        }
        Ok(page)
    }

    async fn specified(&self, query: &Query, context: &SessionContext) -> Result<String, Error> {
        let described = self.describe(query, context).await?;
        let header = &query.header;
        let code = |names: &[&str]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let grain: Vec<&str> = header.grain.iter().map(String::as_str).collect();
        let mut page = format!("\n### {}\n\n{}\n\n", query.name, header.description);
        page.push_str(&format!("- Grain: {}\n", code(&grain)));
        page.push_str(&format!("- Reads: {}\n", code(&self.reads(query))));
        let readers = self.read_by(query);
        if !readers.is_empty() {
            page.push_str(&format!("- Read by: {}\n", code(&readers)));
        }
        page.push_str(&format!("- Lookback: {}\n- Horizon: {}\n", described.reach.before, described.reach.after));
        page.push_str("\n| column | type | unit | back | ahead | formula |\n| --- | --- | --- | --- | --- | --- |\n");
        let far = |extent: &Extent| if extent.is_beyond() { extent.to_string() } else { String::new() };
        for column in &described.columns {
            let formula = column.formula.as_deref().map(|formula| format!("`{formula}`")).unwrap_or_default();
            let cells = [
                format!("`{}`", column.name),
                column.sql_type.clone(),
                column.unit.clone().unwrap_or_default(),
                far(&column.reach.before),
                far(&column.reach.after),
                formula,
            ];
            let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
            page.push_str(&format!("| {} |\n", cells.join(" | ")));
        }
        Ok(page)
    }
}
