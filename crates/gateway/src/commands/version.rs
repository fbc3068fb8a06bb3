//! `flyball version`: which binary this is.

use serde::Serialize;

use super::output::{Outcome, Output};

/// What a binary says of itself.
#[derive(Serialize)]
pub(super) struct Version {
    name: &'static str,
    version: &'static str,
    build: &'static str,
    platform: String,
}

impl Version {
    pub(super) fn of_this_binary() -> Self {
        Version {
            name: "flyball",
            version: env!("CARGO_PKG_VERSION"),
            build: if cfg!(debug_assertions) { "debug" } else { "release" },
            platform: format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
        }
    }

    pub(super) fn text(&self) -> String {
        format!("{} {} ({}, {})", self.name, self.version, self.build, self.platform)
    }
}

pub(super) fn run(output: Output) -> Outcome {
    let version = Version::of_this_binary();
    output.show(&version, || version.text())
}
