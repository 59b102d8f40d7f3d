//! Profiles of Amazon's programs: `~/.aws/credentials` and `~/.aws/config`.
//!
//! In: the profile that AWS_PROFILE names, else `default`. Out: its keys, region and endpoint.

use std::path::PathBuf;

use ini::{Ini, ParseOption};

use super::Error;

/// What a profile says.
#[derive(Default)]
pub struct Profile {
    pub keys: Option<Keys>,
    pub region: Option<String>,
    pub endpoint: Option<String>,
}

/// The keys of an account.
pub struct Keys {
    pub id: String,
    pub secret: String,
    pub token: Option<String>,
}

/// Settings of a profile by which Amazon's programs get keys from elsewhere.
const ELSEWHERE: [&str; 5] = ["credential_process", "role_arn", "sso_session", "sso_start_url", "login_session"];

impl Profile {
    /// Reads the profile that the environment names, and its keys if they are wanted.
    ///
    /// # Errors
    /// A file is not readable, the profile that AWS_PROFILE names is in no file, or keys are wanted and the profile gets them from
    /// elsewhere.
    pub fn of_environment(wants_keys: bool) -> Result<Profile, Error> {
        let named = std::env::var("AWS_PROFILE").ok().filter(|name| !name.is_empty());
        let name = named.as_deref().unwrap_or("default");
        let credentials = read(name, "AWS_SHARED_CREDENTIALS_FILE", "credentials")?;
        let config = read(name, "AWS_CONFIG_FILE", "config")?;
        Profile::of(name, &credentials, &config, named.is_some(), wants_keys)
    }

    fn of(name: &str, credentials: &Ini, config: &Ini, must_be: bool, wants_keys: bool) -> Result<Profile, Error> {
        let wrong = |problem: String, hint: Option<String>| Error::Profile { profile: name.into(), problem, hint };
        let in_credentials = credentials.section(Some(name));
        let in_config = match name {
            "default" => config.section(Some("default")).or_else(|| config.section(Some("profile default"))),
            name => config.section(Some(format!("profile {name}"))),
        };
        let sections = [in_credentials, in_config];
        if must_be && wants_keys && sections.iter().all(Option::is_none) {
            let hint = "AWS_PROFILE names it; `aws configure list-profiles` lists those that there are".to_string();
            return Err(wrong("is in neither ~/.aws/credentials nor ~/.aws/config".into(), Some(hint)));
        }
        let value = |key: &str| {
            let found = sections.into_iter().flatten().find_map(|section| section.get(key));
            found.map(str::trim).filter(|value| !value.is_empty()).map(str::to_string)
        };
        let keys = match (value("aws_access_key_id"), value("aws_secret_access_key")) {
            (Some(id), Some(secret)) => Some(Keys { id, secret, token: value("aws_session_token") }),
            _ => None,
        };
        if wants_keys && let Some(way) = ELSEWHERE.into_iter().find(|way| value(way).is_some()) {
            let command = format!("`eval \"$(aws configure export-credentials --profile {name} --format env)\"` first");
            return Err(wrong(format!("gets its keys by {way}, which squall does not do"), Some(command)));
        }
        Ok(Profile { keys, region: value("region"), endpoint: value("endpoint_url") })
    }
}

/// Reads the file that a variable names, else the one in `~/.aws`; a file that is missing says nothing.
fn read(profile: &str, variable: &str, name: &str) -> Result<Ini, Error> {
    let named = std::env::var_os(variable).filter(|path| !path.is_empty()).map(PathBuf::from);
    let Some(path) = named.or_else(|| Some(std::env::home_dir()?.join(".aws").join(name))) else {
        return Ok(Ini::new());
    };
    let wrong = |problem: String| Error::Profile { profile: profile.into(), problem, hint: None };
    match std::fs::read_to_string(&path) {
        // The line itself may be a key.
        Ok(text) => parse(&text).ok_or_else(|| {
            wrong(format!("cannot be read: a line of {} is neither [section] nor key = value", path.display()))
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Ini::new()),
        Err(error) => Err(wrong(format!("cannot be read: {}: {error}", path.display()))),
    }
}

fn parse(text: &str) -> Option<Ini> {
    let plain = ParseOption { enabled_quote: false, enabled_escape: false, ..ParseOption::default() };
    Ini::load_from_str_opt(text, plain).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREDENTIALS: &str = "[default]\naws_access_key_id = A\naws_secret_access_key = s/\\x\"+\n[work]\naws_access_key_id=B\n\
                               aws_secret_access_key=t\naws_session_token=u\n";
    const CONFIG: &str = "[default]\nregion = eu-west-1\n[profile work]\nregion=us-west-2\nendpoint_url = http://127.0.0.1:9000\n\
                          s3 =\n  addressing_style = path\n[profile sso]\nsso_session = s\n";

    fn profile(name: &str, wants_keys: bool) -> Result<Profile, Error> {
        let parsed = |text| parse(text).expect("an INI file");
        Profile::of(name, &parsed(CREDENTIALS), &parsed(CONFIG), true, wants_keys)
    }

    #[test]
    fn a_profile_has_keys_a_region_and_an_endpoint() {
        let default = profile("default", true).unwrap();
        let keys = default.keys.unwrap();
        assert_eq!((keys.id.as_str(), keys.secret.as_str(), keys.token), ("A", "s/\\x\"+", None));
        assert_eq!((default.region.as_deref(), default.endpoint), (Some("eu-west-1"), None));
        let work = profile("work", true).unwrap();
        assert_eq!(work.keys.unwrap().token.as_deref(), Some("u"));
        assert_eq!(work.endpoint.as_deref(), Some("http://127.0.0.1:9000"));
    }

    #[test]
    fn what_a_profile_lacks_is_said() {
        let said = |name| profile(name, true).err().unwrap().to_string();
        assert_eq!(said("none"), "the profile `none` of AWS is in neither ~/.aws/credentials nor ~/.aws/config");
        assert_eq!(said("sso"), "the profile `sso` of AWS gets its keys by sso_session, which squall does not do");
        assert!(profile("sso", false).unwrap().keys.is_none(), "keys that are not wanted may be anywhere");
        assert!(parse("[default]\nsecret without a sign\n").is_none());
    }
}
