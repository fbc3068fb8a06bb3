//! Where state and policy are, read from the configuration without the rest of it: keys can be managed, and policies
//! explained, in a shell that does not hold the providers' secrets, and beside a mistake in some other setting.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::output::Failure;
use crate::config::Config;
use crate::serve::Sources;

/// The paths, as a full load of the same sources would have them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Locations {
    /// The data folder.
    pub(super) data: PathBuf,
    /// The policy file; none: the built-in policy.
    pub(super) policy: Option<PathBuf>,
}

/// The settings that are read; all others are passed over.
#[derive(Default, Deserialize)]
struct Named {
    data: Option<PathBuf>,
    policy: Option<PathBuf>,
}

impl Locations {
    /// Finds them: flags win over variables, variables over the file, the file over the defaults.
    ///
    /// # Errors
    /// When the file cannot be read as YAML.
    pub(super) fn find(
        sources: &Sources,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Locations, Failure> {
        let named = match &sources.file {
            Some(file) => read(file)?,
            None => Named::default(),
        };
        let environment: BTreeMap<String, String> = environment.collect();
        let variable = |name: &str| {
            let text = environment.get(name)?;
            Some(PathBuf::from(serde_saphyr::from_str::<String>(text).unwrap_or_else(|_| text.clone())))
        };
        let flags = &sources.flags;
        Ok(Locations {
            data: flags
                .data
                .clone()
                .or_else(|| variable("FLYBALL__DATA"))
                .or(named.data)
                .unwrap_or_else(|| Config::default().data),
            policy: flags.policy.clone().or_else(|| variable("FLYBALL__POLICY")).or(named.policy),
        })
    }
}

fn read(file: &Path) -> Result<Named, Failure> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::wrong(format!("{}: cannot be read: {error}", file.display())))?;
    let unclear = || Failure::wrong(format!("{}: cannot be understood: see 'flyball check'", file.display()));
    // A file of comments only is an empty document.
    let named: Named =
        serde_saphyr::from_str::<Option<Named>>(&text).map_err(|_| unclear())?.unwrap_or_default();
    let folder = file.parent().unwrap_or(Path::new(""));
    let under = |path: PathBuf| folder.join(path);
    Ok(Named { data: named.data.map(under), policy: named.policy.map(under) })
}

#[cfg(test)]
mod tests {
    use crate::config::Overrides;

    use super::*;

    fn compare(yaml: &str, environment: &[(&str, &str)], flags: Overrides) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("p.yaml"), "version: 1\nrules: []\n").unwrap();
        let file = folder.path().join("flyball.yaml");
        std::fs::write(&file, yaml).unwrap();
        let environment =
            || environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let sources = Sources { file: Some(file.clone()), flags };
        let config = Config::load(Some(&file), environment(), &sources.flags).unwrap();
        let found = Locations::find(&sources, environment()).unwrap();
        assert_eq!(found, Locations { data: config.data.clone(), policy: config.policy.clone() });
    }

    #[test]
    fn paths_are_those_of_a_full_load() {
        compare("# nothing\n", &[], Overrides::default());
        compare("data: state\npolicy: p.yaml\n", &[], Overrides::default());
        compare("data: /abs/state\n", &[], Overrides::default());
        compare("data: state\n", &[("FLYBALL__DATA", "'else where'")], Overrides::default());
        let flags = Overrides { data: Some("flagged".into()), ..Overrides::default() };
        compare("data: state\n", &[("FLYBALL__DATA", "elsewhere")], flags);
    }

    #[test]
    fn a_secret_that_is_not_at_hand_does_not_matter() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("flyball.yaml");
        let yaml =
            "data: state\nproviders: {p: {kind: openai, base_url: 'https://x.test', api_key: 'env:NONE'}}\n";
        std::fs::write(&file, yaml).unwrap();
        let sources = Sources { file: Some(file), flags: Overrides::default() };
        let found = Locations::find(&sources, std::iter::empty()).unwrap();
        assert_eq!(found.data, folder.path().join("state"));
    }
}
