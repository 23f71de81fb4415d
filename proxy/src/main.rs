//! Starts and nothing else: everything lives in the library.

use std::process::ExitCode;

/// A proxied request makes some fifty small allocations, most of them pingora's and `http`'s: a faster allocator is the
/// cheapest way to serve more of them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    proxy::main_impl()
}
