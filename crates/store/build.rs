//! Rebuilds the crate when a migration is added; `sqlx::migrate!` alone notices changed files only.

#[expect(clippy::print_stdout, reason = "standard output is how a build script speaks to cargo")]
fn main() {
    println!("cargo::rerun-if-changed=migrations");
}
