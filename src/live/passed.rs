//! The right rows of other products in an ASOF JOIN of ticks.
//!
//! In: right rows of products that are named, as their ticks come. Out: those among which the left rows of a span of time find theirs.
//! Ticks of different products do not come in the order of `ts`, so a left row may be older than the latest right row. Within a product,
//! `ts` rises, so the rows of each are kept in its order.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use datafusion::arrow::array::{AsArray, BooleanArray, RecordBatch, UInt32Array};
use datafusion::arrow::compute::{cast, concat_batches, filter_record_batch, take_record_batch};
use datafusion::arrow::datatypes::{DataType, SchemaRef, TimestampNanosecondType};
use datafusion::arrow::row::{OwnedRow, RowConverter, SortField};
use datafusion::common::{Result as Computed, internal_err};
use datafusion::physical_expr::LexOrdering;
use datafusion::physical_plan::PhysicalExpr;
use datafusion::physical_plan::sorts::sort::sort_batch;

/// So many of the newest right rows are kept for left rows that come late.
const MOST: usize = 1 << 20;
/// Rows of a chunk; smaller ones are joined.
const CHUNK: usize = 1 << 13;
/// Rows of a chunk if there are keys.
const KEYED_CHUNK: usize = 1 << 10;

/// The right rows of products that are named, for left rows of any product.
pub struct Passed {
    schema: SchemaRef,
    /// The column of the product, if there are several.
    product: Option<usize>,
    kept: BTreeMap<String, Kept>,
    keys: Keys,
    /// The order in which the join reads the rows.
    order: Option<LexOrdering>,
}

impl Passed {
    /// Starts without a row; the columns are those of the product, if there are several, and of the time. `keys` have to be equal in
    /// a match.
    ///
    /// # Errors
    /// The keys are of a type that cannot be compared.
    pub fn new(
        schema: &SchemaRef,
        products: BTreeSet<String>,
        (product, time): (Option<usize>, usize),
        keys: Vec<Arc<dyn PhysicalExpr>>,
        order: Option<LexOrdering>,
    ) -> Computed<Passed> {
        let most = MOST / products.len().max(1);
        let keys = Keys::new(schema, keys)?;
        let chunk = if keys.expressions.is_empty() { CHUNK } else { KEYED_CHUNK };
        let kept = products.into_iter().map(|product| (product, Kept::new(time, most, chunk))).collect();
        Ok(Passed { schema: Arc::clone(schema), product, kept, keys, order })
    }

    /// Returns the products whose ticks a left row waits for.
    pub fn products(&self) -> impl Iterator<Item = &str> {
        self.kept.keys().map(String::as_str)
    }

    /// Takes the right rows of a poll; within a product, they come after the ones before.
    ///
    /// # Errors
    /// A key cannot be computed.
    pub fn add(&mut self, rows: &[RecordBatch]) -> Computed<()> {
        for batch in rows.iter().filter(|batch| batch.num_rows() > 0) {
            let mut kept: Vec<_> = self.kept.iter_mut().collect();
            if let [(_, only)] = kept.as_mut_slice() {
                only.add(batch.clone(), &mut self.keys)?;
                continue;
            }
            let Some(column) = self.product else {
                return internal_err!("several products have no column that tells them apart");
            };
            let products = cast(batch.column(column), &DataType::Utf8)?;
            for (product, kept) in kept {
                let own = products.as_string::<i32>().iter().map(|of| Some(of == Some(product.as_str())));
                let own = filter_record_batch(batch, &own.collect::<BooleanArray>())?;
                if own.num_rows() > 0 {
                    kept.add(own, &mut self.keys)?;
                }
            }
        }
        Ok(())
    }

    /// Drops old rows if there are too many; `needed` is the oldest time of a left row that is known to come.
    ///
    /// # Errors
    /// Rows cannot be joined.
    pub fn forget(&mut self, needed: impl Fn() -> i64) -> Computed<()> {
        for kept in self.kept.values_mut() {
            kept.forget(&needed, &mut self.keys)?;
        }
        Ok(())
    }

    /// Returns the rows that left rows from one time to another can match; `None` if some of them were dropped.
    ///
    /// # Errors
    /// Rows cannot be sorted.
    pub fn between(&self, first: i64, last: i64) -> Computed<Option<Vec<RecordBatch>>> {
        let mut found = Vec::new();
        for kept in self.kept.values() {
            let rows = match self.keys.expressions.is_empty() {
                true => kept.between(first, last),
                false => kept.between_of_keys(first, last)?,
            };
            let Some(rows) = rows else { return Ok(None) };
            found.extend(rows);
        }
        let is_sorted = self.keys.expressions.is_empty() && self.kept.len() == 1;
        Ok(Some(match &self.order {
            Some(order) if !is_sorted => vec![sort_batch(&concat_batches(&self.schema, &found)?, order, None)?],
            _ => found,
        }))
    }

