//! What the demo measured and whether every promise held.

use std::fmt::{self, Write as _};
use std::time::Duration;

use serde::Serialize;

use crate::grid::{bad, good, grid, lines, plain};
use crate::output::Report;
use crate::style::{BAD, DIM, GOOD, PLACE, STRONG, paint};

use super::tally::{Figures, Tally};

/// One promise and how it came out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Promise {
    #[serde(rename = "promise")]
    pub(super) what: String,
    pub(super) held: bool,
    pub(super) found: String,
}

/// One flip and how fast it was.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Flip {
    pub(super) command: String,
    /// Milliseconds from the write until the proxy said that it has the generation in force.
    pub(super) followed_ms: Option<f64>,
}

/// The JSON shape.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    seconds: f64,
    acts: Vec<Figures>,
    total: Option<Figures>,
    flips: Vec<Flip>,
    promises: Vec<Promise>,
}

impl Summary {
    /// Sums up.
    pub(super) fn new(
        acts: &[Tally],
        flips: Vec<Flip>,
        mut promises: Vec<Promise>,
        took: Duration,
    ) -> Self {
        let total = Tally::new("all").map(|mut total| {
            for act in acts {
                total.add(act);
            }
            total
        });
        // Also what fell between two acts counts.
        if let Some(total) = &total {
            promises.push(Promise {
                what: "no request of the whole demo failed".to_owned(),
                held: total.failed() == 0,
                found: format!(
                    "{} of {} failed {}",
                    total.failed(),
                    total.requests(),
                    total.failures.join("; ")
                ),
            });
        }
        Self {
            seconds: took.as_secs_f64(),
            acts: acts.iter().map(Tally::figures).collect(),
            total: total.as_ref().map(Tally::figures),
            flips,
            promises,
        }
    }

    /// Every promise held.
    pub(super) fn kept(&self) -> bool {
        self.promises.iter().all(|promise| promise.held)
    }
}

impl Report for Summary {
    fn human(&self, page: &mut String) -> fmt::Result {
        writeln!(
            page,
            "\n{}",
            paint(STRONG, "What was measured (client → proxy → backend and back)")
        )?;
        let mut table =
            grid(&["ACT", "REQUESTS", "FAILED", "MONOLITH", "SERVICE", "p50 ms", "p99 ms"]);
        for figures in self.acts.iter().chain(&self.total) {
            table.add_row(vec![
                plain(figures.act),
                plain(figures.requests),
                if figures.failed == 0 { good(0) } else { bad(figures.failed) },
                plain(figures.answered_by_old),
                plain(figures.answered_by_new),
                plain(format!("{:.1}", figures.p50_ms)),
                plain(format!("{:.1}", figures.p99_ms)),
            ]);
        }
        page.push_str(&lines(&table));
        writeln!(page)?;
        let mut table = grid(&["FLIP", "FOLLOWED AFTER ms"]);
        for flip in &self.flips {
            let after = flip.followed_ms.map_or_else(|| "–".to_owned(), |ms| format!("{ms:.1}"));
            table.add_row(vec![plain(&flip.command), plain(after)]);
        }
        page.push_str(&lines(&table));
        let broken: Vec<&Promise> = self.promises.iter().filter(|promise| !promise.held).collect();
        writeln!(page)?;
        for promise in &broken {
            writeln!(page, "{} {}: {}", paint(BAD, "✗"), promise.what, promise.found)?;
        }
        let held = self.promises.len() - broken.len();
        let style = if broken.is_empty() { GOOD } else { BAD };
        let verdict =
            format!("{held} of {} promises held, in {:.1} s", self.promises.len(), self.seconds);
        writeln!(page, "{}", paint(style, verdict))?;
        writeln!(page, "\n{}", paint(STRONG, "Where to look next"))?;
        for (what, why) in NEXT {
            writeln!(page, "  {:<34} {}", paint(PLACE, what), paint(DIM, why))?;
        }
        Ok(())
    }
}

/// Commands and files with what they are for.
const NEXT: [(&str, &str); 4] = [
    ("README.md", "a real migration, step by step"),
    ("routes.toml", "the table, with every key explained"),
    ("migrate demo --stay", "leaves all of this running, for you to try the commands on"),
    ("migrate cutover --help", "what a flip can do"),
];

#[cfg(test)]
mod tests {
    use super::super::tally::Side;
    use super::*;

    fn summary(fails: bool) -> Summary {
        let mut act = Tally::new("shadow").unwrap();
        act.count("a", Duration::from_millis(4), Ok(Side::Old));
        act.count("a", Duration::from_millis(4), Ok(Side::New));
        if fails {
            act.count("a", Duration::from_millis(4), Err("connection reset".to_owned()));
        }
        let flip =
            Flip { command: "migrate cutover workflows".to_owned(), followed_ms: Some(3.21) };
        let promise =
            Promise { what: "clients see nothing".to_owned(), held: true, found: "0".to_owned() };
        Summary::new(&[act], vec![flip], vec![promise], Duration::from_millis(31_400))
    }

    fn page(summary: &Summary) -> String {
        let mut page = String::new();
        summary.human(&mut page).unwrap();
        anstream::adapter::strip_str(&page).to_string()
    }

    #[test]
    fn what_was_measured_is_told() {
        let summary = summary(false);
        assert!(summary.kept());
        insta::assert_snapshot!(page(&summary), @r#"
        What was measured (client → proxy → backend and back)
        ACT     REQUESTS  FAILED  MONOLITH  SERVICE  p50 ms  p99 ms
        shadow  2         0       1         1        4.0     4.0
        all     2         0       1         1        4.0     4.0

        FLIP                       FOLLOWED AFTER ms
        migrate cutover workflows  3.2

        2 of 2 promises held, in 31.4 s

        Where to look next
          README.md                          a real migration, step by step
          routes.toml                        the table, with every key explained
          migrate demo --stay                leaves all of this running, for you to try the commands on
          migrate cutover --help             what a flip can do
        "#);
    }

    #[test]
    fn one_failed_request_breaks_a_promise() {
        let summary = summary(true);
        assert!(!summary.kept());
        let page = page(&summary);
        let broken = "✗ no request of the whole demo failed: 1 of 3 failed a: connection reset";
        assert!(page.contains(broken), "{page}");
        assert!(page.contains("1 of 2 promises held"), "{page}");
    }
}
