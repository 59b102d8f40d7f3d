//! Files on web servers.

use std::sync::Arc;

use object_store::ObjectStore;
use object_store::http::HttpBuilder;
use url::{Position, Url};

use super::{Error, Kind};

pub const KIND: Kind = Kind { schemes: &["https", "http"], lists: false, open, account: ACCOUNT, metadata: None };

const ACCOUNT: &str = "squall reads from web servers only what everybody may read";

fn open(url: &Url) -> Result<Arc<dyn ObjectStore>, Error> {
    let server = &url[Position::BeforeScheme..Position::BeforePath];
    let built = HttpBuilder::new()
        .with_url(server)
        .with_client_options(super::client(Some(server)))
        .with_retry(super::retries())
        .build();
    let built = built.map_err(|source| Error::Store { address: super::shown(url), account: ACCOUNT, source })?;
    Ok(Arc::new(built))
}
