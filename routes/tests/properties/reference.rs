//! A matcher too slow and too simple to be wrong: sort all routes by precedence, take the first that fits.

use std::ops::Range;

use routes::PathRefusal;

use crate::sketch::Sketch;

fn decoded(text: &str) -> Vec<u8> {
    percent_encoding::percent_decode_str(text).collect()
}

/// The ranges between separators, for paths that begin with a slash.
fn split(path: &str, separators: &[&str]) -> Vec<Range<usize>> {
    if path == "/" {
        return Vec::new();
    }
    let mut ranges = Vec::new();
    let (mut start, mut at) = (1, 1);
    while at < path.len() {
        let found = separators.iter().find(|separator| path[at..].starts_with(**separator));
        if let Some(separator) = found {
            ranges.push(start..at);
            at += separator.len();
            start = at;
        } else {
            at += path[at..].chars().next().unwrap().len_utf8();
        }
    }
    ranges.push(start..path.len());
    ranges
}

/// What the parameters captured, if the pattern fits.
fn fits(pattern: &[&str], path: &str, segments: &[Range<usize>]) -> Option<Vec<Range<usize>>> {
    let Some((first, rest)) = pattern.split_first() else {
        return segments.is_empty().then(Vec::new);
    };
    let end = path.len();
    match (*first, segments.split_first()) {
        ("{*w}", None) => Some(Vec::from([Range { start: end, end }])),
        ("{*w}", Some((segment, _))) => Some(Vec::from([Range { start: segment.start, end }])),
        (_, None) => None,
        (_, Some((segment, _))) if segment.is_empty() => None,
        ("{p}", Some((segment, others))) => {
            let mut captured = vec![segment.clone()];
            captured.extend(fits(rest, path, others)?);
            Some(captured)
        }
        (literal, Some((segment, others))) => {
            let same = decoded(literal) == decoded(&path[segment.clone()]);
            if same { fits(rest, path, others) } else { None }
        }
    }
}

fn precedence(sketch: &Sketch) -> (Vec<u8>, bool) {
    let ranks = sketch.segments.iter().map(|segment| match *segment {
        "{p}" => 1,
        "{*w}" => 3,
        _ => 0,
    });
    (ranks.chain([2]).collect(), sketch.methods.is_none())
}

pub(crate) type Found = Option<(usize, Vec<Range<usize>>)>;

fn first_fit(sketches: &[Sketch], method: &str, path: &str, separators: &[&str]) -> Found {
    let segments = split(path, separators);
    let mut order: Vec<usize> = (0..sketches.len()).collect();
    order.sort_by_key(|index| precedence(&sketches[*index]));
    order.into_iter().find_map(|index| {
        let sketch = &sketches[index];
        let accepts = sketch.methods.as_ref().is_none_or(|methods| methods.contains(&method));
        let captured = fits(&sketch.segments, path, &segments)?;
        accepts.then_some((index, captured))
    })
}

pub(crate) fn reference(
    sketches: &[Sketch],
    method: &str,
    path: &str,
) -> Result<Found, PathRefusal> {
    if !path.starts_with('/') {
        return Err(PathRefusal::NotAbsolute);
    }
    let plain = first_fit(sketches, method, path, &["/"]);
    if plain != first_fit(sketches, method, path, &["/", "%2F", "%2f"]) {
        return Err(PathRefusal::AmbiguousSlash);
    }
    Ok(plain)
}

/// Whether the path has anything that is refused whatever the routes are.
pub(crate) fn is_unfit(path: &str) -> bool {
    let text = decoded(path);
    let bad_escape = path.match_indices('%').any(|(at, _)| {
        let digits = path.get(at + 1..at + 3);
        !digits.is_some_and(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
    });
    let dots = text.split(|byte| *byte == b'/').any(|segment| segment == b"." || segment == b"..");
    bad_escape || dots || text.contains(&b'\\') || text.contains(&0)
}

fn same_shape(one: &Sketch, two: &Sketch) -> bool {
    one.segments
        .iter()
        .map(|segment| decoded(segment))
        .eq(two.segments.iter().map(|segment| decoded(segment)))
}

pub(crate) fn is_ambiguous(one: &Sketch, two: &Sketch) -> bool {
    let overlap = match (&one.methods, &two.methods) {
        (None, None) => true,
        (Some(one), Some(two)) => one.iter().any(|method| two.contains(method)),
        _ => false,
    };
    overlap && same_shape(one, two)
}
