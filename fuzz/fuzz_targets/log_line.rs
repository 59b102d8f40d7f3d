//! Runs the target `log_line`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| squall_fuzz::log_line(bytes));
