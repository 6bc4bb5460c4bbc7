#![no_main]

#[allow(dead_code)]
#[path = "../dialects.rs"]
mod dialects;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| dialects::inlive(bytes));
