//! The files that an address stands for: one file, the files of a folder, or those of a pattern.

use datafusion::catalog::Session;
use datafusion::datasource::listing::ListingTableUrl;
use datafusion::error::DataFusionError;
use futures::TryStreamExt;
use glob::Pattern;
use object_store::ObjectMeta;
use url::Url;

use super::{Error, check_path, failed, kind, shown};
use crate::error::Refused;
use crate::text::{is_address, scheme};

/// The characters of patterns.
const PATTERN: [char; 3] = ['*', '?', '['];

/// Returns the files that a path or an address stands for.
///
/// # Errors
/// The address cannot be read, or a web server would have to list its files.
pub fn listed(text: &str) -> Result<ListingTableUrl, DataFusionError> {
    let text = without_any_folders(text);
    let text = text.as_str();
    if !is_address(text) {
        return ListingTableUrl::parse(text);
    }
    let unknown = || Error::Scheme { scheme: scheme(text).unwrap_or_default().into() };
    let wanted = scheme(text).and_then(|scheme| kind(&scheme.to_lowercase())).ok_or_else(unknown)?;
    // A web address may have a query, which begins with the same character as one of patterns.
    let pattern = if wanted.lists { text.find(PATTERN) } else { text.find(['*', '[']) };
    let (folder, pattern) = match pattern.map(|at| text[..at].rfind('/').map_or(at, |slash| slash + 1)) {
        Some(at) => (&text[..at], Some(&text[at..])),
        None => (text, None),
    };
    let url = Url::parse(folder).map_err(|error| DataFusionError::External(Box::new(error)))?;
    if !wanted.lists && (pattern.is_some() || url.path().ends_with('/')) {
        return Err(Error::Unlisted { address: shown(&url) }.into());
    }
    check_path(&url)?;
    let pattern = pattern
        .map(|pattern| Pattern::new(pattern).map_err(|source| Error::Pattern { pattern: pattern.into(), source }));
    ListingTableUrl::try_new(url, pattern.transpose()?)
}

/// Leaves the folders `name=*` out of a pattern: the files of a folder are also those in its folders that are columns.
fn without_any_folders(text: &str) -> String {
    let is_any = |part: &&str| part.strip_suffix("=*").is_some_and(|name| !name.is_empty() && !name.contains(PATTERN));
    let first = text.split('/').position(|part| part.contains(PATTERN)).unwrap_or(usize::MAX);
    let rest: Vec<&str> = text.split('/').skip(first).collect();
    match rest.split_last() {
        Some((last, folders)) if last.contains(PATTERN) && folders.iter().all(is_any) => {
            text.split('/').take(first).chain([*last]).collect::<Vec<_>>().join("/")
        }
        _ => text.to_string(),
    }
}

/// Checks the address of a file that will be written.
///
/// # Errors
/// The address is one of a web server, or its end would not be a part of the file's path.
pub fn check_written(address: &str) -> Result<(), DataFusionError> {
    let url = Url::parse(address).map_err(|error| DataFusionError::External(Box::new(error)))?;
    if kind(url.scheme()).is_some_and(|kind| !kind.lists) {
        return Err(Error::Unwritten { address: shown(&url) }.into());
    }
    Ok(check_path(&url)?)
}

/// Returns the first of the files at an address.
///
/// # Errors
/// There is none, or the store says why squall cannot read it.
pub async fn first(
    state: &dyn Session,
    address: &str,
    listed: &ListingTableUrl,
) -> Result<ObjectMeta, DataFusionError> {
    let store = state.runtime_env().object_store(listed)?;
    let found = async { listed.list_all_files(state, store.as_ref(), "").await?.try_next().await };
    match found.await.map_err(|error| failed(address, error))? {
        Some(file) if file.size == 0 && listed.get_glob().is_none() && !listed.is_collection() => Err(refused(
            format!("{address} is empty"),
            "its writer was stopped before it wrote anything; write the file again",
        )),
        Some(file) => Ok(file),
        None => Err(refused(format!("there is no file at {address}"), "the address of a folder ends with /")),
    }
}

fn refused(message: String, hint: &str) -> DataFusionError {
    DataFusionError::External(Box::new(Refused { message, hint: Some(hint.into()) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_stands_for_a_file_a_folder_or_a_pattern() {
        let parts = |text| {
            let listed = listed(text).unwrap();
            (listed.prefix().to_string(), listed.get_glob().as_ref().map(|glob| glob.as_str().to_string()))
        };
        assert_eq!(parts("s3://b/x.parquet"), ("x.parquet".into(), None));
        assert_eq!(parts("s3://b/a/*.parquet"), ("a".into(), Some("*.parquet".into())));
        assert_eq!(parts("gs://b/a*/d=1/[xy].csv"), (String::new(), Some("a*/d=1/[xy].csv".into())));
        assert_eq!(parts("S3://b/a%20b/"), ("a b".into(), None));
        assert_eq!(parts("https://host/a.csv"), ("a.csv".into(), None));
        assert_eq!(parts("s3://b/t/day=*/n=*/*.csv"), ("t".into(), Some("*.csv".into())));
        assert_eq!(parts("s3://b/t/day=2*/*.csv"), ("t".into(), Some("day=2*/*.csv".into())));
    }

    #[test]
    fn what_cannot_be_listed_is_refused() {
        for (text, expected) in [
            ("https://host/*.csv", "cannot list https://host/: web servers do not list their files"),
            ("https://host/folder/", "cannot list https://host/folder/: web servers do not list their files"),
            (
                "https://host/a.csv?key=1",
                "the address https://host/a.csv goes on with `?`, which is not a part of a path",
            ),
            ("s3://b/a#b.csv", "the address s3://b/a goes on with `#`, which is not a part of a path"),
            ("hdfs://host/a.csv", "squall cannot read addresses that begin with `hdfs://`"),
            ("s3://b/[a.csv", "`[a.csv` is not a pattern of files"),
        ] {
            let said = listed(text).unwrap_err().to_string();
            assert!(said.contains(expected), "{said}");
        }
    }
}
