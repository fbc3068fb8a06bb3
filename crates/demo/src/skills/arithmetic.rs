//! Arithmetic: `+ - * /`, parentheses and decimals, with the usual precedence, in 64-bit floating point.

/// The most parentheses and signs within each other.
const DEEPEST: usize = 32;
const OPENINGS: [&str; 6] = ["what is", "what's", "how much is", "calculate", "compute", "evaluate"];

/// The answer when the prompt, in lower case, is a calculation and nothing else.
pub(super) fn answer(prompt: &str) -> Option<String> {
    let prompt = prompt.trim().trim_end_matches(['?', '=', '.', ' ']);
    let opening = OPENINGS.iter().find_map(|opening| prompt.strip_prefix(opening));
    let expression = opening.unwrap_or(prompt).trim().trim_start_matches(':').trim();
    // A bare number is no question.
    if !expression.starts_with(|first: char| first.is_ascii_digit() || "-(.".contains(first)) {
        return None;
    }
    let spelled = expression
        .replace("divided by", "/")
        .replace("times", "*")
        .replace("plus", "+")
        .replace("minus", "-")
        .replace(['\u{d7}', 'x'], "*")
        .replace('\u{f7}', "/");
    let mut parser = Parser { rest: &spelled, depth: 0, operations: 0 };
    let value = parser.sum()?;
    if !parser.rest.trim().is_empty() || parser.operations == 0 {
        return None;
    }
    if !value.is_finite() {
        return Some("That has no finite result.".to_owned());
    }
    // Rounded to nine places, so that 0.1 + 0.2 is 0.3.
    let rounded = format!("{value:.9}");
    let result = rounded.trim_end_matches('0').trim_end_matches('.');
    let result = if result == "-0" { "0" } else { result };
    Some(format!("{expression} = {result}"))
}

struct Parser<'a> {
    rest: &'a str,
    depth: usize,
    operations: usize,
}

impl Parser<'_> {
    fn sum(&mut self) -> Option<f64> {
        let mut value = self.product()?;
        while let Some(operator) = self.take(&['+', '-']) {
            self.operations += 1;
            let right = self.product()?;
            value = if operator == '+' { value + right } else { value - right };
        }
        Some(value)
    }

    fn product(&mut self) -> Option<f64> {
        let mut value = self.factor()?;
        while let Some(operator) = self.take(&['*', '/']) {
            self.operations += 1;
            let right = self.factor()?;
            value = if operator == '*' { value * right } else { value / right };
        }
        Some(value)
    }

    fn factor(&mut self) -> Option<f64> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return None;
        }
        let value = match self.take(&['-', '(']) {
            Some('-') => self.factor().map(|value| -value),
            Some(_) => {
                let value = self.sum()?;
                self.take(&[')']).map(|_| value)
            }
            None => self.number(),
        };
        self.depth -= 1;
        value
    }

    fn number(&mut self) -> Option<f64> {
        let text = self.rest.trim_start();
        let end = text.find(|character: char| !character.is_ascii_digit() && character != '.');
        let (digits, rest) = text.split_at(end.unwrap_or(text.len()));
        self.rest = rest;
        digits.parse().ok()
    }

    fn take(&mut self, accepted: &[char]) -> Option<char> {
        let text = self.rest.trim_start();
        let first = text.chars().next().filter(|first| accepted.contains(first))?;
        self.rest = text.strip_prefix(first)?;
        Some(first)
    }
}

#[cfg(test)]
mod tests {
    use super::answer;

    #[test]
    fn calculations_follow_the_usual_precedence() {
        assert_eq!(answer("what is 12*7?").unwrap(), "12*7 = 84");
        assert_eq!(answer("2 + 3 * (4 - 1)").unwrap(), "2 + 3 * (4 - 1) = 11");
        assert_eq!(answer("compute 0.1 + 0.2").unwrap(), "0.1 + 0.2 = 0.3");
        assert_eq!(answer("what is -6 divided by 4").unwrap(), "-6 divided by 4 = -1.5");
        assert_eq!(answer("what is 1/0?").unwrap(), "That has no finite result.");
    }

    #[test]
    fn what_is_no_calculation_is_left_alone() {
        for prompt in ["42", "what is love", "1 + ", "1 + two", "(1", "2026-", &"(".repeat(200)] {
            assert_eq!(answer(prompt), None, "{prompt}");
        }
    }
}
