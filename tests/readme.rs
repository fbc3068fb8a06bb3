//! Pastes the README's tour line by line and compares what comes back.
//!
//! In the README's `console` blocks a line that begins with `$ ` is a command; what follows, up to the next one, is
//! its output, in which `…` stands for anything. `cargo run --release` (re)starts the gateway with the arguments
//! behind `--`; everything else goes to one shell.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use flyball_testkit::Flyball;

use crate::tidy::tree::root;

struct Step {
    command: String,
    output: Vec<String>,
}

fn steps() -> Vec<Step> {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let mut steps: Vec<Step> = Vec::new();
    for block in readme.split("```console\n").skip(1) {
        for line in block.split("```").next().unwrap().lines() {
            match line.strip_prefix("$ ") {
                Some(command) => steps.push(Step { command: command.to_owned(), output: Vec::new() }),
                None => steps.last_mut().expect("output without a command").output.push(line.to_owned()),
            }
        }
    }
    assert!(steps.len() > 5, "the README has no tour");
    steps
}

/// Whether `text` is `pattern`, in which `…` stands for anything.
fn matches(pattern: &str, text: &str) -> bool {
    let pieces: Vec<&str> = pattern.split('…').collect();
    let (first, rest) = pieces.split_first().unwrap();
    let Some(mut left) = text.strip_prefix(first) else { return false };
    for (index, piece) in rest.iter().enumerate() {
        if index + 1 == rest.len() {
            return left.ends_with(piece);
        }
        match left.find(piece) {
            Some(at) => left = &left[at + piece.len()..],
            None => return false,
        }
    }
    left.is_empty()
}

/// A shell that keeps its variables from one command to the next.
struct Shell {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Shell {
    fn start(data: &Path) -> Shell {
        let mut child = Command::new("bash")
            .env("FLYBALL__DATA", data)
            .current_dir(root())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut shell = Shell { child, input, output };
        shell.run("shopt -s expand_aliases");
        shell
    }

    fn run(&mut self, command: &str) -> Vec<String> {
        writeln!(self.input, "{command}\necho; echo END-OF-OUTPUT").unwrap();
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            assert!(self.output.read_line(&mut line).unwrap() > 0, "the shell ended at: {command}");
            if line == "END-OF-OUTPUT\n" {
                break;
            }
            lines.push(line.trim_end_matches('\n').to_owned());
        }
        while lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
        lines
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn the_tour_shows_what_it_says() {
    let binary = env!("CARGO_BIN_EXE_flyball");
    let policy = |name: &str| std::fs::read_to_string(root().join(name)).unwrap();
    let mut gateway = Flyball::builder(binary).policy(policy("policies/default.yaml")).start().await.unwrap();
    let mut shell = Shell::start(&gateway.data_dir());
    for Step { command, output } in steps() {
        if let Some(arguments) = command.strip_prefix("cargo run --release") {
            if let Some(name) = arguments.split("--policy ").nth(1) {
                gateway.stop().await.unwrap();
                std::fs::write(gateway.policy_path(), policy(name)).unwrap();
                gateway.start_again().await.unwrap();
            }
            continue;
        }
        let command = command
            .replace("127.0.0.1:8080", &gateway.address().to_string())
            .replace("target/release/flyball", binary);
        let shown = shell.run(&command);
        let (wanted, got) = (output.join("\n"), shown.join("\n"));
        assert!(matches(&wanted, &got), "$ {command}\nthe README says:\n{wanted}\nthe gateway says:\n{got}");
    }
}

#[test]
fn the_pattern_of_the_tour_is_not_satisfied_by_anything() {
    assert!(matches("a…c", "abc") && matches("…", "x") && matches("a", "a"));
    assert!(!matches("a…c", "ab") && !matches("a", "ab") && !matches("a…b…c", "acb"));
}
