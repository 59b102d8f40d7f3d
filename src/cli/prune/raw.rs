//! Raw messages: the days of file logs whose messages have all landed.
//!
//! The days of a log that `land` reads itself go by offsets. An archive of a topic has offsets of its own, so its days go by
//! time: when Kafka has the messages, and each partition of the topic has landed to its end, or has landed a message that was
//! received at least a day after the file's day. The day allows for a clock that was set back.

use std::path::Path;
use std::time::Duration;

use chrono::{Days, NaiveTime, Utc};

use super::{Found, dated};
use crate::cli::{Context, Failure, logs};
use crate::land::Folder;
use crate::land::retention::{Held, held};
use crate::log::{self, Archived, FileLog, Forwarded, Location, Log, OldDay};
use crate::text::counted;

/// Why days stay, and which days may go.
type Rule = (String, Box<dyn Fn(&OldDay) -> bool>);

/// Returns the old days of all logs in the folder of raw messages.
pub async fn old(context: &Context, age: Duration, forwarded: bool) -> Result<Found, Failure> {
    let mut found = Found::default();
    let raw = context.settings().raw_dir();
    let landed = held(&Folder::new(&context.settings().ticks_dir())?).await?;
    let folders = dated::files(&raw)?.into_iter().filter(|path| path.is_dir());
    for dir in folders.chain([raw.clone()]) {
        let days = FileLog::days_before(&dir, (Utc::now() - age).date_naive())?;
        if days.is_empty() {
            continue;
        }
        let mut stay = 0;
        let (reason, may_go): Rule = match Archived::forwarded(&dir)? {
            Some(note) if forwarded => {
                let next = note.next_offset;
                (format!("Kafka does not have them yet (it has {next} messages)"), Box::new(move |day| day.end <= next))
            }
            Some(note) => archived(context, note, &landed).await?,
            None => own(&dir, &landed).await?,
        };
        for day in days {
            // A later day stays behind one that stays, so that no hole appears.
            match stay == 0 && may_go(&day) {
                true => found.add(day.path)?,
                false => stay += 1,
            }
        }
        if stay > 0 {
            found.kept.push(format!("{} in {}, because {reason}", counted(stay, "old day"), dir.display()));
        }
    }
    Ok(found)
}

/// Returns which days of a log that is landed itself may go, and why the others stay.
async fn own(dir: &Path, landed: &[Held]) -> Result<Rule, Failure> {
    let id = FileLog::open(dir).await?.id().await?;
    let files = landed.iter().filter(|held| held.log.as_ref() == Some(&id));
    let next = files.map(|held| held.file.next_offset()).max().unwrap_or(0);
    Ok((
        format!("they have not landed (landing has reached offset {next})"),
        Box::new(move |day: &OldDay| day.end <= next),
    ))
}

/// Returns which days of a topic's archive may go, and why the others stay.
async fn archived(context: &Context, note: Forwarded, landed: &[Held]) -> Result<Rule, Failure> {
    let topic = note.topic.as_str().rsplit('/').next().unwrap_or_default().to_string();
    let brokers = context.settings().kafka.bootstrap_servers.clone();
    // For each partition that has not landed to its end: when its last landed message was received.
    let reached = match reached(context, &Location::Kafka { brokers, topic }, &note, landed).await {
        Ok(reached) => reached,
        Err(reason) => return Ok((reason, Box::new(|_| false))),
    };
    let reason = "not all of them have landed; --forwarded deletes what Kafka has".to_string();
    Ok((
        reason,
        Box::new(move |day: &OldDay| {
            let after = day.day.checked_add_days(Days::new(2)).map(|day| day.and_time(NaiveTime::MIN).and_utc());
            let after = after.and_then(|time| time.timestamp_nanos_opt()).unwrap_or(i64::MAX);
            day.end <= note.next_offset && reached.iter().all(|received| *received >= after)
        }),
    ))
}

/// Returns, for each partition of a topic that has not landed to its end, when its last landed message was received.
async fn reached(
    context: &Context,
    location: &Location,
    note: &Forwarded,
    landed: &[Held],
) -> Result<Vec<i64>, String> {
    let hint = "--forwarded deletes what Kafka has";
    let failed = |error: log::Error| format!("it is not known whether they landed: {error}; {hint}");
    let log = log::open(location, &logs::options(context)).await.map_err(failed)?;
    if log.id().await.map_err(failed)? != note.topic {
        return Err(format!("{location} is not the topic of this archive, {}; {hint}", note.topic));
    }
    let mut reached = Vec::new();
    for partition in log.partitions().await.map_err(failed)? {
        let of =
            landed.iter().filter(|held| held.log.as_ref() == Some(&note.topic) && held.file.partition == partition);
        let (next, received) = of.fold((0, i64::MIN), |(next, received), held| {
            (next.max(held.file.next_offset()), received.max(held.received.unwrap_or(i64::MIN)))
        });
        if next < log.offsets(partition).await.map_err(failed)?.end {
            reached.push(received);
        }
    }
    Ok(reached)
}
