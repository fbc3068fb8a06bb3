//! Markdown tables with aligned columns, and how numbers are written in them.

/// A table in the making.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these headings. The first column is text, the others are numbers.
    pub(crate) fn new<H: Into<String>>(headings: impl IntoIterator<Item = H>) -> Table {
        Table { rows: vec![headings.into_iter().map(Into::into).collect()] }
    }

    /// Adds a row.
    pub(crate) fn push(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// Whether there is no row below the headings.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.len() < 2
    }

    /// The text.
    pub(crate) fn text(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            self.rows
                .iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(|column| width(column).max(2)).collect();
        let mut text = String::new();
        for (number, row) in self.rows.iter().enumerate() {
            for (column, width) in widths.iter().enumerate() {
                let cell = row.get(column).map_or("", String::as_str);
                text.push_str(&match column {
                    0 => format!("| {cell:<width$} "),
                    _ => format!("| {cell:>width$} "),
                });
            }
            text.push_str("|\n");
            if number == 0 {
                for (column, width) in widths.iter().enumerate() {
                    let dashes = "-".repeat(width + 1);
                    text.push_str(&if column == 0 { format!("|{dashes}-") } else { format!("|{dashes}:") });
                }
                text.push_str("|\n");
            }
        }
        text
    }
}

/// What stands where there is no figure.
pub(crate) const NONE: &str = "–";

/// A number with three significant digits, thousands set apart.
pub(crate) fn number(value: f64) -> String {
    let magnitude = value.abs();
    if magnitude >= 999.5 {
        let digits = format!("{:.0}", magnitude);
        let mut text = String::from(if value < 0.0 { "-" } else { "" });
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index) % 3 == 0 {
                text.push(' ');
            }
            text.push(digit);
        }
        return text;
    }
    match magnitude {
        _ if magnitude >= 99.95 => format!("{value:.0}"),
        _ if magnitude >= 9.995 => format!("{value:.1}"),
        _ if magnitude >= 0.9995 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// A difference, with its sign.
pub(crate) fn signed(value: f64) -> String {
    if value >= 0.0 { format!("+{}", number(value)) } else { number(value) }
}

/// A share in whole per cent.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

/// Bytes in MiB.
pub(crate) fn mebibytes(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / 1024.0 / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_markdown_with_aligned_columns() {
        let mut table = Table::new(["target", "requests/s"]);
        assert!(table.is_empty());
        table.push(vec!["nginx".to_owned(), "12".to_owned()]);
        assert_eq!(
            table.text(),
            "| target | requests/s |\n|--------|-----------:|\n| nginx  |         12 |\n"
        );
    }

    #[test]
    fn numbers_keep_three_digits() {
        let written = [0.0123, 0.5, 9.99, 12.34, 123.4, 999.7, 1234.0, 1_234_567.0].map(number);
        assert_eq!(written, ["0.012", "0.500", "9.99", "12.3", "123", "1 000", "1 234", "1 234 567"]);
        assert_eq!(number(-1234.0), "-1 234");
        assert_eq!(signed(0.25), "+0.250");
        assert_eq!(signed(-0.25), "-0.250");
    }

    #[test]
    fn shares_and_sizes_have_units() {
        assert_eq!(percent(0.126), "13 %");
        assert_eq!(mebibytes(3 << 19), "1.5");
    }
}