    /// Returns the number of rows held.
    pub fn rows(&self) -> usize {
        self.kept.values().map(|kept| kept.rows).sum()
    }

    /// Returns the bytes of memory held.
    pub fn bytes(&self) -> usize {
        let chunks = self.kept.values().flat_map(|kept| kept.chunks.iter().chain(&kept.dropped));
        chunks.map(|chunk| chunk.rows.get_array_memory_size() + chunk.latest.len() * size_of::<(OwnedRow, u32)>()).sum()
    }
}

/// What has to be equal in a match.
struct Keys {
    expressions: Vec<Arc<dyn PhysicalExpr>>,
    converter: RowConverter,
}

impl Keys {
    fn new(schema: &SchemaRef, expressions: Vec<Arc<dyn PhysicalExpr>>) -> Computed<Keys> {
        let types = expressions.iter().map(|key| Ok(SortField::new(key.data_type(schema)?)));
        Ok(Keys { converter: RowConverter::new(types.collect::<Computed<_>>()?)?, expressions })
    }

    /// Makes a chunk of rows in the order of time.
    fn chunk(&mut self, rows: RecordBatch) -> Computed<Chunk> {
        if self.expressions.is_empty() {
            return Ok(Chunk { rows, latest: Vec::new() });
        }
        let columns = self.expressions.iter().map(|key| key.evaluate(&rows)?.into_array(rows.num_rows()));
        let keys = self.converter.convert_columns(&columns.collect::<Computed<Vec<_>>>()?)?;
        let mut latest: HashMap<OwnedRow, u32> = HashMap::new();
        for (key, row) in keys.iter().zip(0..) {
            latest.insert(key.owned(), row);
        }
        let mut latest: Vec<(OwnedRow, u32)> = latest.into_iter().collect();
        latest.sort_unstable_by_key(|(_, row)| *row);
        Ok(Chunk { rows, latest })
    }
}

/// Rows that follow each other in time.
struct Chunk {
    rows: RecordBatch,
    /// The last row of each key, in the order of the rows, if there are keys.
    latest: Vec<(OwnedRow, u32)>,
}

/// The right rows of one product.
struct Kept {
    /// The column of the time.
    time: usize,
    /// So many rows are kept at least, in chunks of so many at most.
    most: usize,
    chunk: usize,
    /// The rows in the order of time.
    chunks: VecDeque<Chunk>,
    rows: usize,
    /// If the oldest rows were dropped: the last row of each key among them, or the last of all.
    dropped: Option<Chunk>,
    /// All keys that were seen.
    keys: HashSet<OwnedRow>,
}

impl Kept {
    fn new(time: usize, most: usize, chunk: usize) -> Kept {
        Kept { time, most, chunk, chunks: VecDeque::new(), rows: 0, dropped: None, keys: HashSet::new() }
    }

    fn add(&mut self, rows: RecordBatch, keys: &mut Keys) -> Computed<()> {
        self.rows += rows.num_rows();
        let chunk = keys.chunk(rows)?;
        self.keys.extend(chunk.latest.iter().map(|(key, _)| key.clone()));
        self.chunks.push_back(chunk);
        // Chunks of like sizes become one, so that a row moves few times.
        while let [.., one, other] = self.chunks.make_contiguous()
            && one.rows.num_rows() <= 2 * other.rows.num_rows()
            && one.rows.num_rows() + other.rows.num_rows() <= self.chunk
        {
            let both = keys.chunk(concat_batches(&one.rows.schema(), [&one.rows, &other.rows])?)?;
            self.chunks.truncate(self.chunks.len() - 2);
            self.chunks.push_back(both);
        }
        Ok(())
    }

    fn forget(&mut self, needed: &impl Fn() -> i64, keys: &mut Keys) -> Computed<()> {
        if self.rows <= self.most + self.most / 8 {
            return Ok(());
        }
        let needed = needed();
        while let (Some(first), Some(second)) = (self.chunks.front(), self.chunks.get(1))
            && self.rows - first.rows.num_rows() >= self.most
            && self.times(second).first().is_some_and(|time| *time < needed)
        {
            self.rows -= first.rows.num_rows();
            let Some(first) = self.chunks.pop_front() else { break };
            let before = self.dropped.take().map(|before| before.rows);
            let all = concat_batches(&first.rows.schema(), before.iter().chain([&first.latest_rows()?]))?;
            let all = keys.chunk(all)?;
            self.dropped = Some(Chunk { rows: all.latest_rows()?, latest: Vec::new() });
        }
        Ok(())
    }

