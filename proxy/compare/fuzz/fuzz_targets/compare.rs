//! Feeds pairs of bodies to the comparer and checks what holds for any of them.
#![no_main]

#[path = "../../src/tests/oracle.rs"]
mod oracle;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| oracle::check(&oracle::Pair::from_bytes(bytes)));
