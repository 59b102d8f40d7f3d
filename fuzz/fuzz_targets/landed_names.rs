//! Runs the target `landed_names`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| squall_fuzz::landed_names(bytes));
