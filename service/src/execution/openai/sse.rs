//! Cuts a stream of server-sent events into the data of each, whatever the pieces in which it arrives.

/// The longest line of a stream, in bytes.
pub const LONGEST_LINE: usize = 256 * 1024;

/// A line of the stream is longer than [`LONGEST_LINE`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a line of the stream is longer than {LONGEST_LINE} bytes")]
pub struct TooLong;

/// Holds the line that has not ended yet, and nothing else.
#[derive(Debug, Default)]
pub struct Lines {
    begun: Vec<u8>,
}

impl Lines {
    /// Takes the next piece and gives the data of each event line that it completes. Other lines (comments, names, blank
    /// ones) mean nothing here: servers of this protocol put each event into one line of data.
    pub fn take(&mut self, piece: &[u8]) -> Result<Vec<String>, TooLong> {
        let mut data = Vec::new();
        for part in piece.split_inclusive(|byte| *byte == b'\n') {
            if self.begun.len() + part.len() > LONGEST_LINE {
                return Err(TooLong);
            }
            self.begun.extend_from_slice(part);
            if part.ends_with(b"\n") {
                data.extend(data_of(&self.begun));
                self.begun.clear();
            }
        }
        Ok(data)
    }

    /// The data of a last line that the stream ended without a line's end.
    pub fn rest(self) -> Option<String> {
        data_of(&self.begun)
    }
}

fn data_of(line: &[u8]) -> Option<String> {
    let line = String::from_utf8_lossy(line);
    let data = line.trim_end_matches(['\r', '\n']).strip_prefix("data:")?;
    Some(data.strip_prefix(' ').unwrap_or(data).to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(pieces: &[&[u8]]) -> Vec<String> {
        let mut lines = Lines::default();
        let mut data: Vec<String> =
            pieces.iter().flat_map(|piece| lines.take(piece).unwrap()).collect();
        data.extend(lines.rest());
        data
    }

    #[test]
    fn only_data_counts() {
        let stream = b": hello\r\nevent: x\ndata: {\"a\":1}\r\n\r\ndata:two\n\nid: 7\ndata:  three";
        assert_eq!(all(&[stream]), ["{\"a\":1}", "two", " three"]);
    }

    #[test]
    fn a_line_without_end_is_given_up() {
        let mut lines = Lines::default();
        let piece = vec![b'x'; LONGEST_LINE];
        assert_eq!(lines.take(&piece), Ok(Vec::new()));
        assert_eq!(lines.take(b"x"), Err(TooLong));
    }

    proptest! {
        #[test]
        fn pieces_make_no_difference(texts in prop::collection::vec("[a-zżó ]{0,9}", 0..6), cuts in prop::collection::vec(0_usize..200, 0..6)) {
            let events: Vec<String> = texts.iter().map(|text| format!("data: {text}\n\n")).collect();
            let stream = events.concat();
            let bytes = stream.as_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]).collect();
            prop_assert_eq!(all(&pieces), texts);
        }
    }
}
