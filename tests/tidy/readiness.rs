//! The readiness table: what was asked for, how far it is, what proves it. Reads `docs/reference/readiness.toml`,
//! checks that proofs and pages exist, and renders the page. Which rows must be there is the caller's business.

use std::fmt::Write;
use std::fs;

use super::markdown;
use super::tree::root;

const SOURCE: &str = "docs/reference/readiness.toml";

/// How far a row is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Absent,
    Partial,
    Built,
}

impl State {
    const ALL: [State; 3] = [State::Absent, State::Partial, State::Built];

    fn name(self) -> &'static str {
        match self {
            State::Absent => "absent",
            State::Partial => "partial",
            State::Built => "built",
        }
    }
}

/// One point that was asked for.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) id: String,
    feature: String,
    acceptance: String,
    state: State,
    proof: Vec<String>,
    docs: Option<String>,
}

/// The whole table.
#[derive(Debug)]
pub(crate) struct Table {
    /// Prefix and title of each system, ordered by prefix.
    pub(crate) systems: Vec<(String, String)>,
    /// In the order of the file.
    pub(crate) rows: Vec<Row>,
}

impl Table {
    pub(crate) fn load() -> Table {
        Table::parse(&fs::read_to_string(root().join(SOURCE)).unwrap()).unwrap()
    }

    fn parse(text: &str) -> Result<Table, String> {
        let document: toml::Table = text.parse().map_err(|error| format!("{SOURCE}: {error}"))?;
        let systems = document.get("systems").and_then(toml::Value::as_table).ok_or("no [systems]")?;
        let mut systems = systems
            .iter()
            .map(|(prefix, title)| {
                Ok((prefix.clone(), title.as_str().ok_or("a title is not text")?.to_owned()))
            })
            .collect::<Result<Vec<_>, String>>()?;
        systems.sort();
        let rows = document.get("row").and_then(toml::Value::as_array).ok_or("no [[row]]")?;
        let rows = rows.iter().map(Row::parse).collect::<Result<Vec<_>, String>>()?;
        for row in &rows {
            if !systems.iter().any(|(prefix, _)| row.is_of(prefix)) {
                return Err(format!("{}: no such system", row.id));
            }
        }
        Ok(Table { systems, rows })
    }

    pub(crate) fn rows_of(&self, prefix: &str) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |row| row.is_of(prefix))
    }

    /// The page.
    pub(crate) fn render(&self) -> String {
        let mut page = String::from(
            "# Readiness\n\n<!-- Generated from readiness.toml; see CONTRIBUTING.md. -->\n\n\
             What was asked of Flyball, point by point, and what proves each point that is there. *Built* means that\n\
             the whole acceptance fact holds; *partial* that some of it does; *absent* that nothing is claimed.\n\n\
             | asked under | points | built | partial | absent |\n|---|---:|---:|---:|---:|\n",
        );
        let mut line = |title: &str, rows: &[&Row]| {
            let count = |state| rows.iter().filter(|row| row.state == state).count();
            let (built, partial, absent) = (count(State::Built), count(State::Partial), count(State::Absent));
            writeln!(page, "| {title} | {} | {built} | {partial} | {absent} |", rows.len()).unwrap();
        };
        for (prefix, title) in &self.systems {
            line(title, &self.rows_of(prefix).collect::<Vec<_>>());
        }
        line("**all**", &self.rows.iter().collect::<Vec<_>>());
        for (prefix, title) in &self.systems {
            write!(page, "\n## {title}\n\n| id | feature | acceptance | state | proof | page |\n").unwrap();
            page.push_str("|---|---|---|---|---|---|\n");
            self.rows_of(prefix).for_each(|row| row.render(&mut page));
        }
        page
    }
}

impl Row {
    fn parse(value: &toml::Value) -> Result<Row, String> {
        let table = value.as_table().ok_or("a row is not a table")?;
        let id = table.get("id").and_then(toml::Value::as_str).ok_or("a row has no id")?.to_owned();
        let known = ["id", "feature", "acceptance", "state", "proof", "docs"];
        if let Some(key) = table.keys().find(|key| !known.contains(&key.as_str())) {
            return Err(format!("{id}: unknown field {key}"));
        }
        let text = |field: &str| match table.get(field).and_then(toml::Value::as_str) {
            Some(text) if !text.is_empty() => Ok(text.to_owned()),
            _ => Err(format!("{id}: {field} is missing or empty")),
        };
        let state = text("state")?;
        let state = State::ALL
            .into_iter()
            .find(|known| known.name() == state)
            .ok_or_else(|| format!("{id}: unknown state {state}"))?;
        let proof = match table.get("proof") {
            None => Vec::new(),
            Some(list) => list
                .as_array()
                .and_then(|items| items.iter().map(|item| item.as_str().map(str::to_owned)).collect())
                .ok_or_else(|| format!("{id}: proof is not a list of texts"))?,
        };
        let docs = table.get("docs").map(|_| text("docs")).transpose()?;
        Ok(Row { feature: text("feature")?, acceptance: text("acceptance")?, state, proof, docs, id })
    }