    fn times<'a>(&self, chunk: &'a Chunk) -> &'a [i64] {
        chunk.rows.column(self.time).as_primitive::<TimestampNanosecondType>().values()
    }

    /// Returns the rows from the last one before a time to another time; `None` if some of them were dropped.
    fn between(&self, first: i64, last: i64) -> Option<Vec<RecordBatch>> {
        let mut found = VecDeque::new();
        for chunk in self.chunks.iter().rev() {
            let times = self.times(chunk);
            let earlier = times.partition_point(|time| *time < first);
            let (start, end) = (earlier.saturating_sub(1), times.partition_point(|time| *time <= last));
            if start < end {
                found.push_front(chunk.rows.slice(start, end - start));
            }
            if earlier > 0 {
                return Some(found.into());
            }
        }
        self.dropped.is_none().then(|| found.into())
    }

    /// Returns the rows of a span of time and, of each key, the last row before it; other rows may be among them. `None` if some of
    /// them were dropped.
    fn between_of_keys(&self, first: i64, last: i64) -> Computed<Option<Vec<RecordBatch>>> {
        let mut found = VecDeque::new();
        let mut known: HashSet<&OwnedRow> = HashSet::new();
        for chunk in self.chunks.iter().rev() {
            let times = self.times(chunk);
            let end = times.partition_point(|time| *time <= last);
            if times.last().is_some_and(|time| *time >= first) {
                if end > 0 {
                    found.push_front(chunk.rows.slice(0, end));
                }
                continue;
            }
            if known.len() == self.keys.len() {
                return Ok(Some(found.into()));
            }
            let mut rows = Vec::new();
            for (key, row) in &chunk.latest {
                if known.insert(key) {
                    rows.push(*row);
                }
            }
            if !rows.is_empty() {
                found.push_front(take_record_batch(&chunk.rows, &UInt32Array::from(rows))?);
            }
        }
        if let Some(dropped) = &self.dropped {
            if self.times(dropped).last().is_some_and(|time| *time >= first) {
                return Ok(None);
            }
            found.push_front(dropped.rows.clone());
        }
        Ok(Some(found.into()))
    }
}

