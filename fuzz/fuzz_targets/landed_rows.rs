//! Runs the target `landed_rows`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| squall_fuzz::landed_rows(bytes));
