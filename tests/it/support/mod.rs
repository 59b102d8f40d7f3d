//! What tests of several stages share.

pub mod s3;
