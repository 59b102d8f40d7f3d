//! Where a run happens: user, program and commit, under the names that MLflow's own client uses.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

/// The variables that name the user, in the order in which Python's `getpass` asks them.
const USER: [&str; 4] = ["LOGNAME", "USER", "LNAME", "USERNAME"];

/// Returns the tags of a run that starts now in the working directory.
pub fn tags() -> BTreeMap<String, String> {
    let mut tags = BTreeMap::new();
    let mut add = |name: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            tags.insert(name.to_string(), value);
        }
    };
    add("mlflow.user", USER.iter().find_map(|name| std::env::var(name).ok().filter(|user| !user.is_empty())));
    add("mlflow.source.name", Some("squall".into()));
    add("mlflow.source.type", Some("LOCAL".into()));
    add("mlflow.source.git.commit", commit());
    add("mlflow.source.git.branch", git(&["symbolic-ref", "--short", "HEAD"]));
    let repository = git(&["config", "--get", "remote.origin.url"]);
    add("mlflow.source.git.repoURL", repository.map(|url| crate::text::without_secrets(&url)));
    add("squall.version", Some(env!("CARGO_PKG_VERSION").into()));
    tags
}

/// Returns the commit of the working directory; `None` if it is not a repository, or if git is not installed.
pub fn commit() -> Option<String> {
    git(&["rev-parse", "--verify", "HEAD"])
}

/// Returns what git says of the working directory; `None` if it is not a repository, or if git is not installed.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_string())
}
