//! Google Cloud Storage.

use std::sync::Arc;

use object_store::ObjectStore;
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use url::Url;

use super::{Error, Kind};

pub const KIND: Kind = Kind {
    schemes: &["gs", "gcs"],
    lists: true,
    open,
    account: ACCOUNT,
    metadata: Some("metadata.google.internal:80"),
};

const ACCOUNT: &str = "set GOOGLE_APPLICATION_CREDENTIALS to a file with a key, run `gcloud auth application-default login`, or set \
                       GOOGLE_SKIP_SIGNATURE=true for a public bucket";

fn open(url: &Url) -> Result<Arc<dyn ObjectStore>, Error> {
    let address = super::shown(url);
    let Some(bucket) = url.host_str().filter(|bucket| !bucket.is_empty()) else {
        return Err(Error::Incomplete { address, form: "gs://bucket/path" });
    };
    let mut builder = GoogleCloudStorageBuilder::new();
    for (name, value) in super::variables("GOOGLE_") {
        if let Ok(key) = name.parse::<GoogleConfigKey>() {
            builder = builder.with_config(key, value);
        }
    }
    let builder = builder.with_bucket_name(bucket).with_retry(super::retries());
    let endpoint = builder.get_config_value(&GoogleConfigKey::BaseUrl);
    let builder = builder.with_client_options(super::client(endpoint.as_deref()));
    let has = |key| super::is_on(builder.get_config_value(&key));
    let is_given = [
        GoogleConfigKey::ServiceAccount,
        GoogleConfigKey::ServiceAccountKey,
        GoogleConfigKey::ApplicationCredentials,
        GoogleConfigKey::SkipSignature,
    ];
    let well_known = std::env::home_dir()
        .is_some_and(|home| home.join(".config/gcloud/application_default_credentials.json").exists());
    if !is_given.into_iter().any(has) && !well_known && !KIND.is_inside() {
        return Err(Error::NoAccount { address, account: ACCOUNT });
    }
    let built = builder.build().map_err(|source| Error::Store { address, account: ACCOUNT, source })?;
    Ok(Arc::new(built))
}
