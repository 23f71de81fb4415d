//! The migrations are part of the program: build it again when one is added.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
