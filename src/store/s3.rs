//! Amazon S3, and the stores that speak its protocol: MinIO, Ceph, R2.
//!
//! The account is found as Amazon's own programs find it: variables first, then the token of a web identity, then a profile, then what
//! gives accounts to programs inside Amazon's cloud.

use std::sync::Arc;

use object_store::ObjectStore;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use url::Url;

use super::profile::Profile;
use super::{Error, Kind};

pub const KIND: Kind =
    Kind { schemes: &["s3", "s3a"], lists: true, open, account: ACCOUNT, metadata: Some("169.254.169.254:80") };

const ACCOUNT: &str = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE; AWS_REGION names the region, AWS_ENDPOINT_URL \
                       another server than Amazon's, and AWS_SKIP_SIGNATURE=true reads a public bucket";

fn open(url: &Url) -> Result<Arc<dyn ObjectStore>, Error> {
    let address = super::shown(url);
    let Some(bucket) = url.host_str().filter(|bucket| !bucket.is_empty()) else {
        return Err(Error::Incomplete { address, form: "s3://bucket/path" });
    };
    let mut builder = AmazonS3Builder::new();
    for (name, value) in super::variables("AWS_") {
        if let Ok(key) = name.parse::<AmazonS3ConfigKey>() {
            builder = builder.with_config(key, value);
        }
    }
    builder = builder.with_bucket_name(bucket).with_retry(super::retries());
    let has = |builder: &AmazonS3Builder, key| super::is_on(builder.get_config_value(&key));
    let is_given = has(&builder, AmazonS3ConfigKey::WebIdentityTokenFile)
        || has(&builder, AmazonS3ConfigKey::AccessKeyId)
        || has(&builder, AmazonS3ConfigKey::SecretAccessKey)
        || has(&builder, AmazonS3ConfigKey::SkipSignature);
    let profile = Profile::of_environment(!is_given)?;
    if !has(&builder, AmazonS3ConfigKey::Region)
        && let Some(region) = profile.region
    {
        builder = builder.with_region(region);
    }
    let is_elsewhere = has(&builder, AmazonS3ConfigKey::Endpoint) || has(&builder, AmazonS3ConfigKey::S3Endpoint);
    if !is_elsewhere && let Some(endpoint) = profile.endpoint {
        builder = builder.with_endpoint(endpoint);
    }
    let mut is_known = is_given;
    if !is_given && let Some(keys) = profile.keys {
        builder = builder.with_access_key_id(keys.id).with_secret_access_key(keys.secret);
        if let Some(token) = keys.token {
            builder = builder.with_token(token);
        }
        is_known = true;
    }
    is_known |= has(&builder, AmazonS3ConfigKey::ContainerCredentialsRelativeUri)
        || has(&builder, AmazonS3ConfigKey::ContainerCredentialsFullUri)
        || has(&builder, AmazonS3ConfigKey::MetadataEndpoint);
    if !is_known && (is_disabled() || !KIND.is_inside()) {
        return Err(Error::NoAccount { address, account: ACCOUNT });
    }
    let value = |key| builder.get_config_value(&key);
    let endpoint = value(AmazonS3ConfigKey::S3Endpoint).or_else(|| value(AmazonS3ConfigKey::Endpoint));
    let builder = builder.with_client_options(super::client(endpoint.as_deref()));
    let built = builder.build().map_err(|source| Error::Store { address, account: ACCOUNT, source })?;
    Ok(Arc::new(built))
}

/// Returns whether the user wants no account of the machine.
fn is_disabled() -> bool {
    std::env::var("AWS_EC2_METADATA_DISABLED").is_ok_and(|value| value.eq_ignore_ascii_case("true"))
}
