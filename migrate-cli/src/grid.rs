//! Columns of text: the one look of every table in human output.

use comfy_table::{Attribute, Cell, Color, ContentArrangement, Table};

/// Ends every style.
const RESET: &str = "\u{1b}[0m";

/// An empty table with these column heads.
pub(crate) fn grid(heads: &[&str]) -> Table {
    let mut table = Table::new();
    // The printer takes colours away where they are not wanted.
    table.load_preset("                   ").enforce_styling();
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(heads.iter().map(|head| Cell::new(head).add_attribute(Attribute::Dim)));
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table
}

/// A cell that is as it should be.
pub(crate) fn good(text: impl ToString) -> Cell {
    Cell::new(text).fg(Color::Green)
}

/// A cell that needs a look.
pub(crate) fn warn(text: impl ToString) -> Cell {
    Cell::new(text).fg(Color::Yellow)
}

/// A cell that is wrong.
pub(crate) fn bad(text: impl ToString) -> Cell {
    Cell::new(text).fg(Color::Red)
}

/// A cell without judgement.
pub(crate) fn plain(text: impl ToString) -> Cell {
    Cell::new(text)
}

/// The table's lines without trailing blanks, each ending with a newline.
pub(crate) fn lines(table: &Table) -> String {
    let mut page = String::new();
    for line in table.lines() {
        page.push_str(trim(&line));
        // A style may have ended among the blanks.
        page.push_str(RESET);
        page.push('\n');
    }
    page
}

fn trim(line: &str) -> &str {
    let line = line.trim_end();
    line.strip_suffix(RESET).map_or(line, trim)
}
