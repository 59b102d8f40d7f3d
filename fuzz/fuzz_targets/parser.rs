//! Runs the target `parser`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| squall_fuzz::parser(bytes));
