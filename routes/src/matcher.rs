//! From method and path to the one route that names them, compiled once, without allocating per request.

use arrayvec::ArrayVec;
use percent_encoding::percent_decode;

use crate::path_check::check_path;
use crate::pattern::{MAX_PARAMETERS, Segment};
use crate::table::{Route, RouteId, RouteTable};

pub use crate::path_check::PathRefusal;

/// Byte ranges of what the parameters captured, in pattern order.
type Captured = ArrayVec<(u32, u32), MAX_PARAMETERS>;

/// The compiled form of all patterns of a table: a tree with one level per segment. The way from the root to a node is
/// one pattern shape, so a request visits each node at most once however much it has to go back.
#[derive(Debug, Default)]
pub(crate) struct Matcher {
    root: Node,
}

/// What may come after the segments that led here.
#[derive(Debug, Default)]
struct Node {
    /// Sorted by text (percent-decoded), for binary search.
    literals: Vec<(Box<str>, Self)>,
    parameter: Option<Box<Self>>,
    wildcard: Vec<Candidate>,
    end: Vec<Candidate>,
}

/// A route whose pattern ends at a node; those with methods stand before the one without.
#[derive(Debug)]
struct Candidate {
    route: RouteId,
    /// `None`: every method.
    methods: Option<Box<[Box<str>]>>,
}

/// The route of a request and where its parameters stand in the path (byte ranges; no allocation, at most 16).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteMatch {
    /// The route.
    pub route: RouteId,
    /// Byte ranges of the captured parameters in pattern order; a wildcard's range is what follows the slash after its prefix.
    pub(crate) captured: Captured,
}

impl RouteMatch {
    /// What the parameter of that index (in pattern order) captured, as the client sent it. Empty for an index that the
    /// pattern lacks. `path` is the path that was matched.
    pub fn value<'p>(&self, index: usize, path: &'p str) -> &'p str {
        let range = self.captured.get(index).map(|(start, end)| *start as usize..*end as usize);
        range.and_then(|range| path.get(range)).unwrap_or_default()
    }

    /// Whether a slash stands right before the captured text (an empty wildcard has one after `/a/`, none after `/a`).
    pub(crate) fn is_after_slash(&self, index: usize, path: &str) -> bool {
        let start = self.captured.get(index).map_or(0, |(start, _)| *start as usize);
        path.get(..start).is_some_and(|before| before.ends_with('/'))
    }
}

impl RouteTable {
    /// The route of a request. `path` is the raw path, without query.
    ///
    /// # Errors
    /// The path may not be matched at all: answer 400.
    pub fn match_route(&self, method: &str, path: &str) -> Result<Option<RouteMatch>, PathRefusal> {
        self.matcher.find(method, path)
    }
}

impl Matcher {
    /// Compiles the routes with their ids.
    pub(crate) fn compile<'r>(routes: impl IntoIterator<Item = (RouteId, &'r Route)>) -> Self {
        let mut matcher = Self::default();
        for (id, route) in routes {
            matcher.root.insert(&route.path.segments, Candidate::new(id, route));
        }
        matcher
    }

    /// See [`RouteTable::match_route`].
    pub(crate) fn find(&self, method: &str, path: &str) -> Result<Option<RouteMatch>, PathRefusal> {
        let checked = check_path(path)?;
        let found = self.root.find(&Request { method, path, slashes: Slashes::Plain });
        if checked.has_encoded_slash {
            let decoded = self.root.find(&Request { method, path, slashes: Slashes::Encoded });
            if found != decoded {
                return Err(PathRefusal::AmbiguousSlash);
            }
        }
        Ok(found)
    }
}

impl Candidate {
    fn new(route_id: RouteId, route: &Route) -> Self {
        let methods = route.methods.as_ref();
        let methods =
            methods.map(|methods| methods.iter().map(|name| name.as_str().into()).collect());
        Self { route: route_id, methods }
    }
}

impl Node {
    fn insert(&mut self, segments: &[Segment], candidate: Candidate) {
        let Some((first, rest)) = segments.split_first() else {
            return insert_candidate(&mut self.end, candidate);
        };
        match first {
            Segment::Wildcard(_) => insert_candidate(&mut self.wildcard, candidate),
            Segment::Parameter(_) => self.parameter.get_or_insert_default().insert(rest, candidate),
            Segment::Literal(text) => self.literal_mut(text).insert(rest, candidate),
        }
    }

