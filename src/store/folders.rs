//! Folders that are columns: `day=2026-01-05/`.
//!
//! The engine makes each of them text. In: the files of a table. Out: the columns of their folders, with the types that the names say:
//! BIGINT, DATE, BOOLEAN, and VARCHAR for all else.
//!
//! The engine finds the folder of a condition such as `n = 7` by its name. So a name that is written otherwise, such as `007`, is text.

use chrono::NaiveDate;
use datafusion::arrow::datatypes::DataType;
use datafusion::catalog::Session;
use datafusion::common::Result;
use datafusion::datasource::listing::ListingTableConfig;
use futures::TryStreamExt;

/// Adds to a table the columns of its folders. Its options are known.
///
/// # Errors
/// The files cannot be listed, or have differing folders.
pub async fn with_folders(config: ListingTableConfig, state: &dyn Session) -> Result<ListingTableConfig> {
    let Some((options, first)) = config.options.clone().zip(config.table_paths.first()) else { return Ok(config) };
    let names = options.infer_partitions(state, first).await?;
    if names.is_empty() {
        return Ok(config);
    }
    let mut types: Vec<Option<DataType>> = vec![None; names.len()];
    for url in &config.table_paths {
        let store = state.runtime_env().object_store(url)?;
        let mut files = url.list_all_files(state, store.as_ref(), &options.file_extension).await?;
        while let Some(file) = files.try_next().await? {
            let parts = url.strip_prefix(&file.location).into_iter().flatten();
            for ((part, name), known) in parts.zip(&names).zip(&mut types) {
                let Some(value) = part.strip_prefix(name.as_str()).and_then(|rest| rest.strip_prefix('=')) else {
                    break;
                };
                let kind = kind_of(value);
                *known = match known.take() {
                    Some(known) if known != kind => Some(text()),
                    _ => Some(kind),
                };
            }
        }
    }
    let columns = names.into_iter().zip(types).map(|(name, kind)| (name, kind.unwrap_or_else(text))).collect();
    Ok(config.with_listing_options(options.with_table_partition_cols(columns)))
}

fn text() -> DataType {
    DataType::Dictionary(Box::new(DataType::UInt16), Box::new(DataType::Utf8))
}

fn kind_of(value: &str) -> DataType {
    if value.parse::<i64>().is_ok_and(|number| number.to_string() == value) {
        DataType::Int64
    } else if value.parse::<NaiveDate>().is_ok_and(|day| day.to_string() == value) {
        DataType::Date32
    } else if matches!(value, "true" | "false") {
        DataType::Boolean
    } else {
        text()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_s_name_says_its_type() {
        for value in ["0", "-7", "9223372036854775807"] {
            assert_eq!(kind_of(value), DataType::Int64, "{value}");
        }
        for value in [
            "007",
            "+7",
            "9223372036854775808",
            "1.5",
            "2026-1-5",
            "2026-02-30",
            "True",
            "x",
            "",
            "__HIVE_DEFAULT_PARTITION__",
        ] {
            assert_eq!(kind_of(value), text(), "{value}");
        }
        assert_eq!(kind_of("2026-01-05"), DataType::Date32);
        assert_eq!(kind_of("true"), DataType::Boolean);
    }
}
