//! The drift report.
