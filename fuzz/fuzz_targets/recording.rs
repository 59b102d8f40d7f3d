//! Runs the target `recording`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| squall_fuzz::recording(bytes));
