//! Rows to a webhook: each at least once, and once for a receiver that remembers keys, whatever the receiver does.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::process::Stdio;
use std::time::Duration;

use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::commands::{begin, go_on, squall, wait_for};
use super::listener::{Does, Listener, Request};
use super::market::Market;

const SECRET: &str = "not to be seen";

/// Returns whether the signature of a request is right.
fn is_signed(request: &Request) -> bool {
    let key = PKey::hmac(SECRET.as_bytes()).unwrap();
    let mut signer = Signer::new(MessageDigest::sha256(), &key).unwrap();
    signer.update(format!("{}.{}", request.headers["squall-timestamp"], request.body).as_bytes()).unwrap();
    let digits = signer.sign_to_vec().unwrap().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    request.headers["squall-signature"] == format!("v1={digits}")
}

#[test]
fn a_run_that_is_killed_posts_each_row_to_a_receiver_that_fails_in_turns() {
    let listener = Listener::start(|number, _| match number % 11 {
        2 => Does::Answers(500),
        4 => Does::Closes,
        5 => Does::TakesAndCloses,
        7 => Does::Waits(700),
        9 => Does::Answers(429),
        _ => Does::Waits(30),
    });
    let market = &mut Market::new(31);
    let folder = begin(market, 6000);
    let folder = folder.path();
    let live = || {
        let mut command = squall(folder);
        command.args(["live", "changes_of", "--to", &listener.address]).env("SQUALL_WEBHOOK_SECRET", SECRET);
        command
    };
    std::fs::write(
        folder.join("sql/features/changes_of.sql"),
        "-- description: Two rows for a tick.\n-- grain: product_id, ts, side\n-- time column: ts\n-- units:\n--   price: USD\n\
         SELECT product_id, ts, 'bid' AS side, best_bid AS price FROM ticks\n\
         UNION ALL SELECT product_id, ts, 'ask', best_ask FROM ticks WHERE best_ask > 100\n",
    )
    .unwrap();
    let mut random = StdRng::seed_from_u64(31);
    let mut killed = 0;
    for round in 0..6 {
        let told = std::fs::File::create(folder.join("told")).unwrap();
        let mut running = live().stderr(told).stdout(Stdio::null()).spawn().unwrap();
        let before = listener.seen();
        wait_for("requests come", || listener.seen() > before + 1);
        std::thread::sleep(Duration::from_millis(random.random_range(0..600)));
        killed += u32::from(running.try_wait().unwrap().is_none());
        running.kill().unwrap();
        running.wait().unwrap();
        let told = std::fs::read_to_string(folder.join("told")).unwrap();
        assert!(!told.contains(SECRET) && !told.contains("hidden-path"), "{told}");
        if round % 2 == 1 {
            go_on(folder, market, 1500);
        }
    }
    assert!(killed >= 4, "{killed} runs were killed");
    let output = live().arg("--once").output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    super::commands::succeed(folder, "land");
    let mut found: BTreeMap<(i64, String, String), usize> = BTreeMap::new();
    let mut next = None;
    for request in listener.distinct() {
        assert!(is_signed(&request));
        let body = request.json();
        let (first, last) = (body["first_offset"].as_i64().unwrap(), body["last_offset"].as_i64().unwrap());
        assert!(next.is_none_or(|next| first >= next) && last >= first, "{first} to {last} after {next:?}");
        next = Some(last + 1);
        for row in body["rows"].as_array().unwrap() {
            let offset = row["log_offset"].as_i64().unwrap();
            assert!((first..=last).contains(&offset));
            let what = format!("{} {}", row["product_id"], row["ts"]);
            *found.entry((offset, what, row["side"].to_string())).or_default() += 1;
        }
    }
    assert!(listener.taken().len() > listener.distinct().len(), "a request came twice, and was known by its key");
    assert!(found.values().all(|count| *count == 1), "{:?}", found.iter().find(|(_, count)| **count > 1));
    let sql = "SELECT count(*) FROM changes_of";
    let output = squall(folder).args(["sql", "-c", sql, "--format", "csv"]).output().unwrap();
    let counted = String::from_utf8_lossy(&output.stdout);
    assert_eq!(counted.lines().nth(1), Some(found.len().to_string().as_str()), "every row is there");
}

#[test]
fn a_receiver_that_refuses_ends_the_run_and_loses_nothing() {
    let listener = Listener::start(|number, _| if number == 0 { Does::Answers(400) } else { Does::Takes });
    let folder = begin(&mut Market::new(32), 100);
    let folder = folder.path();
    let live = || squall(folder).args(["live", "--once", "--to", &listener.address]).output().unwrap();
    let output = live();
    let told = String::from_utf8_lossy(&output.stderr).to_string();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(
        told.contains("refuses the rows of offsets 0 to 99 of partition 0: it answers 400: the receiver says why\n"),
        "{told}"
    );
    assert!(told.contains("Hint: nothing is lost") && !told.contains("hidden-path"), "{told}");
    let output = live();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let requests = listener.taken();
    assert_eq!(requests[0].json()["first_offset"], 0);
    assert!(!requests[0].headers.contains_key("squall-signature"), "there is no secret");
}

#[test]
fn a_run_whose_receiver_is_away_can_be_ended() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let folder = begin(&mut Market::new(33), 100);
    let address = format!("http://127.0.0.1:{port}/");
    let output = squall(folder.path()).args(["live", "--for", "2s", "--to", &address]).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    assert_eq!(told.matches("takes nothing").count(), 1, "{told}");
    assert!(!told.contains(" rows"), "nobody took a row: {told}");
}

#[test]
fn addresses_and_secrets_that_cannot_be_used_are_errors_that_show_neither() {
    let folder = begin(&mut Market::new(34), 10);
    let folder = folder.path();
    let refused = |to: &str, secret: &[u8]| {
        let mut command = squall(folder);
        command.args(["live", "--once", "--to", to]).env("SQUALL_WEBHOOK_SECRET", OsStr::from_bytes(secret));
        let output = command.output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).to_string();
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(!told.contains("hidden"), "{told}");
        told
    };
    let made = || std::fs::read_dir(folder).unwrap().count();
    let before = made();
    for to in ["https:/example.org/hidden", "HTTPS://me:hidden@example.org/", "ftp://me:hidden@h/hidden", "s3:hidden"] {
        let told = refused(to, b"");
        assert!(told.contains("Hint: write "), "{told}");
    }
    let told = refused("HTTP://127.0.0.1:1/hidden", b"hidden\xff");
    assert!(told.contains("SQUALL_WEBHOOK_SECRET"), "{told}");
    assert_eq!(made(), before, "no folder is named after an address");
}
