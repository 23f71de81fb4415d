//! A small line plot as SVG, for a page without scripts.

use std::fmt::Write as _;

const WIDTH: f64 = 600.0;
const HEIGHT: f64 = 120.0;
/// Room for the numbers at the left and the line at the bottom.
const LEFT: f64 = 48.0;
const BOTTOM: f64 = 16.0;

/// One line of a plot.
#[derive(Debug)]
pub(super) struct Line<'a> {
    /// CSS class: `old` or `new`.
    pub(super) class: &'a str,
    /// Time (any unit) and value, oldest first; values that are not finite are left out.
    pub(super) points: Vec<(f64, f64)>,
}

/// The lines over one another, on one scale from `floor` to the largest value. Empty where there are not two points in time.
pub(super) fn svg(title: &str, unit: &str, floor: f64, lines: &[Line<'_>]) -> String {
    let all = || lines.iter().flat_map(|line| &line.points).filter(|(_, value)| value.is_finite());
    let first = all().map(|(time, _)| *time).fold(f64::INFINITY, f64::min);
    let last = all().map(|(time, _)| *time).fold(f64::NEG_INFINITY, f64::max);
    let top = all().map(|(_, value)| *value).fold(floor, f64::max);
    if last <= first {
        return String::new();
    }
    let top = if top > floor { top } else { floor + 1.0 };
    let x = |time: f64| LEFT + (time - first) / (last - first) * (WIDTH - LEFT);
    let y = |value: f64| (HEIGHT - BOTTOM) * (1.0 - (value - floor) / (top - floor));
    let mut svg = format!(
        "<svg viewBox=\"0 -8 {WIDTH} {:.0}\" role=\"img\" aria-label=\"{}\">",
        HEIGHT + 8.0,
        escaped(title)
    );
    for value in [floor, top] {
        // Writing to a string never fails.
        let _written = write!(
            svg,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{WIDTH}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\
             <text x=\"{}\" y=\"{:.1}\">{}{unit}</text>",
            LEFT - 4.0,
            y(value) + 4.0,
            short(value),
            at = y(value),
        );
    }
    for line in lines {
        let finite = line.points.iter().filter(|(_, value)| value.is_finite());
        let points: Vec<String> =
            finite.map(|(time, value)| format!("{:.1},{:.1}", x(*time), y(*value))).collect();
        let _written = write!(
            svg,
            "<polyline class=\"{}\" points=\"{}\"/>",
            escaped(line.class),
            points.join(" ")
        );
    }
    svg.push_str("</svg>");
    svg
}

fn short(value: f64) -> String {
    if value.abs() >= 100.0 || value.fract().abs() < 0.05 {
        format!("{value:.0}")
    } else {
        format!("{value:.1}")
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plot_needs_two_points_in_time() {
        let line = |points: Vec<(f64, f64)>| [Line { class: "old", points }];
        assert_eq!(svg("p99", "", 0.0, &line(vec![(1.0, 5.0)])), "");
        assert_eq!(svg("p99", "", 0.0, &line(vec![(1.0, f64::NAN), (2.0, 3.0)])), "");
        let plot = svg("p99 <ms>", " ms", 0.0, &line(vec![(0.0, 0.0), (1.0, 10.0)]));
        insta::assert_snapshot!(plot, @r#"<svg viewBox="0 -8 600 128" role="img" aria-label="p99 &lt;ms>"><line class="grid" x1="48" x2="600" y1="104.0" y2="104.0"/><text x="44" y="108.0">0 ms</text><line class="grid" x1="48" x2="600" y1="0.0" y2="0.0"/><text x="44" y="4.0">10 ms</text><polyline class="old" points="48.0,104.0 600.0,0.0"/></svg>"#);
    }
}
