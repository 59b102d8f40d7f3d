//! Recordings
