//! Live queries: the bits of batch, each row once, whatever the polls, the restarts and the ticks are.

mod alerts;
mod asof;
mod commands;
mod listener;
pub mod market;
mod outages;
mod outcomes;
mod parity;
mod proof;
mod refused;
mod several;
mod topic;
mod webhook;
mod windows;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use squall::catalog::{Options, Session};
use squall::land::Folder;
use squall::live::sink::{FolderSink, Sink};
use squall::live::{self, Live, LivePlan, Models, Parity, Planned};
use squall::log::{Log, Tell};
use squall::model::Registry;
use squall::pipeline::{Parameters, Project, shipped};
use tempfile::TempDir;

use super::land::memory::{Data, MemoryLog};

/// Queries beside the shipped ones: what joins, unions, conditions, rows, ages and tables that do not change do live.
const OWN: [(&str, &str); 5] = [
    (
        "sql/features/joined.sql",
        "-- description: Two feature queries and a filter, joined by their grain.\n-- grain: product_id, ts\n-- time column: ts\n\
         -- units:\n--   change: USD\n\
         SELECT s.product_id, s.ts, s.rv_10s, s.ticks_60s, t.midprice_return, c.change\n\
         FROM spike_features AS s JOIN tick_features AS t ON s.product_id = t.product_id AND s.ts = t.ts\n\
         LEFT JOIN changes AS c ON c.product_id = s.product_id AND c.ts = s.ts\n",
    ),
    (
        "sql/features/changes.sql",
        "-- description: Ticks whose midprice has changed, and windows over them alone.\n-- grain: product_id, ts\n-- time column: ts\n\
         -- units:\n--   change: USD\n\
         WITH steps AS (SELECT product_id, ts, midprice, midprice - lag(midprice) OVER (PARTITION BY product_id ORDER BY ts) AS change\n\
         FROM (SELECT product_id, ts, (best_bid + best_ask) / 2 AS midprice FROM ticks))\n\
         SELECT product_id, ts, change, stddev_samp(change) OVER w AS deviation, corr(change, midprice) OVER w AS correlation,\n\
         median(midprice) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN 9 PRECEDING AND 1 PRECEDING) AS middle,\n\
         ewma(change, INTERVAL '3 seconds') OVER (PARTITION BY product_id ORDER BY ts) AS decayed,\n\
         row_number() OVER (PARTITION BY product_id ORDER BY ts) AS place\n\
         FROM steps WHERE change <> 0\n\
         WINDOW w AS (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '7 seconds' PRECEDING AND CURRENT ROW)\n",
    ),
    (
        "sql/features/sides.sql",
        "-- description: Windows over a part of a product's ticks, with NULL, -0.0 and NaN.\n-- grain: product_id, ts\n-- time column: ts\n\
         -- units:\n--   odd: USD\n\
         SELECT product_id, ts, side, log_offset, -0.0 * price AS zero,\n\
         CASE WHEN log_offset % 7 = 0 THEN ln(-price) WHEN log_offset % 5 = 0 THEN NULL ELSE price END AS odd,\n\
         avg(price) OVER (PARTITION BY product_id, side ORDER BY ts ROWS 5 PRECEDING) AS mean,\n\
         count(*) FILTER (WHERE price > 100) OVER (PARTITION BY side, product_id ORDER BY ts RANGE INTERVAL '5 seconds' PRECEDING) AS n\n\
         FROM ticks\n",
    ),
    (
        "sql/features/both.sql",
        "-- description: Two rows for a tick.\n-- grain: product_id, ts, side\n-- time column: ts\n-- units:\n--   price: USD\n\
         SELECT product_id, ts, 'bid' AS side, best_bid AS price FROM ticks\n\
         UNION ALL SELECT product_id, ts, 'ask', best_ask FROM ticks WHERE best_ask > 100\n",
    ),
    (
        "sql/features/named.sql",
        "-- description: A table that does not change, after a window.\n-- grain: product_id, ts\n-- time column: ts\n-- units:\n--   high: USD\n\
         SELECT w.product_id, w.ts, n.name, w.high FROM (SELECT product_id, ts,\n\
         max(price) OVER (PARTITION BY product_id ORDER BY ts RANGE INTERVAL '20 seconds' PRECEDING) AS high FROM landed_ticks WHERE status <> 'late') AS w\n\
         JOIN (VALUES ('A-USD', 'first'), ('B-USD', 'second')) AS n (product, name) ON n.product = w.product_id\n",
    ),
];