    fn is_of(&self, prefix: &str) -> bool {
        self.id.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('.') && rest.len() > 1)
    }

    /// What the row claims and cannot show.
    pub(crate) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        match (self.state, self.proof.is_empty(), &self.docs) {
            (State::Absent, true, None) => {}
            (State::Absent, _, _) => problems.push("absent, yet has a proof or a page".to_owned()),
            (_, no_proof, docs) => {
                if no_proof {
                    problems.push("claims something without a proof".to_owned());
                }
                if docs.is_none() {
                    problems.push("claims something that no page describes".to_owned());
                }
            }
        }
        problems.extend(self.proof.iter().filter_map(|proof| check_proof(proof).err()));
        if let Some(docs) = &self.docs {
            problems.extend(markdown::resolve("README.md", docs).err());
        }
        problems
    }

    fn render(&self, page: &mut String) {
        let cell = |text: &str| text.replace('|', "\\|");
        let proof: Vec<_> = self.proof.iter().map(|proof| format!("`{}`", cell(proof))).collect();
        let docs = self.docs.as_ref().map(|docs| format!("[{docs}](../../{docs})")).unwrap_or_default();
        writeln!(
            page,
            "| {} | {} | {} | {} | {} | {docs} |",
            self.id.split_once('.').map_or(self.id.as_str(), |(_, rest)| rest),
            cell(&self.feature),
            cell(&self.acceptance),
            self.state.name(),
            proof.join("<br>"),
        )
        .unwrap();
    }
}

/// A command begins with `cargo` or names an executable of the repository; anything else is `file::test`.
fn check_proof(proof: &str) -> Result<(), String> {
    if proof.starts_with("cargo ") {
        return Ok(());
    }
    if let Some(command) = proof.strip_prefix("./") {
        let program = command.split_whitespace().next().unwrap_or_default();
        return if root().join(program).is_file() {
            Ok(())
        } else {
            Err(format!("no such command: {proof}"))
        };
    }
    let (path, name) =
        proof.split_once("::").ok_or_else(|| format!("neither file::test nor command: {proof}"))?;
    let text = fs::read_to_string(root().join(path)).map_err(|error| format!("{path}: {error}"))?;
    // Node's tests are named by a text, those of Rust and Python by a function.
    let definitions = if path.ends_with(".py") {
        vec![format!("def {name}(")]
    } else if path.ends_with(".mjs") {
        vec![format!("test('{name}'"), format!("test(\"{name}\"")]
    } else {
        vec![format!("fn {name}(")]
    };
    if definitions.iter().any(|definition| text.contains(definition)) {
        Ok(())
    } else {
        Err(format!("no such test: {proof}"))
    }
}

#[cfg(test)]
fn sample(state: &str, rest: &str) -> Result<Table, String> {
    Table::parse(&format!(
        "[systems]\na = \"A\"\n[[row]]\nid = \"a.1\"\nfeature = \"f\"\nacceptance = \"x | y\"\nstate = \"{state}\"\n{rest}"
    ))
}

#[test]
fn a_claim_without_proof_or_page_is_found() {
    assert!(sample("absent", "").unwrap().rows[0].problems().is_empty());
    assert_eq!(sample("built", "").unwrap().rows[0].problems().len(), 2);
    let named =
        "docs = \"LICENSE\"\nproof = [\"tests/tidy/readiness.rs::a_claim_without_proof_or_page_is_found\"]";
    assert!(sample("built", named).unwrap().rows[0].problems().is_empty());
    let missing =
        "docs = \"no-such-page.md\"\nproof = [\"tests/tidy.rs::no_such_test\", \"./no-such-command\"]";
    assert_eq!(sample("partial", missing).unwrap().rows[0].problems().len(), 3);
}

#[test]
fn unknown_states_systems_and_fields_are_refused() {
    assert!(sample("finished", "").unwrap_err().contains("unknown state"));
    assert!(sample("absent", "colour = \"red\"").unwrap_err().contains("unknown field"));
    assert!(
        Table::parse(
            "[systems]\n[[row]]\nid = \"b.1\"\nfeature = \"f\"\nacceptance = \"x\"\nstate = \"absent\""
        )
        .unwrap_err()
        .contains("no such system")
    );
}

#[test]
fn a_bar_in_a_cell_does_not_end_it() {
    assert!(sample("absent", "").unwrap().render().contains("| 1 | f | x \\| y | absent |  |  |"));
}
