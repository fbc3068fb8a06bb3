//! The reference page of the command line, made from the help of every command.

use std::fmt::Write;

use clap::{Command, CommandFactory};

use super::Cli;

/// `docs/reference/cli.md`.
pub fn reference() -> String {
    let mut page = String::from(
        "# Commands\n\nGenerated from the binary's own help. Without a command, `flyball` serves. \
         Errors go to standard error; with `--json` they are `{\"error\": {\"kind\", \"message\", \"details\"}}` there.\n",
    );
    let mut root = Cli::command();
    root.build();
    describe(&mut root, "", &mut page);
    page
}

fn describe(command: &mut Command, parents: &str, page: &mut String) {
    let name = format!("{parents}{}", command.get_name());
    let help = command.render_long_help().to_string();
    let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
    // Writing to a String cannot fail.
    let _ = write!(page, "\n## {name}\n\n```text\n{}\n```\n", lines.join("\n").trim_end());
    for child in command.get_subcommands_mut().filter(|child| child.get_name() != "help") {
        describe(child, &format!("{name} "), page);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_argument_of_every_command_is_described() {
        fn undescribed(command: &Command, found: &mut Vec<String>) {
            let arguments = command.get_arguments().filter(|argument| argument.get_help().is_none());
            found.extend(arguments.map(|argument| format!("{} {}", command.get_name(), argument.get_id())));
            for child in command.get_subcommands() {
                if child.get_about().is_none() {
                    found.push(child.get_name().to_owned());
                }
                undescribed(child, found);
            }
        }
        let mut root = Cli::command();
        root.build();
        root.clone().debug_assert();
        let mut found = Vec::new();
        undescribed(&root, &mut found);
        assert_eq!(found, Vec::<String>::new());
    }
}
