//! Beginning a query, a model, an audit or a test: a commented file that passes `check` as it is.
//!
//! In: what to begin, its name, and the project. Out: the file's path and text. A model's template learns from the columns of a
//! query that do not look ahead; a test's template holds rows that squall made up, and what the query makes of them.

mod case;

use std::path::PathBuf;

use datafusion::arrow::datatypes::DataType;
use datafusion::execution::context::SessionContext;

use super::error::Error;
use super::load::taken;
use super::reach::Extent;
use super::{Kind, LANDED, Project, Query};

/// What to begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Template {
    Feature,
    Label,
    /// A model that learns from a query.
    Model {
        from: String,
    },
    Audit,
    /// A test of an existing query.
    Test,
}

/// A file that is not written yet.
#[derive(Debug)]
pub struct Begun {
    pub file: PathBuf,
    pub text: String,
}

impl Template {
    fn folder(&self) -> &'static str {
        match self {
            Template::Feature => "features",
            Template::Label => "labels",
            Template::Model { .. } => "models",
            Template::Audit => "audits",
            Template::Test => super::case::FOLDER,
        }
    }
}

impl Project {
    /// Returns the file with which to begin.
    ///
    /// # Errors
    /// The name is taken, or it cannot be a name; there is no such query to test or to learn from.
    pub async fn begin(&self, template: &Template, name: &str, context: &SessionContext) -> Result<Begun, Error> {
        let file = self.dir.join(template.folder()).join(format!("{name}.sql"));
        if *template != Template::Test {
            self.free(name, &file, context)?;
        }
        if file.exists() {
            return Err(Error::Exists { name: name.into(), file });
        }
        let text = match template {
            Template::Feature => self.placed(FEATURE, name),
            Template::Label => self.placed(LABEL, name),
            Template::Audit => self.placed(AUDIT, name),
            Template::Model { from } => self.model(name, from, context).await?,
            Template::Test => {
                let query = self.query(name).ok_or_else(|| self.unknown(name))?;
                if query.kind == Kind::Model {
                    return Err(Error::IsModel { name: name.into() });
                }
                self.first_case(query, context).await?
            }
        };
        Ok(Begun { file, text })
    }

    /// Checks that nothing has a name.
    fn free(&self, name: &str, file: &std::path::Path, context: &SessionContext) -> Result<(), Error> {
        Query::check_name(name, file)?;
        let known = self.query(name).map(|query| &query.file);
        let known = known.or_else(|| Some(&self.disabled.iter().find(|disabled| disabled.name == name)?.file));
        if let Some(known) = known {
            return Err(Error::Exists { name: name.into(), file: known.clone() });
        }
        match taken(name, context) {
            Some(what) => Err(Error::Reserved { name: name.into(), file: file.into(), what }),
            None => Ok(()),
        }
    }

    /// Fills in a template.
    fn placed(&self, template: &str, name: &str) -> String {
        let ticks = self.query("ticks").is_some_and(|query| query.kind == Kind::Plain);
        let from = if ticks { "ticks".to_string() } else { LANDED.to_string() };
        let only_ok = if ticks { "" } else { "\nWHERE status = 'ok'" };
        let horizon = if self.parameters.contains_key("horizon_s") { "{{ horizon_s }}" } else { "60" };
        let template = template.replace("NAME", name).replace("FROM TICKS", &format!("FROM {from}{only_ok}"));
        template.replace("HORIZON", horizon)
    }

