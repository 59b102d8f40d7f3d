//! The alerts of `squall live`: what the user asks for, and what became of it.

use std::env::VarError;
use std::time::Duration;

use datafusion::execution::context::SessionContext;

use super::{Context, Failure, duration, logs};
use crate::live::LivePlan;
use crate::live::alert::{Alerts, Asked, RecipientOptions, Recipients};
use crate::log::Tell;
use crate::metrics::Metrics;
use crate::text::{counted, grouped};

/// The variable with the secret that signs requests to webhooks.
const SECRET: &str = "SQUALL_WEBHOOK_SECRET";

/// What is alerted, and whom.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Args {
    /// Raises an alert for a row of which this SQL condition is true, such as 'score >= 0.8'
    #[arg(long, value_name = "CONDITION")]
    pub alert: Option<String>,

    /// The least time between two alerts of a product, in the time of its rows
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "60s", requires = "alert")]
    pub alert_cooldown: Duration,

    /// Has to be true once before the product's next alert, such as 'score < 0.5'
    #[arg(long, value_name = "CONDITION", requires = "alert")]
    pub alert_clear: Option<String>,

    /// Who is told: - for standard error, kafka:TOPIC, a webhook, https://…, or 'command:…', which gets the message as its input
    #[arg(long, value_name = "RECIPIENT", default_value = "-", requires = "alert")]
    pub alert_to: String,
}

impl Args {
    /// Plans the alerts over the rows of queries; `None` if none is asked for.
    ///
    /// # Errors
    /// A condition or the recipient is wrong.
    pub fn plan(
        &self,
        context: &Context,
        plans: &[LivePlan],
        session: &SessionContext,
        tell: &Tell,
        metrics: &Metrics,
    ) -> Result<Option<Alerts>, Failure> {
        let Some(alert) = &self.alert else { return Ok(None) };
        let settings = context.settings();
        let options = RecipientOptions {
            brokers: settings.kafka.bootstrap_servers.clone(),
            log: logs::options(context),
            secret: secret()?,
            tell: tell.clone(),
        };
        let asked = Asked {
            alert: alert.clone(),
            clear: self.alert_clear.clone(),
            cooldown: self.alert_cooldown,
            to: Recipients::new(&self.alert_to, options)?,
            dir: settings.live_dir().join("alerts"),
            tell: tell.clone(),
        };
        Ok(Some(Alerts::plan(asked, plans, session, metrics)?))
    }
}

/// Returns the secret that signs requests to webhooks.
///
/// # Errors
/// The variable is not UTF-8: without a word, requests would not be signed.
pub fn secret() -> Result<Option<String>, Failure> {
    match std::env::var(SECRET) {
        Ok(secret) => Ok(Some(secret)),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => Err(Failure::new(format!("the variable {SECRET} is not UTF-8"))
            .with_hint("write the secret in hexadecimal digits or base64, for the receiver too")),
    }
}

/// Prints what became of alerts.
pub fn report(alerts: Option<&Alerts>) {
    let Some([raised, given, refused, dropped]) = alerts.map(|alerts| alerts.counts().all()) else { return };
    let others = [(refused, "refused"), (dropped, "dropped")].into_iter().filter(|(count, _)| *count > 0);
    let others: String = others.map(|(count, what)| format!(", {} {what}", grouped(count))).collect();
    eprintln!("{}: {} given{others}", counted(raised, "alert"), grouped(given));
}
