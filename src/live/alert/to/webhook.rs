//! Alerts to a webhook, signed, one request for each.

use async_trait::async_trait;

use super::{Given, Options, Recipient};
use crate::live::alert::Alert;
use crate::live::error::Error;
use crate::live::webhook::{Posted, Stop, Webhook};

struct Posts(Webhook);

/// Finds what is wrong with an address.
pub fn check(text: &str, options: &Options) -> Result<(), Error> {
    Webhook::new(text, options.secret.clone(), options.tell.clone()).map(drop)
}

/// Opens the recipient.
pub async fn open(text: &str, options: &Options) -> Result<Box<dyn Recipient>, Error> {
    Ok(Box::new(Posts(Webhook::new(text, options.secret.clone(), options.tell.clone())?)))
}

#[async_trait]
impl Recipient for Posts {
    async fn give(&mut self, alert: &Alert, stop: &Stop) -> Given {
        match self.0.post(&alert.key, &alert.message.clone().into(), stop).await {
            Ok(Posted::Taken) => Given::Taken,
            Ok(Posted::Refused { status, answer }) => {
                Given::Refused(format!("{} answers {status}: {answer}", self.0.shown()))
            }
            Ok(Posted::Stopped) => Given::Stopped,
            Err(error) => Given::Refused(error.to_string()),
        }
    }
}
