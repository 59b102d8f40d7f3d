//! Which landed ticks there are, by spans of ten minutes: how many, and a digest of them.
//!
//! In: the landed files. Out: a [`Spans`]. Digests add up over files, so that merging files changes nothing. A file is read only
//! once: what it holds is kept in `<tables>/.landed.json`, by the file's name, size and time.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::path::Path;

use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, TimestampNanosecondType};
use datafusion::common::hash_utils::{QualityRandomState, create_hashes};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::context::SessionContext;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::ObjectMeta;
use serde::{Deserialize, Serialize};

use super::LANDED;
use crate::catalog::LandedTicks;
use crate::durable;
use crate::store::Files;
use crate::text::fingerprint;

/// The length of a span, in nanoseconds.
pub(super) const SPAN_NS: i64 = 600_000_000_000;

/// Spans of a day.
pub(super) const OF_DAY: i64 = 144;

/// The file that remembers what landed files hold.
const MEMORY: &str = ".landed.json";

/// The status of ticks that the project's queries read.
const OK: &str = "ok";

/// The ticks of one span.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Span {
    rows: u64,
    /// The wrapping sum of the rows' hashes.
    sum: u64,
    /// The number of rows of status `ok`, by product.
    ok: BTreeMap<String, u64>,
}

impl Span {
    fn add(&mut self, other: &Span) {
        self.rows += other.rows;
        self.sum = self.sum.wrapping_add(other.sum);
        for (product, rows) in &other.ok {
            *self.ok.entry(product.clone()).or_default() += rows;
        }
    }
}

/// What one landed file holds.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct FileSpans {
    bytes: u64,
    modified_ns: i64,
    spans: BTreeMap<i64, Span>,
}

/// What is remembered of landed files, by their paths.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Memory {
    files: BTreeMap<String, FileSpans>,
}

/// The landed ticks, by span; a span's number is its start since 1970 in units of its length.
#[derive(Debug, Default)]
pub(super) struct Spans(BTreeMap<i64, Span>);

impl Spans {
    /// Looks at the visible landed files; `None` if landed ticks are not made of landed files.
    pub async fn of(context: &SessionContext, tables_dir: &Path) -> Result<Option<Spans>> {
        let provider = context.table_provider(LANDED).await?;
        let Some(ticks) = provider.downcast_ref::<LandedTicks>() else { return Ok(None) };
        let files = ticks.visible(&context.state()).await?;
        let tables = Files::at(tables_dir);
        let mut known: Memory =
            tables.read(MEMORY).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
        let remembered = known.files.len();
        let mut memory = Memory::default();
        let mut unknown = Vec::new();
        for file in files {
            match known.files.remove(&file.location.to_string()) {
                Some(spans) if spans.bytes == file.size && spans.modified_ns == modified_ns(&file) => {
                    memory.files.insert(file.location.to_string(), spans);
                }
                _ => unknown.push(file),
            }
        }
        let changed = !unknown.is_empty() || memory.files.len() != remembered;
        let threads = context.copied_config().target_partitions();
        let read = stream::iter(unknown).map(|file| {
            let (ticks, context) = (ticks.of_file(&file.location), context.clone());
            async move {
                let spans = tokio::spawn(async move { spans_of(ticks, &context).await });
                let spans = spans.await.map_err(|error| DataFusionError::External(Box::new(error)))??;
                let spans = FileSpans { bytes: file.size, modified_ns: modified_ns(&file), spans };
                Ok::<_, DataFusionError>((file.location.to_string(), spans))
            }
        });
        let read: Vec<_> = read.buffer_unordered(threads).try_collect().await?;
        memory.files.extend(read);
        let mut spans: BTreeMap<i64, Span> = BTreeMap::new();
        for (number, span) in memory.files.values().flat_map(|file| &file.spans) {
            spans.entry(*number).or_default().add(span);
        }
        if changed {
            let written = durable::blocking(move || {
                let text = serde_json::to_string(&memory)?;
                tables.replace(MEMORY, text.as_bytes())
            });
            written.await?;
        }
        Ok(Some(Spans(spans)))
    }

    /// Returns the first and the last span that have ticks.
    pub fn ends(&self) -> Option<(i64, i64)> {
        Some((*self.0.first_key_value()?.0, *self.0.last_key_value()?.0))
    }

    /// Returns the number of ticks in a range of spans.
    pub fn rows(&self, range: Range<i64>) -> u64 {
        if range.is_empty() { 0 } else { self.0.range(range).map(|(_, span)| span.rows).sum() }
    }

    /// Returns a digest of the ticks in a range of spans.
    pub fn digest(&self, range: Range<i64>) -> String {
        let spans = if range.is_empty() { Default::default() } else { self.0.range(range) };
        let lines = spans.map(|(number, span)| format!("{number} {} {}\n", span.rows, span.sum));
        fingerprint(&lines.collect::<String>())
    }