    async fn model(&self, name: &str, from: &str, context: &SessionContext) -> Result<String, Error> {
        let query = match self.query(from) {
            Some(query) if query.can_run() => query,
            Some(query) if query.kind == Kind::Model => return Err(Error::IsModel { name: from.into() }),
            Some(_) => return Err(Error::IsAudit { name: from.into() }),
            None => return Err(self.explain(from, &[]).unwrap_or_else(|| self.unknown(from))),
        };
        let measured = self.measured(query, context).await?;
        let reaches = self.reach(query, context).await?;
        let header = &query.header;
        let fields = || measured.schema.fields().iter();
        let label = fields().find(|field| *field.data_type() == DataType::Boolean).map(|field| field.name().as_str());
        let Some(label) = label else {
            let hint = "name a query that has one with --from QUERY, such as a CASE or a comparison with a threshold";
            let problem = format!("`{from}` has no BOOLEAN column, so there is no label to learn");
            return Err(Error::Begin { problem, hint: hint.into() });
        };
        let time = header.time_column.as_deref();
        let has = |name: &str| fields().any(|field| field.name() == name);
        let split = has("split").then_some("split");
        let mut ids: Vec<&str> =
            header.grain.iter().map(String::as_str).filter(|column| Some(*column) != time && has(column)).collect();
        // With the threshold, rows can be judged as the label judged them.
        ids.extend(has("tau").then_some("tau"));
        let other = |name: &str| name == label || Some(name) == time || Some(name) == split || ids.contains(&name);
        let looks_back = |after: &Extent| !after.is_beyond() && !matches!(after, Extent::Unknown(_));
        let features: Vec<&str> = fields()
            .zip(&reaches.columns)
            .filter(|(field, (_, reach))| field.data_type().is_numeric() && looks_back(&reach.after))
            .map(|(field, _)| field.name().as_str())
            .filter(|name| !other(name))
            .collect();
        if features.is_empty() {
            let hint = "name a query with features with --from QUERY";
            let problem =
                format!("`{from}` has no number that is known at the tick, so there is nothing to learn from");
            return Err(Error::Begin { problem, hint: hint.into() });
        }
        let mut options = vec!["model_type = 'logistic_reg'".to_string(), format!("input_label_cols = ['{label}']")];
        options.extend(split.map(|split| format!("data_split_col = '{split}'")));
        options.extend(time.map(|time| format!("time_col = '{time}'")));
        let quoted: Vec<String> = ids.iter().map(|id| format!("'{id}'")).collect();
        options.extend((!ids.is_empty()).then(|| format!("id_cols = [{}]", quoted.join(", "))));
        options.push("l2_reg = 1.0".into());
        let others = ids.iter().filter(|id| **id != "tau").copied().chain(time);
        let others = others.chain(has("tau").then_some("tau")).chain(split).chain([label]);
        let model = MODEL.replace("NAME", name).replace("OPTIONS_HERE", &options.join(",\n  "));
        let model = model.replace("OTHERS", &others.collect::<Vec<_>>().join(", "));
        Ok(model.replace("FEATURES", &features.join(", ")).replace("QUERY", from))
    }
}

const FEATURE: &str = "\
-- description: The mean spread of a product's quotes over the last 60 s, at every tick. Say here what a row holds.
-- grain: product_id, ts
-- time column: ts
-- lookback: 60 s
-- units:
--   mean_spread: USD

-- A feature looks only back: its window is ordered by the time within a product, and ends at CURRENT ROW. Each column needs a
-- unit above, except the grain and the time. squall finds the lookback; `squall show NAME` prints it, and `squall lint NAME`
-- says what looks ahead.
SELECT
  product_id,
  ts,
  avg(best_ask - best_bid) OVER last_minute AS mean_spread
FROM TICKS
WINDOW last_minute AS (
  PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '60 seconds' PRECEDING AND CURRENT ROW
)
";

const LABEL: &str = "\
-- description: How far the bid rises at most over (ts, ts + HORIZON s]; NULL if the product's data ends earlier. Say here what a
--   row holds.
-- grain: product_id, ts
-- time column: ts
-- horizon: HORIZON s
-- units:
--   highest_rise: natural log

-- A label looks only ahead: its window starts 1 nanosecond after the tick. Where the data do not reach to the end of the
-- horizon, the label is not known: there it is NULL.
SELECT
  product_id,
  ts,
  CASE
    WHEN max(ts) OVER (PARTITION BY product_id) >= ts + INTERVAL 'HORIZON seconds' THEN ln(max(best_bid) OVER ahead / best_bid)
  END AS highest_rise
FROM TICKS
WINDOW ahead AS (
  PARTITION BY product_id ORDER BY ts
  RANGE BETWEEN INTERVAL '1 nanosecond' FOLLOWING AND INTERVAL 'HORIZON seconds' FOLLOWING
)
";

const MODEL: &str = "\
-- description: Logistic regression on the columns of QUERY that are known at the tick. Say here what it is for.

-- Every column is a feature unless an option names it. `squall train NAME` trains the model, `squall score NAME` scores rows,
-- and `squall evaluate` compares it with the naive rule. Few, smooth features are best: a day has few independent spikes.
CREATE OR REPLACE MODEL NAME
OPTIONS (
  OPTIONS_HERE
)
AS SELECT
  OTHERS,
  FEATURES
FROM QUERY
";

const AUDIT: &str = "\
-- description: No tick has a price of zero or less. Say here what is right: each row that the query returns breaks it.
-- severity: error

-- `squall check` runs the audit and prints the first rows. With `severity: warn` they are a warning. Built-in audits say common
-- things in a line, such as SELECT * FROM not_null('ticks', 'price').
SELECT product_id, ts, price
FROM (SELECT * FROM TICKS) AS checked
WHERE price <= 0
";
