//! Where work in the background reports what the user should know.

use std::fmt;
use std::sync::Arc;

/// Takes sentences for the user. The default drops them.
#[derive(Clone)]
pub struct Tell(Arc<dyn Fn(&str) + Send + Sync>);

impl Tell {
    /// Passes each sentence to a function.
    pub fn new(tell: impl Fn(&str) + Send + Sync + 'static) -> Tell {
        Tell(Arc::new(tell))
    }

    /// Tells the user a sentence.
    pub fn say(&self, sentence: &str) {
        (self.0)(sentence);
    }
}

impl Default for Tell {
    fn default() -> Tell {
        Tell::new(|_| {})
    }
}

impl fmt::Debug for Tell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tell")
    }
}