impl Chunk {
    /// Returns the last row of each key; without keys, the last row.
    fn latest_rows(&self) -> Computed<RecordBatch> {
        let last = self.rows.num_rows().saturating_sub(1);
        if self.latest.is_empty() {
            return Ok(self.rows.slice(last, self.rows.num_rows() - last));
        }
        let rows: UInt32Array = self.latest.iter().map(|(_, row)| *row).collect();
        Ok(take_record_batch(&self.rows, &rows)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::array::{ArrayRef, Int64Array, StringArray, TimestampNanosecondArray};
    use datafusion::arrow::compute::SortOptions;
    use datafusion::arrow::datatypes::Int64Type;
    use datafusion::physical_expr::PhysicalSortExpr;
    use datafusion::physical_expr::expressions::Column;
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    fn rows(times: std::ops::Range<i64>) -> RecordBatch {
        let times = TimestampNanosecondArray::from_iter_values(times);
        RecordBatch::try_from_iter([("ts", Arc::new(times) as _)]).unwrap()
    }

    fn one() -> Passed {
        let names = BTreeSet::from(["A".to_string()]);
        Passed::new(&rows(0..0).schema(), names, (None, 0), Vec::new(), None).unwrap()
    }

    fn found(passed: &Passed, first: i64, last: i64) -> Option<Vec<i64>> {
        let rows = passed.between(first, last).unwrap()?;
        let times = |rows: &RecordBatch| rows.column(0).as_primitive::<TimestampNanosecondType>().values().to_vec();
        Some(rows.iter().flat_map(times).collect())
    }

    #[test]
    fn rows_are_found_in_any_chunks() {
        let mut passed = one();
        for time in 0..100 {
            passed.add(&[rows(10 * time..10 * time + 1)]).unwrap();
        }
        assert!(passed.kept["A"].chunks.len() < 10, "{} chunks", passed.kept["A"].chunks.len());
        assert_eq!(found(&passed, 25, 41), Some(vec![20, 30, 40]));
        assert_eq!(found(&passed, 30, 30), Some(vec![20, 30]), "for `>`, the row before");
        assert_eq!(found(&passed, -5, -1), Some(vec![]));
        assert_eq!(found(&passed, 5_000, 6_000), Some(vec![990]));
    }

    #[test]
    fn what_was_dropped_is_not_found_as_nothing() {
        let mut passed = one();
        let step = CHUNK as i64;
        for chunk in 0..200 {
            passed.add(&[rows(chunk * step..(chunk + 1) * step)]).unwrap();
            passed.forget(|| if chunk < 180 { 17 } else { i64::MAX }).unwrap();
            assert_eq!(passed.kept["A"].dropped.is_some(), chunk >= 180, "rows from 17 on were needed");
        }
        assert!(passed.rows() < MOST + MOST / 8 + CHUNK);
        let first = passed.kept["A"].times(&passed.kept["A"].chunks[0])[0];
        assert_eq!(found(&passed, first, first), None, "the row before it is not known");
        assert_eq!(found(&passed, first + 1, first + 1), Some(vec![first, first + 1]));
    }

    /// Rows of products, times and keys, in the order in which they come.
    fn keyed(rows: &[(&str, i64, i64)]) -> RecordBatch {
        let products: StringArray = rows.iter().map(|row| Some(row.0)).collect();
        let times = TimestampNanosecondArray::from_iter_values(rows.iter().map(|row| row.1));
        let keys = Int64Array::from_iter_values(rows.iter().map(|row| row.2));
        let columns: [(&str, ArrayRef); 3] =
            [("product_id", Arc::new(products)), ("ts", Arc::new(times)), ("key", Arc::new(keys))];
        RecordBatch::try_from_iter(columns).unwrap()
    }

    #[test]
    fn the_latest_row_of_each_product_and_key_is_found_whatever_was_dropped() {
        let mut random = StdRng::seed_from_u64(4);
        let schema = keyed(&[]).schema();
        for keys in [3, 40] {
            let of: Vec<Arc<dyn PhysicalExpr>> =
                vec![Arc::new(Column::new("product_id", 0)), Arc::new(Column::new("key", 2))];
            let by_time = PhysicalSortExpr::new(Arc::new(Column::new("ts", 1)), SortOptions::default());
            let names = BTreeSet::from(["A".to_string(), "B".to_string()]);
            let mut passed = Passed::new(&schema, names, (Some(0), 1), of, LexOrdering::new([by_time])).unwrap();
            for kept in passed.kept.values_mut() {
                (kept.most, kept.chunk) = (60, 16);
            }
            let mut all: Vec<(&str, i64, i64)> = Vec::new();
            let mut clocks = [0, 0];
            let (mut compared, mut dropped) = (0, 0);
            for _ in 0..400 {
                let came: Vec<(&str, i64, i64)> = (0..random.random_range(1..6))
                    .map(|_| {
                        let product = random.random_range(0..2);
                        clocks[product] += random.random_range(1..5);
                        (["A", "B"][product], clocks[product], random.random_range(0..keys))
                    })
                    .collect();
                all.extend(&came);
                passed.add(&[keyed(&came)]).unwrap();
                passed.forget(|| i64::MAX).unwrap();
                let low = clocks[0].min(clocks[1]);
                let first = (low - random.random_range(0..400)).max(0);
                let last = first + random.random_range(0..20);
                let Some(found) = passed.between(first, last).unwrap() else {
                    dropped += 1;
                    continue;
                };
                let found = concat_batches(&schema, &found).unwrap();
                let times = found.column(1).as_primitive::<TimestampNanosecondType>().values();
                assert!(times.is_sorted());
                let latest = |rows: &[(&str, i64, i64)], at: i64| {
                    let mut latest: BTreeMap<(String, i64), i64> = BTreeMap::new();
                    for (product, time, key) in rows.iter().filter(|row| row.1 <= at) {
                        let known = latest.entry((product.to_string(), *key)).or_insert(*time);
                        *known = (*known).max(*time);
                    }
                    latest
                };
                let products = found.column(0).as_string::<i32>();
                let keys = found.column(2).as_primitive::<Int64Type>();
                let rows: Vec<_> =
                    (0..found.num_rows()).map(|row| (products.value(row), times[row], keys.value(row))).collect();
                for at in [first - 1, first, last] {
                    assert_eq!(latest(&rows, at), latest(&all, at), "from {first} to {last}, at {at}");
                }
                compared += 1;
            }
            assert!(compared > 100 && dropped > 20, "{compared} were compared, and {dropped} were too old");
        }
    }
}
