//! CEL text to syntax tree, by the `cel` crate's parser, within bounds that keep its recursion shallow. Macros are
//! not expanded: `exists` and `all` stay calls, which `check` understands better than their expansion.

use cel::common::ast::{IdedExpr, SourceInfo};

/// The longest condition, in bytes.
pub(super) const MAX_BYTES: usize = 4096;

/// How deep brackets may nest. The parser's stack is measured by it: see `policy`.
const MAX_BRACKETS: usize = 16;

/// How deep operators may nest.
pub(super) const MAX_DEPTH: usize = 32;

/// The most operators in one condition. Chains of operators of one precedence nest in the tree as well.
const MAX_OPERATORS: usize = 512;

/// What is wrong with a condition, and at which character of it.
#[derive(Debug)]
pub(crate) struct ConditionError {
    pub(crate) at: usize,
    pub(crate) message: String,
    pub(crate) remedy: Option<String>,
}

impl ConditionError {
    pub(super) fn new(at: usize, message: impl Into<String>, remedy: Option<&str>) -> Self {
        ConditionError { at, message: message.into(), remedy: remedy.map(str::to_owned) }
    }
}

pub(super) fn parse(source: &str) -> Result<(IdedExpr, SourceInfo), Vec<ConditionError>> {
    if source.len() > MAX_BYTES {
        let message = format!("the condition has {} bytes; {MAX_BYTES} are allowed", source.len());
        return Err(vec![ConditionError::new(0, message, Some("split the rule"))]);
    }
    bound(source).map_err(|error| vec![error])?;
    let env = cel::Env::default().with_optional_support(false);
    env.parser().parse_with_source_info(source).map_err(|errors| {
        // Errors after the first are mostly its echo.
        let first = errors.errors.first();
        let at = first.map_or(0, |error| character(source, error.pos));
        let (message, remedy) = explain(first.map_or("", |error| &error.msg));
        vec![ConditionError::new(at, message, remedy)]
    })
}

/// The parser's complaint in fewer words, and what people usually mean by what it complains about.
fn explain(complaint: &str) -> (String, Option<&'static str>) {
    let line = complaint.lines().next().unwrap_or_default();
    let line = line.strip_prefix("Syntax error: ").unwrap_or(line);
    let quoted =
        line.split_once('\'').and_then(|(_, rest)| rest.rsplit_once('\'')).map_or("", |(token, _)| token);
    // What follows lists every token that would have done.
    let token = quoted.split("' expecting").next().unwrap_or_default().trim();
    let remedy = match token {
        "and" | "&" => Some("write `&&`"),
        "or" | "|" => Some("write `||`"),
        "not" => Some("write `!`"),
        "=" => Some("write `==`"),
        _ => None,
    };
    let message = if line.starts_with("missing") {
        format!("not a CEL expression: {}", line.replace(" at '<EOF>'", " at the end"))
    } else if token == "<EOF>" {
        "not a CEL expression: it ends too early".to_owned()
    } else if token.is_empty() {
        format!("not a CEL expression: {line}")
    } else {
        format!("not a CEL expression: `{token}` does not belong here")
    };
    (message, remedy)
}

/// Refuses what would make the parser recurse deeply, before it does.
fn bound(source: &str) -> Result<(), ConditionError> {
    let mut depth = 0_usize;
    let mut operators = 0_usize;
    let mut quote = None;
    let mut escaped = false;
    for (at, character) in source.chars().enumerate() {
        if let Some(open) = quote {
            match character {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                _ if character == open => quote = None,
                _ => {}
            }
            continue;
        }
        match character {
            '"' | '\'' => quote = Some(character),
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            '?' | '+' | '-' | '*' | '/' | '%' | '<' | '>' | '=' | '!' | '&' | '|' | '.' => operators += 1,
            _ => {}
        }
        if depth > MAX_BRACKETS {
            let message = format!("brackets nest deeper than {MAX_BRACKETS}");
            return Err(ConditionError::new(at, message, Some("split the rule")));
        }
        if operators > MAX_OPERATORS {
            let message = format!("more than {MAX_OPERATORS} operators");
            return Err(ConditionError::new(at, message, Some("split the rule, or use `in [...]`")));
        }
    }
    Ok(())
}

/// The index of the character at the parser's line and column.
fn character(source: &str, (line, column): (isize, isize)) -> usize {
    let line = usize::try_from(line.saturating_sub(1)).unwrap_or(0);
    let column = usize::try_from(column.saturating_sub(1)).unwrap_or(0);
    source.split_inclusive('\n').take(line).map(|text| text.chars().count()).sum::<usize>() + column
}
