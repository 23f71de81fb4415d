//! Prints a float as Python's `repr` does, so that stored JSON text is the same on both sides.

/// The shortest text that reads back as `value`: `1e-05`, `0.0001`, `1e+16`, `2.0`, `nan`, `inf`.
pub fn repr(value: f64) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    // Rust has Python's digits, and its bounds between the two notations; its exponents are shorter.
    let text = format!("{value:?}");
    match text.split_once('e') {
        None => text,
        Some((digits, exponent)) => {
            let (sign, exponent) = match exponent.strip_prefix('-') {
                Some(exponent) => ('-', exponent),
                None => ('+', exponent),
            };
            format!("{digits}e{sign}{exponent:0>2}")
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::repr;

    #[test]
    fn prints_what_python_prints() {
        let cases: [(f64, &str); 20] = [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (-1.5, "-1.5"),
            (0.1, "0.1"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (6e-5, "6e-05"),
            (2.9e-5, "2.9e-05"),
            (0.000_099_999, "9.9999e-05"),
            (9_999_999_999_999_998.0, "9999999999999998.0"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1.5e16, "1.5e+16"),
            (123_456_789_012_345.67, "123456789012345.67"),
            (1e100, "1e+100"),
            (5e-324, "5e-324"),
            (1.797_693_134_862_315_7e308, "1.7976931348623157e+308"),
            (0.1 + 0.2, "0.30000000000000004"),
            (100.0, "100.0"),
        ];
        for (value, text) in cases {
            assert_eq!(repr(value), text);
        }
        assert_eq!(repr(f64::NAN), "nan");
        assert_eq!(repr(f64::NEG_INFINITY), "-inf");
    }

    proptest! {
        #[test]
        fn reads_back_as_the_same_float(value in proptest::num::f64::NORMAL | proptest::num::f64::SUBNORMAL | proptest::num::f64::ZERO) {
            let text = repr(value);
            prop_assert_eq!(text.parse::<f64>().unwrap().to_bits(), value.to_bits());
            prop_assert!(text.contains('.') || text.contains('e'), "an int in disguise: {}", text);
        }
    }
}
