//! A store whose objects differ in their times whenever they differ.
//!
//! The engine keeps what it read of a file's footer by the file's path, and takes it for another file's if path, size and time are the
//! same. Stores give times in whole seconds, and two buckets may have the same paths. In: a store. Out: the same store; the
//! fractions of its objects' times come from the address and from the store's tags of contents.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{TimeDelta, Timelike};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions,
    PutOptions, PutPayload, PutResult, RenameOptions, Result,
};

use crate::text::fnv1a;

const NANOS: u64 = 1_000_000_000;

/// A store whose objects differ in their times whenever they differ.
#[derive(Debug)]
pub struct Versions {
    store: Arc<dyn ObjectStore>,
    /// Scheme and bucket.
    address: String,
}

impl Versions {
    /// Wraps the store at an address.
    pub fn new(store: Arc<dyn ObjectStore>, address: String) -> Versions {
        Versions { store, address }
    }
}

/// Gives an object's time a fraction of its own, unless the store gives one.
fn told_apart(address: &str, mut object: ObjectMeta) -> ObjectMeta {
    if object.last_modified.nanosecond() == 0 {
        let tag = object.e_tag.as_deref().unwrap_or_default();
        let fraction = fnv1a(format!("{address} {tag}").as_bytes()) % NANOS;
        object.last_modified += TimeDelta::nanoseconds(fraction as i64);
    }
    object
}

impl fmt::Display for Versions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.store.fmt(f)
    }
}

#[async_trait]
impl ObjectStore for Versions {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.store.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.store.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let mut got = self.store.get_opts(location, options).await?;
        got.meta = told_apart(&self.address, got.meta);
        Ok(got)
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.store.get_ranges(location, ranges).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.store.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let address = self.address.clone();
        self.store.list(prefix).map_ok(move |object| told_apart(&address, object)).boxed()
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        let address = self.address.clone();
        self.store.list_with_offset(prefix, offset).map_ok(move |object| told_apart(&address, object)).boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let mut listed = self.store.list_with_delimiter(prefix).await?;
        let objects = listed.objects.into_iter();
        listed.objects = objects.map(|object| told_apart(&self.address, object)).collect();
        Ok(listed)
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.store.copy_opts(from, to, options).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.store.rename_opts(from, to, options).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_of_one_second_and_size_are_told_apart() {
        let object = |tag: &str| ObjectMeta {
            location: Path::from("x.parquet"),
            last_modified: chrono::DateTime::from_timestamp(1_700_000_000, 0).expect("a time"),
            size: 7,
            e_tag: Some(tag.into()),
            version: None,
        };
        let time = |address: &str, tag: &str| told_apart(address, object(tag)).last_modified;
        let time_of_first = time("s3://a", "1");
        assert_eq!(time("s3://a", "1"), time_of_first);
        assert_ne!(time("s3://a", "2"), time_of_first, "written again within a second");
        assert_ne!(time("s3://b", "1"), time_of_first, "in another bucket");
        assert_eq!(time_of_first.timestamp(), 1_700_000_000);
    }
}
