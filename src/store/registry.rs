//! The stores of a session: opened when a statement first needs them, and kept.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use datafusion::common::Result;
use datafusion::execution::object_store::{DefaultObjectStoreRegistry, ObjectStoreRegistry};
use object_store::ObjectStore;
use url::Url;

use crate::error::Refused;

/// Opens stores by their addresses.
#[derive(Debug, Default)]
pub struct Stores {
    opened: DefaultObjectStoreRegistry,
    is_closed: AtomicBool,
}

impl Stores {
    /// Opens no more stores from now on. Those that are open stay.
    pub fn close(&self) {
        self.is_closed.store(true, Ordering::Relaxed);
    }
}

impl ObjectStoreRegistry for Stores {
    fn register_store(&self, url: &Url, store: Arc<dyn ObjectStore>) -> Option<Arc<dyn ObjectStore>> {
        self.opened.register_store(url, store)
    }

    fn deregister_store(&self, url: &Url) -> Result<Arc<dyn ObjectStore>> {
        self.opened.deregister_store(url)
    }

    fn get_store(&self, url: &Url) -> Result<Arc<dyn ObjectStore>> {
        if let Ok(store) = self.opened.get_store(url) {
            return Ok(store);
        }
        if self.is_closed.load(Ordering::Relaxed) {
            let message = format!("statements may not read {}", super::shown(url));
            let hint = Some("whoever starts squall allows it with --allow-addresses".into());
            return Err(datafusion::error::DataFusionError::External(Box::new(Refused { message, hint })));
        }
        let store = super::open(url)?;
        self.opened.register_store(url, Arc::clone(&store));
        Ok(store)
    }
}
