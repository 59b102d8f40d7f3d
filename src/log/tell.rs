//! Where work in the background reports what the user should know.

use std::fmt;
use std::sync::Arc;

/// What a sentence is about, by name, for those who read messages by machine.
pub type Fields<'a> = [(&'a str, String)];

type Telling = dyn Fn(&str, &Fields<'_>) + Send + Sync;

/// Takes sentences for the user. The default drops them.
#[derive(Clone)]
pub struct Tell(Arc<Telling>);

impl Tell {
    /// Passes each sentence to a function.
    pub fn new(tell: impl Fn(&str) + Send + Sync + 'static) -> Tell {
        Tell(Arc::new(move |sentence, _| tell(sentence)))
    }

    /// Passes each sentence to a function, with what it is about.
    pub fn with_fields(tell: impl Fn(&str, &Fields<'_>) + Send + Sync + 'static) -> Tell {
        Tell(Arc::new(tell))
    }

    /// Tells the user a sentence.
    pub fn say(&self, sentence: &str) {
        self.say_of(sentence, &[]);
    }

    /// Tells the user a sentence, and what it is about.
    pub fn say_of(&self, sentence: &str, fields: &Fields<'_>) {
        (self.0)(sentence, fields);
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