    /// Returns the span before which each of the products that have ticks in `near` has `rows` ticks from it to `span`; the
    /// first span if a product has fewer. `ahead` looks to the other side.
    pub fn step(&self, span: i64, rows: u64, near: Range<i64>, ahead: bool) -> i64 {
        let Some((first, last)) = self.ends() else { return span };
        if near.is_empty() {
            return span;
        }
        let mut wanted: HashMap<&str, u64> = HashMap::new();
        for (_, found) in self.0.range(near) {
            wanted.extend(found.ok.keys().map(|product| (product.as_str(), rows)));
        }
        let sides: Box<dyn Iterator<Item = (&i64, &Span)>> = match ahead {
            true => Box::new(self.0.range(span..)),
            false => Box::new(self.0.range(..span).rev()),
        };
        for (number, found) in sides {
            if wanted.is_empty() {
                return span;
            }
            for (product, rows) in &found.ok {
                if let Some(left) = wanted.get_mut(product.as_str()) {
                    *left = left.saturating_sub(*rows);
                }
            }
            wanted.retain(|_, left| *left > 0);
            if wanted.is_empty() {
                return if ahead { number + 1 } else { *number };
            }
        }
        if ahead { span.max(last + 1) } else { span.min(first) }
    }
}

fn modified_ns(file: &ObjectMeta) -> i64 {
    file.last_modified.timestamp_nanos_opt().unwrap_or_default()
}

/// Reads a landed file.
async fn spans_of(ticks: LandedTicks, context: &SessionContext) -> Result<BTreeMap<i64, Span>> {
    let mut rows = context.read_table(std::sync::Arc::new(ticks))?.execute_stream().await?;
    let mut spans = BTreeMap::new();
    while let Some(batch) = rows.next().await {
        add_rows(&batch?, &mut spans)?;
    }
    Ok(spans)
}

fn add_rows(batch: &RecordBatch, spans: &mut BTreeMap<i64, Span>) -> Result<()> {
    let mut hashes = vec![0; batch.num_rows()];
    create_hashes(batch.columns(), &QualityRandomState::with_seed(0), &mut hashes)?;
    let column = |name: &str| {
        let found = batch.column_by_name(name);
        found.ok_or_else(|| DataFusionError::Plan(format!("landed ticks have no column `{name}`")))
    };
    let ts = column("ts")?.as_primitive::<TimestampNanosecondType>();
    let products = cast(column("product_id")?, &DataType::Utf8)?;
    let statuses = cast(column("status")?, &DataType::Utf8)?;
    let (products, statuses) = (products.as_string::<i32>(), statuses.as_string::<i32>());
    let mut row = 0;
    while row < batch.num_rows() {
        // Rows of one product follow each other in time, so that a span's rows do too.
        let (number, product) = (ts.value(row).div_euclid(SPAN_NS), products.value(row));
        let span = spans.entry(number).or_default();
        let mut ok = 0;
        while row < batch.num_rows() && ts.value(row).div_euclid(SPAN_NS) == number && products.value(row) == product {
            span.rows += 1;
            span.sum = span.sum.wrapping_add(hashes[row]);
            ok += u64::from(statuses.value(row) == OK);
            row += 1;
        }
        if ok > 0 {
            *span.ok.entry(product.to_string()).or_default() += ok;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(rows: &[(i64, &str, u64)]) -> Spans {
        let mut spans: BTreeMap<i64, Span> = BTreeMap::new();
        for (number, product, rows) in rows {
            let ok = BTreeMap::from([(product.to_string(), *rows)]);
            spans.entry(*number).or_default().add(&Span { rows: *rows, sum: *rows, ok });
        }
        Spans(spans)
    }

    #[test]
    fn a_step_counts_the_ticks_of_every_product_nearby() {
        let spans =
            spans(&[(1, "gone", 5), (2, "A", 1), (3, "B", 9), (5, "A", 2), (6, "B", 1), (10, "A", 1), (10, "B", 1)]);
        assert_eq!(spans.step(10, 1, 10..11, false), 5, "A has one in span 5, B one in span 6");
        assert_eq!(spans.step(10, 3, 10..11, false), 2, "A has three from span 2");
        assert_eq!(spans.step(10, 4, 10..11, false), 1, "A has only three, so everything counts");
        assert_eq!(spans.step(10, 1, 11..12, false), 10, "no product is near");
        assert_eq!(spans.step(3, 2, 2..4, true), 6, "A has two until span 5 ends, B two in span 3");
        assert_eq!(spans.step(6, 9, 2..4, true), 11);
    }

    #[test]
    fn a_digest_is_that_of_the_rows_however_files_divide_them() {
        let whole = spans(&[(1, "A", 3), (2, "A", 2)]);
        let divided = spans(&[(1, "A", 1), (2, "A", 2), (1, "A", 2)]);
        assert_eq!(whole.digest(0..9), divided.digest(0..9));
        assert_ne!(whole.digest(0..9), whole.digest(0..2));
        assert_eq!(whole.rows(1..2), 3);
    }
}
