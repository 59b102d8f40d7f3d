//! Azure Blob Storage.

use std::sync::Arc;

use object_store::ObjectStore;
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use url::Url;

use super::{Error, Kind};

pub const KIND: Kind = Kind {
    schemes: &["az", "azure", "abfs", "abfss"],
    lists: true,
    open,
    account: ACCOUNT,
    metadata: Some("169.254.169.254:80"),
};

const ACCOUNT: &str = "set AZURE_STORAGE_ACCOUNT_NAME, and AZURE_STORAGE_ACCOUNT_KEY, AZURE_STORAGE_SAS_KEY, or AZURE_CLIENT_ID, \
                       AZURE_TENANT_ID and AZURE_CLIENT_SECRET; AZURE_SKIP_SIGNATURE=true reads a public container";

fn open(url: &Url) -> Result<Arc<dyn ObjectStore>, Error> {
    let address = super::shown(url);
    if url.host_str().is_none_or(str::is_empty) {
        let form = "az://container/path or abfss://container@account.dfs.core.windows.net/path";
        return Err(Error::Incomplete { address, form });
    }
    let mut builder = MicrosoftAzureBuilder::new();
    // Where Azure's functions and containers tell of their identity.
    let identity =
        std::env::var("IDENTITY_ENDPOINT").into_iter().map(|value| ("azure_msi_endpoint".to_string(), value));
    for (name, value) in identity.chain(super::variables("AZURE_")) {
        if let Ok(key) = name.parse::<AzureConfigKey>() {
            builder = builder.with_config(key, value);
        }
    }
    let builder = builder.with_url(url.as_str()).with_retry(super::retries());
    let endpoint = builder.get_config_value(&AzureConfigKey::Endpoint);
    let builder = builder.with_client_options(super::client(endpoint.as_deref()));
    let has = |key| super::is_on(builder.get_config_value(&key));
    let is_given = [
        AzureConfigKey::AccessKey,
        AzureConfigKey::SasKey,
        AzureConfigKey::Token,
        AzureConfigKey::ClientSecret,
        AzureConfigKey::FederatedTokenFile,
        AzureConfigKey::UseAzureCli,
        AzureConfigKey::UseEmulator,
        AzureConfigKey::SkipSignature,
        AzureConfigKey::MsiEndpoint,
    ];
    if !is_given.into_iter().any(has) && !KIND.is_inside() {
        return Err(Error::NoAccount { address, account: ACCOUNT });
    }
    let built = builder.build().map_err(|source| Error::Store { address, account: ACCOUNT, source })?;
    Ok(Arc::new(built))
}
