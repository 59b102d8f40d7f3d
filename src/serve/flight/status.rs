//! Why a request failed, as clients of gRPC are told: a code, and a message with its place and hint.

use tonic::metadata::MetadataValue;
use tonic::{Code, Status};

use super::super::connection::whole;
use super::super::failure::Failure;
use super::super::watch::{End, Stop};
use super::super::wire::Notice;
use crate::catalog::Session;

/// The longest message, in characters. It travels in a header, and clients take so many bytes of them.
const LONGEST: usize = 1500;

/// The name of the header that carries the code of five characters.
const SQLSTATE: &str = "sqlstate";

/// The codes that begin with these characters, and gRPC's. The first that fits counts.
const CODES: [(&str, Code); 14] = [
    ("25006", Code::PermissionDenied),
    ("28", Code::Unauthenticated),
    ("42P01", Code::NotFound),
    ("26", Code::NotFound),
    ("0A", Code::Unimplemented),
    ("53", Code::ResourceExhausted),
    ("57014", Code::Cancelled),
    ("57", Code::Unavailable),
    ("58", Code::Unavailable),
    ("08", Code::InvalidArgument),
    ("22", Code::InvalidArgument),
    ("42", Code::InvalidArgument),
    ("54", Code::InvalidArgument),
    ("25", Code::FailedPrecondition),
];

/// Says why a statement ended before its own end. `late` says that its time was up.
pub async fn stopped(stop: Stop, session: &Session, text: &str, late: bool) -> Status {
    match stop {
        Stop::Failed(failure) => of(&failure.notice(session, whole(text), text).await, text, late),
        end => ended(end, late),
    }
}

/// Says why other work than a statement ended early.
pub fn ended(stop: Stop, late: bool) -> Status {
    match stop {
        Stop::Failed(Failure::Told(notice)) => of(&notice, "", late),
        Stop::Failed(failure) => told(failure),
        Stop::End(End::Stopping | End::Gone) => of(&notice("57P01", "the server stops"), "", false),
    }
}

/// Says what is wrong with a request that has no statement.
pub fn told(failure: Failure) -> Status {
    match failure {
        Failure::Told(notice) => of(&notice, "", false),
        Failure::Sql(error) => of(&notice("XX000", &error.to_string()), "", false),
    }
}

/// Says that a limit of the server is reached.
pub fn too_many(message: &str, hint: &str) -> Status {
    of(&Notice { hint: Some(hint.into()), ..notice("53300", message) }, "", false)
}

/// Says that a client is not let in.
pub fn refused(message: &str, hint: &str) -> Status {
    of(&Notice { hint: Some(hint.into()), ..notice("28P01", message) }, "", false)
}

/// Says that a handle means nothing here.
pub fn unknown(message: &str, hint: &str) -> Status {
    of(&Notice { hint: Some(hint.into()), ..notice("26000", message) }, "", false)
}

fn notice(code: &'static str, message: &str) -> Notice {
    Notice { code, message: message.into(), ..Notice::default() }
}

fn of(notice: &Notice, text: &str, late: bool) -> Status {
    let mut message = notice.message.clone();
    if let Some(at) = notice.position {
        let (line, column) = place(text, at);
        message.push_str(&format!("\n  at line {line}, column {column} of the statement"));
    }
    if let Some(hint) = &notice.hint {
        message.push_str(&format!("\nhint: {hint}"));
    }
    if let Some((end, _)) = message.char_indices().nth(LONGEST) {
        message.truncate(end);
        message.push('…');
    }
    let code = CODES.iter().find(|(start, _)| notice.code.starts_with(start)).map_or(Code::Internal, |(_, code)| *code);
    let mut status = Status::new(if late && code == Code::Cancelled { Code::DeadlineExceeded } else { code }, message);
    status.metadata_mut().insert(SQLSTATE, MetadataValue::from_static(notice.code));
    status
}

/// Returns the line and the column of a place that is counted in characters from 1.
fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.chars().take(at.saturating_sub(1));
    before.fold((1, 1), |(line, column), character| if character == '\n' { (line + 1, 1) } else { (line, column + 1) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_has_code_place_and_hint_and_is_not_too_long() {
        let notice = Notice { position: Some(6), hint: Some("try that".into()), ..notice("42703", "no column") };
        let status = of(&notice, "é\nab c", false);
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(status.message(), "no column\n  at line 2, column 4 of the statement\nhint: try that");
        assert_eq!(status.metadata().get(SQLSTATE).unwrap(), "42703");
        let long = Notice { message: "é".repeat(9000), ..notice };
        assert_eq!(of(&long, "", false).message().chars().count(), LONGEST + 1);
    }

    #[test]
    fn codes_of_the_same_kind_are_told_apart() {
        for (code, late, expected) in [
            ("25006", false, Code::PermissionDenied),
            ("42P01", false, Code::NotFound),
            ("57014", false, Code::Cancelled),
            ("57014", true, Code::DeadlineExceeded),
            ("57P01", true, Code::Unavailable),
            ("53200", false, Code::ResourceExhausted),
            ("XX000", false, Code::Internal),
        ] {
            assert_eq!(of(&notice(code, ""), "", late).code(), expected, "{code}");
        }
    }
}
