//! Alerts as sentences on standard error.

use async_trait::async_trait;

use super::{Given, Options, Recipient};
use crate::live::alert::Alert;
use crate::live::error::Error;
use crate::live::webhook::Stop;
use crate::log::Tell;

struct Told(Tell);

/// Opens the recipient.
pub async fn open(options: &Options) -> Result<Box<dyn Recipient>, Error> {
    Ok(Box::new(Told(options.tell.clone())))
}

#[async_trait]
impl Recipient for Told {
    async fn give(&mut self, alert: &Alert, _stop: &Stop) -> Given {
        self.0.say(&format!("Alert: {}", alert.sentence));
        Given::Taken
    }
}
