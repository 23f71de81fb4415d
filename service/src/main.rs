//! Starts and nothing else: everything lives in the library.

use std::process::ExitCode;

/// An answer is made of hundreds of small texts, on threads that come and go with the load: a faster allocator that gives memory
/// back is the cheapest way to make more of them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    service::main_impl()
}
