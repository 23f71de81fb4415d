//! Figures as people read them.

/// `1,240`.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A share as a percentage, rounded down so that what is short of a limit never reads as if it had reached it.
pub(super) fn percent(share: f64) -> String {
    // A share that was written as 0.99 is a little less than that in binary.
    let hundredths = (share * 10_000.0 + 1e-6).floor() / 100.0;
    format!("{hundredths} %")
}

/// Milliseconds.
pub(super) fn milliseconds(ms: f64) -> String {
    format!("{ms:.1} ms")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_easy_to_read() {
        for (number, text) in
            [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567"), (100, "100")]
        {
            assert_eq!(count(number), text);
        }
        for (share, text) in
            [(0.99, "99 %"), (0.989_99, "98.99 %"), (1.0, "100 %"), (0.0, "0 %"), (0.5, "50 %")]
        {
            assert_eq!(percent(share), text);
        }
    }
}