    fn literal_mut(&mut self, text: &str) -> &mut Self {
        let place = self.literals.partition_point(|(literal, _)| **literal < *text);
        if self.literals.get(place).is_none_or(|(literal, _)| **literal != *text) {
            self.literals.insert(place, (text.into(), Self::default()));
        }
        #[expect(clippy::indexing_slicing, reason = "the entry was found or inserted right above")]
        &mut self.literals[place].1
    }

    /// The child of a literal segment, compared percent-decoded without decoding into memory.
    fn literal(&self, segment: &[u8]) -> Option<&Self> {
        let found = if segment.contains(&b'%') {
            let decoded = percent_decode(segment);
            self.literals.binary_search_by(|(text, _)| text.bytes().cmp(decoded.clone()))
        } else {
            self.literals.binary_search_by(|(text, _)| text.as_bytes().cmp(segment))
        };
        found.ok().and_then(|place| self.literals.get(place)).map(|(_, node)| node)
    }

    fn find(&self, request: &Request<'_>) -> Option<RouteMatch> {
        let mut captured = Captured::new();
        // The path `/` has no segments, as the pattern `/` has none.
        let start = usize::from(request.path == "/");
        let route = self.descend(request, start, &mut captured)?;
        Some(RouteMatch { route, captured })
    }

    /// Most specific first: a literal, then a parameter, then the wildcard; where one leads nowhere, the next.
    fn descend(
        &self,
        request: &Request<'_>,
        at: usize,
        captured: &mut Captured,
    ) -> Option<RouteId> {
        let Some(segment) = request.segment_after(at) else {
            return accepting(&self.end, request.method)
                .or_else(|| self.take_rest(request, at, captured));
        };
        let text = request.path.as_bytes().get(segment.start..segment.end).unwrap_or_default();
        if !text.is_empty() {
            if let Some(child) = self.literal(text)
                && let Some(route) = child.descend(request, segment.end, captured)
            {
                return Some(route);
            }
            if let Some(child) = &self.parameter {
                captured.try_push(range(segment.start, segment.end)).ok()?;
                if let Some(route) = child.descend(request, segment.end, captured) {
                    return Some(route);
                }
                captured.pop();
            }
        }
        self.take_rest(request, segment.start, captured)
    }

    fn take_rest(
        &self,
        request: &Request<'_>,
        at: usize,
        captured: &mut Captured,
    ) -> Option<RouteId> {
        let route = accepting(&self.wildcard, request.method)?;
        captured.try_push(range(at, request.path.len())).ok()?;
        Some(route)
    }
}

fn insert_candidate(candidates: &mut Vec<Candidate>, candidate: Candidate) {
    // One without methods goes last; those with methods exclude each other, so their order is of no matter.
    let place = if candidate.methods.is_some() { 0 } else { candidates.len() };
    candidates.insert(place, candidate);
}

fn accepting(candidates: &[Candidate], method: &str) -> Option<RouteId> {
    let accepts = |candidate: &&Candidate| {
        candidate.methods.as_ref().is_none_or(|names| names.iter().any(|name| **name == *method))
    };
    candidates.iter().find(accepts).map(|candidate| candidate.route)
}

/// Offsets past 4 GiB can't be told; no server accepts such a path, and reading one back gives nothing rather than a panic.
fn range(start: usize, end: usize) -> (u32, u32) {
    let narrow = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
    (narrow(start), narrow(end))
}

struct Request<'a> {
    method: &'a str,
    path: &'a str,
    slashes: Slashes,
}

/// What separates segments: the second reading finds out whether an encoded slash would matter.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Slashes {
    /// `/` only.
    Plain,
    /// `%2F` as well.
    Encoded,
}

impl Request<'_> {
    /// The segment after the separator at `at`; `None` at the end of the path.
    fn segment_after(&self, at: usize) -> Option<std::ops::Range<usize>> {
        let bytes = self.path.as_bytes();
        let start = at + self.separator(bytes.get(at..)?)?;
        let rest = bytes.get(start..)?;
        let length = match self.slashes {
            Slashes::Plain => rest.iter().position(|byte| *byte == b'/'),
            Slashes::Encoded => (0..rest.len()).find(|offset| {
                rest.get(*offset..).is_some_and(|tail| self.separator(tail).is_some())
            }),
        };
        Some(start..start + length.unwrap_or(rest.len()))
    }

    /// Length of the separator that `bytes` starts with.
    fn separator(&self, bytes: &[u8]) -> Option<usize> {
        match bytes {
            [b'/', ..] => Some(1),
            [b'%', b'2', b'f' | b'F', ..] if self.slashes == Slashes::Encoded => Some(3),
            _ => None,
        }
    }
}
