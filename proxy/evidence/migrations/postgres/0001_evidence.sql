-- In a schema of its own, `strangler_evidence`.

-- One route on one basis: the build of the new backend and the compare rules. `basis` is a hash of the three.
CREATE TABLE bases (
    basis BIGINT NOT NULL PRIMARY KEY,
    route TEXT NOT NULL,
    rules TEXT NOT NULL,              -- hash of the compare rules, 16 hex digits
    build TEXT,                       -- absent where the new backend names none
    first_seen BIGINT NOT NULL,         -- microseconds since 1970, as every time
    last_seen BIGINT NOT NULL           -- the basis of a route's latest exchange is its current one
);
CREATE INDEX bases_by_route ON bases (route, last_seen);

-- Counts and latencies of one operation in one minute; every proxy has rows of its own.
CREATE TABLE tallies (
    basis BIGINT NOT NULL,
    minute BIGINT NOT NULL,             -- since 1970; 0: over all minutes
    operation TEXT NOT NULL,          -- empty: what belongs to the route and to none of its operations
    proxy TEXT NOT NULL,
    matched BIGINT NOT NULL,
    mismatched BIGINT NOT NULL,
    inconclusive BIGINT NOT NULL,
    controlled BIGINT NOT NULL,
    new_failed_alone BIGINT NOT NULL,
    old_failed_alone BIGINT NOT NULL,
    failed TEXT NOT NULL,             -- JSON: counts by reason
    dropped TEXT NOT NULL,            -- JSON: counts by reason
    old_latency BYTEA,                 -- HdrHistogram V2, microseconds
    new_latency BYTEA,
    PRIMARY KEY (basis, minute, operation, proxy)
);
CREATE INDEX tallies_by_minute ON tallies (minute);

-- Differences of one operation, told apart by a hash of operation, statuses, kind and path.
CREATE TABLE fingerprints (
    basis BIGINT NOT NULL,
    operation TEXT NOT NULL,
    fingerprint BIGINT NOT NULL,
    proxy TEXT NOT NULL,
    kind TEXT NOT NULL,
    grade TEXT NOT NULL,
    gap TEXT,
    path TEXT NOT NULL,
    old_status BIGINT NOT NULL,
    new_status BIGINT NOT NULL,
    mismatches BIGINT NOT NULL,
    inconclusive BIGINT NOT NULL,
    first_seen BIGINT NOT NULL,
    last_seen BIGINT NOT NULL,
    PRIMARY KEY (basis, operation, fingerprint, proxy)
);

-- The newest exchanges that showed a difference, masked before they get here.
CREATE TABLE examples (
    basis BIGINT NOT NULL,
    fingerprint BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    proxy TEXT NOT NULL,
    request_id TEXT NOT NULL,
    operation TEXT NOT NULL,
    example TEXT NOT NULL,            -- JSON
    PRIMARY KEY (basis, fingerprint, seen_at, proxy, request_id)
);
CREATE INDEX examples_by_time ON examples (seen_at);

-- What is learned beside the counts, as JSON.
CREATE TABLE states (
    basis BIGINT NOT NULL,
    name TEXT NOT NULL,
    proxy TEXT NOT NULL,
    saved_at BIGINT NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (basis, name, proxy)
);

-- Who writes here, and what was written last: nothing is added twice.
CREATE TABLE proxies (
    proxy TEXT NOT NULL PRIMARY KEY,
    batch TEXT NOT NULL,
    seen_at BIGINT NOT NULL
);