/// The queries that the tests run.
const QUERIES: [&str; 7] = ["spike_features", "tick_features", "joined", "changes", "sides", "both", "named"];

fn parameters() -> Parameters {
    let settings = squall::config::resolve(None, [], &[], None).unwrap().settings;
    let values = settings.parameters.into_iter();
    values.map(|(name, value)| (name, serde_json::to_value(value).unwrap())).collect()
}

/// A project with the shipped queries and others, over a data folder.
struct Place {
    data: Data,
    dir: TempDir,
    project: Project,
    session: Session,
}

fn options(data: &Data, dir: &Path) -> Options {
    Options {
        ticks_dir: data.ticks_dir(),
        tables_dir: dir.join("tables"),
        models_dir: dir.join("models"),
        threads: 2,
        batch_size: 8192,
        memory_limit_mb: 0,
        rolling: true,
    }
}

impl Place {
    async fn with(queries: &[(&str, &str)]) -> Place {
        let (data, dir) = (Data::new(), tempfile::tempdir().unwrap());
        shipped::write(dir.path(), &shipped::sql()).unwrap();
        for (path, text) in queries {
            std::fs::write(dir.path().join(path), text).unwrap();
        }
        let session = Session::open(options(&data, dir.path())).await.unwrap();
        let project = Project::load(&dir.path().join("sql"), &parameters()).unwrap();
        project.attach(session.context(), &dir.path().join("tables")).unwrap();
        Place { data, dir, project, session }
    }

    fn options(&self) -> Options {
        options(&self.data, self.dir.path())
    }

    fn out(&self) -> PathBuf {
        self.dir.path().join("out")
    }

    async fn plan(&self, name: &str) -> Result<LivePlan, live::Error> {
        let query = self.project.query(name).unwrap_or_else(|| panic!("there is no query {name}"));
        LivePlan::new(&self.project, query, self.session.context()).await
    }

    /// Opens live queries over a log; `wrap` may change what becomes of a folder's rows.
    async fn open(
        &self,
        log: &Arc<MemoryLog>,
        names: &[&str],
        wrap: &mut (dyn FnMut(FolderSink) -> Box<dyn Sink> + Send),
    ) -> Result<Live, live::Error> {
        let mut plans = Vec::new();
        for name in names {
            plans.push(self.plan(name).await?);
        }
        let log: Arc<dyn Log> = Arc::clone(log) as _;
        let options = live::Options {
            ticks_dir: self.data.ticks_dir(),
            rules: self.data.rules,
            source: "memory".into(),
            tell: Tell::default(),
        };
        let id = log.id().await.unwrap();
        let mut planned: Vec<Planned> = Vec::new();
        for plan in plans {
            let sink = wrap(FolderSink::open(&self.out(), &plan, &id, Duration::from_secs(3600))?);
            planned.push((plan, sink));
        }
        Live::open(&self.project, self.session.context(), planned, log, &options).await
    }

    /// Returns the models that no query uses.
    fn no_models(&self) -> Models {
        Models::of(&self.project, &[], Registry::new(self.dir.path().join("models")), Tell::default())
    }

    async fn parity(&self, name: &str, out: &Path) -> Result<Parity, live::Error> {
        let folder = Folder::new(&self.data.ticks_dir()).unwrap();
        let query = self.project.query(name).unwrap();
        live::parity(&self.project, query, self.session.context(), &folder, out, live::ALWAYS).await
    }

    async fn count(&self, name: &str) -> i64 {
        use datafusion::arrow::array::AsArray;
        use datafusion::arrow::datatypes::Int64Type;
        let rows = self.session.sql(&format!("SELECT count(*) FROM {name}")).await.unwrap().collect().await.unwrap();
        rows[0].column(0).as_primitive::<Int64Type>().value(0)
    }
}
